"""Where new repositories go: into accounts, folders, and folders that their owner makes by naming them."""

from __future__ import annotations

import pytest

from entrepot.errors import AlreadyExists, InvalidName, NotAllowed, QuotaExceeded, RepoMoved, ThingNotFound
from entrepot.hub import access, audit
from entrepot.hub.accounts import quotas
from entrepot.hub.folders import folder_homes, folders
from entrepot.hub.folders.folders import FolderChanges, FolderDraft, FolderId
from entrepot.hub.repos import repositories
from entrepot.names import RepoId, RepoRef, RepoType
from tests.support.worlds import World

MODEL, DATASET, SPACE = RepoType.MODEL, RepoType.DATASET, RepoType.SPACE
LLM = FolderId(MODEL, "alice", "llm")


def test_the_owner_makes_a_folder_by_naming_it(world: World) -> None:
    assert str(world.repo("alice.llm/x").id) == "alice.llm/x"
    assert folders.show(world.hub, world.alice, LLM).permission == "own"
    found = [row.action for row in audit.search(world.hub, audit.AuditFilter(), limit=2)]
    assert found == ["repo.create", "folder.create"]
    assert world.repo("acme.llm/x", by=world.wendy)


@pytest.mark.parametrize("name", ["bob", "rita", "carl"])
def test_others_are_refused_whether_or_not_there_is_a_folder(world: World, name: str) -> None:
    folders.create(world.hub, world.alice, FolderDraft(MODEL, "there"))
    messages = []
    for folder in ("there", "missing"):
        with pytest.raises(NotAllowed) as refused:
            world.repo(f"alice.{folder}/x", by=world.caller(name))
        messages.append(refused.value.message.replace(folder, "FOLDER"))
    assert len(set(messages)) == 1


def test_contributors_use_folders_and_make_none(world: World) -> None:
    with pytest.raises(NotAllowed):
        world.repo("acme.llm/x", by=world.carl)
    folders.create(world.hub, world.olga, FolderDraft(MODEL, "llm", "acme"))
    ref = world.repo("acme.llm/x", by=world.carl)
    world.add(ref, "a", by=world.carl)
    with pytest.raises(NotAllowed):
        world.repo("acme.llm/y", by=world.rita)


def test_an_impossible_folder_is_not_made(world: World) -> None:
    for name in ("alice.a.b/x", "alice.git/x"):
        with pytest.raises(InvalidName):
            world.repo(name)
    with pytest.raises(NotAllowed):
        world.repo("alice.llm/x", kind=SPACE)
    with pytest.raises(NotAllowed):
        world.repo("alice.llm/x", by=world.caller("alice", "read"))


def test_a_refused_repository_makes_no_folder(world: World) -> None:
    quotas.change(world.hub, "alice", {"max_repos": 1})
    world.repo("alice/a")
    with pytest.raises(QuotaExceeded):
        world.repo("alice.llm/x")
    with pytest.raises(ThingNotFound):
        folders.show(world.hub, world.alice, LLM)


def test_a_taken_name_is_refused_in_a_folder(world: World) -> None:
    world.repo("alice.llm/x")
    with pytest.raises(AlreadyExists) as taken:
        world.repo("alice.LLM/X")
    assert taken.value.url == "alice.llm/X"


def test_a_repository_moves_into_a_folder_that_this_makes(world: World) -> None:
    ref = world.repo("alice/x", visibility="public")
    there = RepoRef(MODEL, RepoId("alice.new", "x"))
    assert repositories.move(world.hub, world.alice, ref, there).is_private
    with world.hub.read() as tx, pytest.raises(RepoMoved):
        access.visible(tx, world.alice, ref)


def test_a_new_folder_ends_the_redirect_of_a_renamed_one(world: World) -> None:
    world.repo("alice.llm/x")
    folders.change(world.hub, world.alice, LLM, FolderChanges(name="other"))
    fresh = world.repo("alice.llm/y")
    assert str(fresh.id) == "alice.llm/y"
    assert folders.show(world.hub, world.alice, LLM).row.name == "llm"


def test_the_locks_of_a_folder_include_its_owners() -> None:
    assert len(folder_homes.locks_of("alice.llm", "alice", "bob")) == 3

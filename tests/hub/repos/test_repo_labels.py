from __future__ import annotations

import json

import pytest

from entrepot.catalog.repos import repo_tags
from entrepot.catalog.repos import repositories as rows
from entrepot.errors import Malformed, NotAllowed, RepoNotFound
from entrepot.hub import audit
from entrepot.hub.audit import AuditFilter
from entrepot.hub.files.operations import AddFile
from entrepot.hub.jobs import cards
from entrepot.hub.repos import infos, repositories
from entrepot.hub.repos.repositories import NewRepo, RepoChanges
from entrepot.names import RepoId, RepoPath, RepoRef, RepoType
from tests.support.worlds import World

CARD = b"---\nlicense: mit\ntags: [nlp]\n---\nHello.\n"


def tags(world: World, ref: RepoRef) -> list[str]:
    with world.hub.read() as tx:
        found = repo_tags.tags_of(tx, [world.row_id(ref)]).get(world.row_id(ref), [])
    return [tag for tag in found if tag != "region:us"]


def found(world: World, tag: str) -> list[str]:
    page = infos.search(world.hub, world.alice, infos.Search(RepoType.MODEL, tags=(tag,)))
    return [str(full.info.row.ref.id) for full in page.infos]


def test_labels_of_a_new_repository_are_found_and_listed(world: World) -> None:
    ref = world.repo(labels=["smoke test", "A/B"], description="For CI.")
    assert tags(world, ref) == ["smoke test", "A/B"]
    assert found(world, "smoke test") == [str(ref.id)]
    with world.hub.read() as tx:
        row = rows.find(tx, ref)
    assert row is not None
    assert (row.labels, row.description) == (("smoke test", "A/B"), "For CI.")


def test_labels_join_the_tags_of_the_card_and_survive_its_changes(world: World) -> None:
    ref = world.repo(labels=["mine"])
    world.commit(ref, AddFile(RepoPath("README.md"), CARD))
    assert tags(world, ref) == ["nlp", "license:mit", "mine"]
    world.commit(ref, AddFile(RepoPath("README.md"), b"Nothing.\n"))
    cards.index(world.hub, world.row_id(ref))
    assert tags(world, ref) == ["mine"]


def test_a_change_replaces_labels_and_keeps_what_is_not_given(world: World) -> None:
    ref = world.repo(labels=["a", "b"], description="old")
    repositories.configure(world.hub, world.alice, ref, RepoChanges(labels=["b", "c"]))
    row = repositories.configure(world.hub, world.alice, ref, RepoChanges(description="new"))
    assert (row.labels, row.description) == (("b", "c"), "new")
    assert (found(world, "a"), found(world, "c")) == ([], [str(ref.id)])
    row = repositories.configure(world.hub, world.alice, ref, RepoChanges(labels=[], description=""))
    assert (row.labels, row.description, tags(world, ref)) == ((), "", [])


def test_changes_are_audited_without_the_text_of_the_description(world: World) -> None:
    ref = world.repo()
    repositories.configure(world.hub, world.alice, ref, RepoChanges(labels=["é"], description="secret plans"))
    [row, *_] = audit.search(world.hub, AuditFilter(action="repo.labels"))
    assert (row.actor, row.subject) == ("alice", f"model {ref.id}")
    assert json.loads(row.details) == {"labels": '["é"]', "description": "12 characters"}


def test_labels_and_visibility_change_together_or_not_at_all(world: World) -> None:
    ref = world.repo()
    with pytest.raises(Malformed):
        repositories.configure(world.hub, world.alice, ref, RepoChanges(visibility="private", labels=["x", "x"]))
    with world.hub.read() as tx:
        row = rows.find(tx, ref)
    assert row is not None
    assert (row.visibility, row.labels) == ("public", ())


def test_a_new_repository_with_a_bad_label_is_not_created(world: World) -> None:
    with pytest.raises(Malformed):
        world.repo("alice/bad", labels=["a\tb"])
    assert str(world.repo("alice/bad").id) == "alice/bad"


def test_only_writers_label(world: World) -> None:
    public, private = world.repo("alice/p"), world.repo("alice/q", visibility="private")
    with pytest.raises(NotAllowed):
        repositories.configure(world.hub, world.bob, public, RepoChanges(labels=["x"]))
    with pytest.raises(RepoNotFound):
        repositories.configure(world.hub, world.bob, private, RepoChanges(labels=["x"]))


def test_a_copy_has_the_annotations_of_its_origin(world: World) -> None:
    ref = world.repo(labels=["a"], description="d")
    row = repositories.duplicate(world.hub, world.alice, ref, RepoId("alice", "copy"), None)
    assert (row.labels, row.description, tags(world, row.ref)) == (("a",), "d", ["a"])


def test_an_empty_repository_has_one_commit_without_files(world: World) -> None:
    ref = world.repo(is_empty=True)
    assert world.paths(ref) == []
    world.commit(ref, AddFile(RepoPath("a.txt"), b"a"))
    assert world.paths(ref) == ["a.txt"]


@pytest.mark.parametrize("more", [{"files": {"a": b"b"}}, {"license": "mit"}, {"sdk": "static"}])
def test_an_empty_repository_takes_no_files(world: World, more: dict[str, object]) -> None:
    new = NewRepo(RepoType.MODEL, "x", is_empty=True, **more)  # type: ignore[arg-type]
    with pytest.raises(Malformed, match="empty"):
        repositories.create(world.hub, world.alice, new)

"""Folders: made, found, changed, renamed and deleted."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from entrepot.errors import (
    AlreadyExists,
    InvalidName,
    LimitExceeded,
    LoginRequired,
    Malformed,
    NotAllowed,
    QuotaExceeded,
    RepoMoved,
    RepoNotFound,
    ThingNotFound,
)
from entrepot.hub import access, audit
from entrepot.hub.accounts import quotas
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.files.operations import AddFile
from entrepot.hub.folders import folders, grants
from entrepot.hub.folders.folders import FolderChanges, FolderDraft, FolderId, KnownFolder
from entrepot.hub.folders.grants import Subject
from entrepot.hub.jobs import maintenance
from entrepot.hub.repos import commits, repositories
from entrepot.hub.repos.commits import CommitDraft
from entrepot.hub.search import searches
from entrepot.hub.usage_cache import KEPT_MS
from entrepot.names import RepoId, RepoPath, RepoRef, RepoType
from tests.support.worlds import DAY_MS, World

MODEL, DATASET = RepoType.MODEL, RepoType.DATASET
LLM = FolderId(MODEL, "alice", "llm")


def make(world: World, name: str = "llm", by: MaybeCaller = None, kind: RepoType = MODEL, **new: Any) -> KnownFolder:
    return folders.create(world.hub, by or world.alice, FolderDraft(kind, name, **new))


def find(world: World, text: str, caller: MaybeCaller, kind: RepoType = MODEL) -> RepoRef:
    namespace, _, name = text.partition("/")
    with world.hub.read() as tx:
        return access.visible(tx, caller, RepoRef(kind, RepoId(namespace, name))).ref


def change(world: World, wanted: FolderId = LLM, by: MaybeCaller = None, **changes: Any) -> KnownFolder:
    return folders.change(world.hub, by or world.alice, wanted, FolderChanges(**changes))


# --- making ---------------------------------------------------------------------


def test_a_new_folder_is_its_owners_and_private(world: World) -> None:
    made = make(world, "LLM", labels=["nlp", "a b"], description="Words.")
    assert (made.permission, made.row.owner, made.row.name, made.row.is_public) == ("own", "alice", "LLM", False)
    assert (tuple(made.row.labels), made.row.description, made.row.editor) == (("nlp", "a b"), "Words.", "alice")
    assert folders.show(world.hub, world.alice, LLM) == made
    assert folders.show(world.hub, world.root, LLM).permission == "own"
    for stranger in (world.bob, None):
        with pytest.raises(ThingNotFound):
            folders.show(world.hub, stranger, LLM)


def test_a_name_is_taken_once_for_each_type(world: World) -> None:
    make(world)
    with pytest.raises(AlreadyExists):
        make(world, "Llm")
    dataset = make(world, kind=DATASET)
    assert dataset.row.namespace_id == folders.show(world.hub, world.alice, LLM).row.namespace_id


def test_a_folder_of_a_user_and_an_account_with_a_similar_name_are_different(world: World) -> None:
    make(world, "b-c")
    assert find(world, str(world.repo("alice.b-c/x").id), world.alice).id.namespace == "alice.b-c"
    with pytest.raises(NotAllowed):
        make(world, "b", owner="alice-b")


@pytest.mark.parametrize(
    "name",
    ["", "~", "a.b", "a/b", "-a", "a-", "a--b", "_a", "ä", "a\0", "..", "%2e", "a b", "Git", "a" * 91, "x" * 9999],
)
def test_a_name_that_breaks_a_rule_is_refused(world: World, name: str) -> None:
    with pytest.raises(InvalidName):
        make(world, name)


def test_labels_and_descriptions_of_folders_have_limits(world: World) -> None:
    with pytest.raises(LimitExceeded):
        make(world, labels=[str(number) for number in range(65)])
    for labels in (["a\n"], [""], ["a", "a"]):
        with pytest.raises(Malformed):
            make(world, labels=labels)
    with pytest.raises(LimitExceeded):
        make(world, description="x" * 10_001)
    with pytest.raises(InvalidName):
        make(world, kind=RepoType.SPACE)


def test_only_the_owner_and_writers_of_an_organisation_make_folders(world: World) -> None:
    for by, owner in ((world.bob, "alice"), (world.rita, "acme"), (world.carl, "acme"), (world.alice, "nobody")):
        with pytest.raises(NotAllowed):
            make(world, by=by, owner=owner)
    with pytest.raises(NotAllowed):
        make(world, by=world.caller("alice", "read"))
    with pytest.raises(LoginRequired):
        folders.create(world.hub, None, FolderDraft(MODEL, "llm", "alice"))
    assert make(world, by=world.wendy, owner="acme").permission == "edit"
    assert make(world, "x", by=world.olga, owner="acme").permission == "own"
    make(world)
    with pytest.raises(NotAllowed):
        make(world, "y", by=world.alice, owner="alice.llm")


def test_of_two_makers_at_once_one_wins(world: World) -> None:
    results: list[object] = []
    gate = threading.Barrier(2)

    def run() -> None:
        gate.wait(60)
        try:
            results.append(make(world).permission)
        except AlreadyExists as error:
            results.append(type(error))

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(map(str, results)) == [str(AlreadyExists), "own"]


def test_an_account_has_a_limit_of_folders(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("entrepot.hub.folders.folder_homes.MAX_FOLDERS", 1)
    make(world)
    with pytest.raises(LimitExceeded):
        make(world, "x")


# --- changing --------------------------------------------------------------------


def test_labels_and_description_change_and_are_cleared(world: World) -> None:
    make(world, labels=["a"], description="b")
    world.clock.advance(5)
    changed = change(world, labels=["b", "a"])
    assert (list(changed.row.labels), changed.row.description) == (["b", "a"], "b")
    assert changed.row.updated_ms == changed.row.created_ms + 5
    cleared = change(world, labels=[], description="")
    assert (list(cleared.row.labels), cleared.row.description) == ([], "")
    world.clock.advance(5)
    assert change(world) == cleared


def test_an_editor_relabels_and_does_not_rename(world: World) -> None:
    make(world)
    grants.grant(world.hub, world.alice, LLM, Subject(user="bob"), "edit")
    assert change(world, by=world.bob, labels=["x"]).row.editor == "bob"
    for by, values in ((world.bob, {"name": "y", "labels": ["y"]}), (world.zed, {"labels": ["y"]})):
        with pytest.raises((NotAllowed, ThingNotFound)):
            change(world, by=by, **values)
    grants.grant(world.hub, world.alice, LLM, Subject(user="bob"), "view")
    with pytest.raises(NotAllowed, match="'edit' is needed"):
        change(world, by=world.bob, labels=["y"])
    assert list(folders.show(world.hub, world.alice, LLM).row.labels) == ["x"]


# --- renaming --------------------------------------------------------------------


def test_a_renamed_folder_takes_its_repositories_along_and_redirects(world: World) -> None:
    world.repo("alice.llm/x")
    world.add(RepoRef(MODEL, RepoId("alice.llm", "x")), "a", by=world.alice)
    made = folders.show(world.hub, world.alice, LLM)
    renamed = change(world, name="words")
    assert (renamed.row.uid, renamed.row.namespace) == (made.row.uid, "alice.words")
    assert find(world, "alice.words/x", world.alice)
    with pytest.raises(RepoMoved) as moved:
        find(world, "alice.LLM/X", world.alice)
    assert moved.value.new == "alice.words/x"
    with pytest.raises(RepoMoved):
        folders.show(world.hub, world.alice, LLM)
    for stranger in (world.bob, None):
        with pytest.raises(RepoNotFound):
            find(world, "alice.llm/x", stranger)
        with pytest.raises(ThingNotFound):
            folders.show(world.hub, stranger, LLM)


def test_a_name_goes_there_and_back(world: World) -> None:
    world.repo("alice.llm/x")
    change(world, name="b")
    change(world, FolderId(MODEL, "alice", "b"), name="llm")
    assert find(world, "alice.llm/x", world.alice)
    with pytest.raises(RepoMoved):
        find(world, "alice.b/x", world.alice)
    change(world, name="b")
    assert find(world, "alice.b/x", world.alice)
    with pytest.raises(RepoMoved):
        find(world, "alice.llm/x", world.alice)


def test_the_sibling_of_the_other_type_keeps_its_name(world: World) -> None:
    world.repo("alice.llm/x")
    world.repo("alice.llm/x", kind=DATASET)
    change(world, name="b")
    assert find(world, "alice.llm/x", world.alice, DATASET)
    assert find(world, "alice.b/x", world.alice)
    change(world, FolderId(DATASET, "alice", "llm"), name="b")
    assert find(world, "alice.b/x", world.alice, DATASET)
    change(world, FolderId(MODEL, "alice", "b"), name="llm")
    assert find(world, "alice.llm/x", world.alice)


def test_a_new_folder_and_a_renamed_one_end_a_redirect(world: World) -> None:
    world.repo("alice.llm/x")
    change(world, name="b")
    make(world)
    with pytest.raises(RepoNotFound):
        find(world, "alice.llm/x", world.alice)
    change(world, name="c")
    change(world, FolderId(MODEL, "alice", "b"), name="llm")
    assert find(world, "alice.llm/x", world.alice)


def test_a_repository_that_moved_before_its_folder_is_found(world: World) -> None:
    ref = world.repo("alice.llm/x")
    repositories.move(world.hub, world.alice, ref, RepoRef(MODEL, RepoId("alice.llm", "y")))
    change(world, name="b")
    repositories.move(
        world.hub, world.alice, RepoRef(MODEL, RepoId("alice.b", "y")), RepoRef(MODEL, RepoId("alice.b", "z"))
    )
    for old in ("alice.llm/x", "alice.llm/y", "alice.b/y"):
        with pytest.raises(RepoMoved) as moved:
            find(world, old, world.alice)
        assert moved.value.new == "alice.b/z"


def test_a_taken_or_invalid_name_is_refused_and_changes_nothing(world: World) -> None:
    make(world)
    make(world, "b")
    with pytest.raises(AlreadyExists):
        change(world, name="B", labels=["x"])
    with pytest.raises(InvalidName):
        change(world, name="~", labels=["x"])
    assert list(folders.show(world.hub, world.alice, LLM).row.labels) == []
    assert change(world, name="LLM").row.name == "LLM"


def test_a_renamed_folder_is_found_by_text_under_its_new_name_only(world: World) -> None:
    world.repo("alice.llm/x")
    change(world, name="words")
    page = searches.full_text(world.hub, world.alice, "words", [MODEL], skip=0, limit=9)
    assert [str(found.hit.row.ref.id) for found in page.items] == ["alice.words/x"]
    assert not searches.full_text(world.hub, world.alice, "llm", [MODEL], skip=0, limit=9).items


# --- deleting --------------------------------------------------------------------


def test_a_deleted_folder_takes_its_repositories_along_and_nothing_else(world: World) -> None:
    world.repo("alice.llm/x")
    world.repo("alice.llm/x", kind=DATASET)
    grants.grant(world.hub, world.alice, LLM, Subject(user="bob"), "edit")
    with pytest.raises(NotAllowed):
        folders.delete(world.hub, world.bob, LLM)
    folders.delete(world.hub, world.alice, LLM)
    with pytest.raises(RepoNotFound):
        find(world, "alice.llm/x", world.alice)
    with pytest.raises(ThingNotFound):
        folders.delete(world.hub, world.alice, LLM)
    assert find(world, "alice.llm/x", world.alice, DATASET)
    again = make(world)
    assert again.permission == "own"
    with pytest.raises(ThingNotFound):
        folders.show(world.hub, world.bob, LLM)


def test_the_sweeper_deletes_the_namespace_after_its_last_repository(world: World) -> None:
    world.repo("alice.llm/x")
    folders.delete(world.hub, world.alice, LLM)
    make(world)
    world.clock.advance(60 * DAY_MS)
    list(maintenance.gc(world.hub))
    with world.hub.read() as tx:
        left = tx.sql.exec_driver_sql("SELECT name_key FROM namespaces WHERE kind = 'folder'").scalars().all()
    assert left == ["alice.llm"]


def test_a_commit_finds_nothing_if_its_folder_is_deleted_meanwhile(world: World) -> None:
    ref = world.repo("alice.llm/x")

    def operations() -> Iterator[AddFile]:
        folders.delete(world.hub, world.alice, LLM)
        yield AddFile(RepoPath("a"), b"x")

    with pytest.raises(RepoNotFound):
        commits.create(world.hub, world.alice, ref, "main", CommitDraft("late", operations()))
    make(world)
    with pytest.raises(RepoNotFound):
        find(world, "alice.llm/x", world.alice)


# --- whose they are ----------------------------------------------------------------


def test_repositories_in_folders_count_for_the_owner(world: World) -> None:
    quotas.change(world.hub, "alice", {"max_repos": 2})
    world.repo("alice/a")
    world.repo("alice.llm/b")
    with pytest.raises(QuotaExceeded, match="alice"):
        world.repo("alice.llm/c")
    assert quotas.show(world.hub, "alice").repos == 2
    repositories.move(
        world.hub, world.alice, RepoRef(MODEL, RepoId("alice", "a")), RepoRef(MODEL, RepoId("alice.llm", "a"))
    )


def test_bytes_in_folders_count_for_the_owner(world: World) -> None:
    before = quotas.show(world.hub, "alice").used
    ref = world.repo("alice.llm/b")
    world.add_large(ref, "a.bin", b"x" * 5000, by=world.alice)
    world.clock.advance(KEPT_MS)  # a sum that took long to compute is kept for a while
    assert quotas.show(world.hub, "alice").used >= before + 5000


def test_every_change_is_in_the_audit_log(world: World) -> None:
    make(world)
    change(world, labels=["x"])
    change(world, name="b")
    folders.delete(world.hub, world.alice, FolderId(MODEL, "alice", "b"))
    found = [(row.action, row.subject) for row in audit.search(world.hub, audit.AuditFilter(), limit=4)]
    assert found == [
        ("folder.delete", "model folder alice.b"),
        ("folder.rename", "model folder alice.llm"),
        ("folder.update", "model folder alice.llm"),
        ("folder.create", "model folder alice.llm"),
    ]

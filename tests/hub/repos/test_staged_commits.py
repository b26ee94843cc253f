from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from entrepot.catalog.files import file_links
from entrepot.catalog.repos import repo_tags
from entrepot.errors import (
    CommitCanceled,
    EntryNotFound,
    InvalidOperation,
    LargeFileMissing,
    LimitExceeded,
    Malformed,
    Refused,
)
from entrepot.hub.branch_locks import BranchLocks
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.files.operations import AddFile, AddLarge, Copy, Delete, DeleteFolder, Operation
from entrepot.hub.jobs import maintenance
from entrepot.hub.repos import commits, lfs_files, locks, staged_changes
from entrepot.hub.repos.commits import CommitDraft, RecordedCommit
from entrepot.hub.repos.pulls import openings
from entrepot.hub.repos.staged_commits import StagedPolicy
from entrepot.names import Oid, RepoPath, RepoRef
from entrepot.storage import objects as stored
from tests.support.worlds import DAY_MS, World

P = RepoPath


def add(path: str, content: bytes = b"x\n") -> AddFile:
    return AddFile(P(path), content)


def stage(world: World, ref: RepoRef, *operations: Operation, by: MaybeCaller = None) -> int:
    return staged_changes.stage(world.hub, by or world.caller(ref.id.namespace), ref, "main", operations)


def staged(world: World, ref: RepoRef, by: MaybeCaller = None) -> list[str]:
    author = by or world.caller(ref.id.namespace)
    page = staged_changes.list_page(world.hub, author, ref, "main", of_all=False, after=0, limit=1000)
    return [row.path for row in page.rows]


def commit(
    world: World,
    ref: RepoRef,
    *operations: Operation,
    force: bool = False,
    by: MaybeCaller = None,
    parent: Oid | None = None,
) -> RecordedCommit:
    draft = CommitDraft("change", operations, parent=parent, staged=StagedPolicy(force))
    return commits.create(world.hub, by or world.caller(ref.id.namespace), ref, "main", draft)


def reasons(caught: pytest.ExceptionInfo[CommitCanceled]) -> list[tuple[str, str]]:
    return [(change.path, change.kind) for change in caught.value.changes]


# --- without force ---


def test_a_commit_without_anything_staged_is_an_ordinary_one(world: World) -> None:
    ref = world.repo()
    parent = world.head(ref)
    made = commit(world, ref, add("a"), Delete(P(".gitattributes")), parent=parent)
    assert (made.oid, world.paths(ref)) == (world.head(ref), ["a"])


def test_a_commit_is_canceled_for_staged_changes_that_it_does_not_make(world: World) -> None:
    ref = world.repo()
    world.commit(ref, add("old"), add("d/a"))
    head = world.head(ref)
    stage(world, ref, add("new"), Delete(P("old")), DeleteFolder(P("d")))
    with pytest.raises(CommitCanceled) as caught:
        commit(world, ref, add("other"))
    assert reasons(caught) == [("d/", "unknown"), ("new", "unknown"), ("old", "unknown")]
    assert "'new': you have staged it, and this commit does not make this change" in str(caught.value)
    assert (world.head(ref), staged(world, ref)) == (head, ["new", "old", "d"])


def test_another_content_of_a_path_is_not_the_same_change(world: World) -> None:
    ref = world.repo()
    stage(world, ref, add("a", b"staged"))
    with pytest.raises(CommitCanceled, match="another content"):
        commit(world, ref, add("a", b"committed"))
    assert staged(world, ref) == ["a"]


def test_staged_changes_that_the_commit_makes_are_in_it_and_gone(world: World) -> None:
    ref = world.repo()
    world.commit(ref, add("old"), add("d/a"), add("e/a"))
    sha256 = world.upload(ref, b"\0" * 1000)
    stage(world, ref, add("a", b"1"), AddLarge(P("w.bin"), sha256), Delete(P("old")), DeleteFolder(P("d")))
    operations: list[Operation] = [
        Delete(P("old")),
        Delete(P("d/a")),
        AddLarge(P("w.bin"), sha256),
        add("a", b"1"),
        add("more"),
    ]
    commit(world, ref, *operations, parent=world.head(ref))
    assert staged(world, ref) == []
    assert world.paths(ref) == [".gitattributes", "a", "e/a", "more", "w.bin"]


def test_a_folder_that_the_commit_deletes_and_fills_again_is_the_staged_deletion(world: World) -> None:
    ref = world.repo()
    world.add(ref, "d/a")
    stage(world, ref, DeleteFolder(P("d")), add("d/b"))
    commit(world, ref, DeleteFolder(P("d")), add("d/b"))
    assert (staged(world, ref), world.paths(ref)) == ([], [".gitattributes", "d/b"])


def test_paths_that_changed_since_the_parent_cancel_and_others_do_not(world: World) -> None:
    ref = world.repo()
    world.commit(ref, add("a"), add("d/x"), add("f"))
    seen = world.head(ref)
    world.commit(ref, add("a", b"theirs"), add("d/x", b"theirs"), Delete(P("f")))
    for operation, path in ((add("a"), "a"), (DeleteFolder(P("d")), "d"), (Delete(P("f")), "f"), (add("f/y"), "f/y")):
        with pytest.raises(CommitCanceled, match="changed on the branch") as caught:
            commit(world, ref, operation, add("free"), parent=seen)
        assert reasons(caught) == [(path, "unknown")]
    commit(world, ref, add("free"), parent=seen)
    assert world.paths(ref) == [".gitattributes", "a", "d/x", "free"]


def test_changes_that_cannot_be_made_cancel(world: World) -> None:
    ref = world.repo()
    world.commit(ref, add("d/a"))
    for operation in (Delete(P("gone")), DeleteFolder(P("gone")), add("d"), add("d/a/b")):
        with pytest.raises(CommitCanceled) as caught:
            commit(world, ref, add("fine"), operation)
        assert reasons(caught) == [(operation.path, "unimplemented")]
    assert world.paths(ref) == [".gitattributes", "d/a"]


def test_equal_files_make_no_commit_but_end_what_was_staged(world: World) -> None:
    ref = world.repo()
    world.add(ref, "a", b"1")
    head = world.head(ref)
    stage(world, ref, add("a", b"1"))
    made = commit(world, ref, add("a", b"1"))
    assert (made.oid, made.is_unchanged, world.head(ref), staged(world, ref)) == (head, True, head, [])
    assert commit(world, ref, add("a", b"1")).is_unchanged


# --- with force ---


def test_force_commits_what_is_staged_and_nothing_else_is_needed(world: World) -> None:
    ref = world.repo()
    world.commit(ref, add("old"), add("d/a"))
    sha256 = world.upload(ref, b"\0" * 1000)
    stage(world, ref, add("a", b"1"), AddLarge(P("w.dat"), sha256), Delete(P("old")), DeleteFolder(P("d")), add("d/b"))
    made = commit(world, ref, force=True)
    assert not made.is_unchanged
    assert world.paths(ref) == [".gitattributes", "a", "d/b", "w.dat"]
    assert world.read(ref, "w.dat") == b"\0" * 1000
    assert b"w.dat filter=lfs" in world.read(ref, ".gitattributes")
    assert staged(world, ref) == []
    assert commit(world, ref, force=True).is_unchanged


def test_own_changes_come_over_staged_ones(world: World) -> None:
    ref = world.repo()
    stage(world, ref, add("a", b"staged"), add("b"), add("d/x"), add("e"), add("kept"))
    own: list[Operation] = [add("a", b"own"), Delete(P("b")), DeleteFolder(P("d")), add("d"), add("e/x")]
    commit(world, ref, *own, force=True)
    assert world.paths(ref) == [".gitattributes", "a", "d", "e/x", "kept"]
    assert world.read(ref, "a") == b"own"


def test_of_two_staged_files_in_each_others_way_the_later_one_counts(world: World) -> None:
    ref = world.repo()
    stage(world, ref, add("d/x"), add("d/y"))
    stage(world, ref, add("d"))
    commit(world, ref, force=True)
    assert world.paths(ref) == [".gitattributes", "d"]


def test_force_skips_deletions_of_what_is_gone_and_looks_at_no_parent(world: World) -> None:
    ref = world.repo()
    world.commit(ref, add("a"), add("d/a"))
    seen = world.head(ref)
    stage(world, ref, Delete(P("a")), DeleteFolder(P("d")))
    world.commit(ref, Delete(P("a")), Delete(P("d")), add("new", b"theirs"))
    commit(world, ref, Delete(P("gone")), add("new", b"mine"), force=True, parent=seen)
    assert world.paths(ref) == [".gitattributes", "new"]
    assert world.read(ref, "new") == b"mine"


def test_a_staged_file_where_the_branch_has_a_folder_now_stays_staged(world: World) -> None:
    ref = world.repo()
    stage(world, ref, add("d"))
    world.add(ref, "d/x")
    with pytest.raises(InvalidOperation, match="folder"):
        commit(world, ref, force=True)
    assert staged(world, ref) == ["d"]


def test_a_staged_card_is_the_card_immediately(world: World) -> None:
    ref = world.repo()
    stage(world, ref, add("README.md", b"---\nlicense: mit\n---\n"))
    commit(world, ref, force=True)
    with world.hub.read() as tx:
        assert "license:mit" in repo_tags.tags_of(tx, [world.row_id(ref)])[world.row_id(ref)]


def test_an_executable_stays_one(world: World) -> None:
    ref = world.repo()
    world.plant(ref, {"run": (0o100755, b"old")})
    stage(world, ref, add("run", b"new"))
    commit(world, ref, force=True)
    with world.hub.read() as tx:
        from entrepot.storage.trees import Trees

        root = stored.root_of(world.hub.store, tx, world.row_id(ref), world.head(ref))
        entry = Trees(world.hub.store, tx, world.row_id(ref)).find(root, P("run"))
    assert entry is not None
    assert entry.mode == 0o100755


def test_copies_may_be_part_of_the_commit(world: World) -> None:
    ref = world.repo()
    world.add(ref, "a", b"1")
    stage(world, ref, add("s"))
    commit(world, ref, Copy(P("b"), P("a")), force=True)
    assert world.paths(ref) == [".gitattributes", "a", "b", "s"]


# --- other users, failures, races ---


def test_changes_of_others_neither_block_nor_are_taken_nor_dropped(world: World) -> None:
    ref = world.repo("acme/m", by=world.olga)
    stage(world, ref, add("of wendy"), by=world.wendy)
    commit(world, ref, add("a"), by=world.olga)
    stage(world, ref, add("b"), by=world.olga)
    commit(world, ref, force=True, by=world.olga)
    stage(world, ref, add("c"), by=world.olga)
    with pytest.raises(CommitCanceled):
        commit(world, ref, by=world.olga)
    assert world.paths(ref) == [".gitattributes", "a", "b"]
    assert staged(world, ref, world.wendy) == ["of wendy"]


def test_commits_of_other_clients_leave_staged_changes_alone(world: World) -> None:
    ref = world.repo()
    stage(world, ref, add("a", b"staged"))
    world.add(ref, "a", b"committed")
    assert (world.paths(ref), staged(world, ref)) == ([".gitattributes", "a"], ["a"])


def failing() -> Iterable[Operation]:
    yield add("first")
    raise KeyboardInterrupt


def test_a_failed_commit_leaves_everything_staged(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ref = world.repo("acme/m", by=world.olga)
    stage(world, ref, add("locked"), add("a"), by=world.olga)
    head = world.head(ref)
    draft = CommitDraft("s", failing(), staged=StagedPolicy(force=True))
    with pytest.raises(KeyboardInterrupt):
        commits.create(world.hub, world.olga, ref, "main", draft)
    locks.take(world.hub, world.wendy, ref, P("locked"), None)
    with pytest.raises(Refused, match="locked"):
        commit(world, ref, force=True, by=world.olga)
    monkeypatch.setattr("entrepot.hub.repos.staged_commits.drop", interrupt)
    with pytest.raises(KeyboardInterrupt):
        commit(world, ref, Delete(P("locked")), force=True, by=world.wendy)
    assert (world.head(ref), staged(world, ref, world.olga)) == (head, ["locked", "a"])


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_large_file_that_was_deleted_for_good_cannot_be_committed(world: World) -> None:
    ref = world.repo()
    sha256 = world.add_large(ref, "w", b"\0" * 1000)
    stage(world, ref, AddLarge(P("again"), sha256))
    world.commit(ref, Delete(P("w")))
    with world.hub.read() as tx:
        [link] = file_links.committed_links(tx, world.row_id(ref), after=None, limit=9)
    lfs_files.delete(world.hub, world.alice, ref, [link.uid], rewrites_history=False)
    with pytest.raises(LargeFileMissing):
        commit(world, ref, force=True)
    assert staged(world, ref) == ["again"]


def test_a_sweep_between_staging_and_the_commit_loses_nothing(world: World) -> None:
    ref = world.repo()
    stage(world, ref, add("a", b"unique"), AddLarge(P("w"), world.upload(ref, b"\0" * 1000)))
    world.clock.advance(3 * DAY_MS)
    list(maintenance.gc(world.hub, grace_ms=DAY_MS))
    commit(world, ref, force=True)
    list(maintenance.gc(world.hub, grace_ms=0))
    assert (world.read(ref, "a"), world.read(ref, "w")) == (b"unique", b"\0" * 1000)
    assert list(maintenance.fsck(world.hub)) == []


def race(world: World, monkeypatch: pytest.MonkeyPatch, acts: list[Callable[[], object]]) -> None:
    """Run each act once, between the reading and the writing of an attempt to commit, as another process would."""
    genuine = commits._composed

    def composed(*arguments: Any) -> Any:
        made = genuine(*arguments)
        if acts:
            act = acts.pop(0)
            with monkeypatch.context() as patched:
                patched.setattr(BranchLocks, "take", lambda *_names, **_how: contextlib.nullcontext())
                other = threading.Thread(target=act)
                other.start()
                other.join(60)
        return made

    monkeypatch.setattr(commits, "_composed", composed)


def test_changes_staged_during_a_commit_are_taken_or_stay(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ref = world.repo()
    stage(world, ref, add("a"))
    race(world, monkeypatch, [lambda: stage(world, ref, add("b")), lambda: stage(world, ref, add("a", b"later"))])
    commit(world, ref, force=True)
    assert (world.paths(ref), staged(world, ref)) == ([".gitattributes", "a", "b"], [])
    assert world.read(ref, "a") == b"later"


def test_a_change_staged_during_a_commit_without_force_cancels_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = world.repo()
    race(world, monkeypatch, [lambda: stage(world, ref, add("b"))])
    with pytest.raises(CommitCanceled):
        commit(world, ref, add("a"))
    assert (world.paths(ref), staged(world, ref)) == ([".gitattributes"], ["b"])


def test_a_reset_during_a_commit_counts(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ref = world.repo()
    stage(world, ref, add("a"))
    race(world, monkeypatch, [lambda: staged_changes.reset(world.hub, world.alice, ref, "main", of_all=False)])
    commit(world, ref, add("b"), force=True)
    assert world.paths(ref) == [".gitattributes", "b"]


def test_two_commits_at_a_time_take_staged_changes_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ref = world.repo()
    stage(world, ref, add("a", b"staged"))
    race(world, monkeypatch, [lambda: commit(world, ref, add("first"), force=True)])
    commit(world, ref, add("second"), force=True)
    assert world.paths(ref) == [".gitattributes", "a", "first", "second"]
    with world.hub.read() as tx:
        [parent] = stored.read_commit(tx, world.row_id(ref), world.head(ref)).parents
    assert world.paths(ref, parent) == [".gitattributes", "a", "first"]


# --- bounds ---


def test_messages_have_a_limit_only_where_it_is_promised(world: World) -> None:
    ref = world.repo()
    long = "x" * (64 * 1024 + 1)
    with pytest.raises(LimitExceeded, match="message"):
        commits.create(
            world.hub, world.alice, ref, "main", CommitDraft(long, [add("a")], staged=StagedPolicy(force=False))
        )
    commits.create(world.hub, world.alice, ref, "main", CommitDraft(long, [add("a")]))
    exact = CommitDraft("x" * 65_536, [add("b")], staged=StagedPolicy(force=False))
    commits.create(world.hub, world.alice, ref, "main", exact)


def test_pull_requests_take_no_staged_changes(world: World) -> None:
    ref = world.repo()
    draft = CommitDraft("s", [add("a")], staged=StagedPolicy(force=True))
    with pytest.raises(Malformed, match="pull request"):
        openings.open_with_commit(world.hub, world.alice, ref, "main", draft)
    openings.open_draft(world.hub, world.alice, ref, "A title", "A text.")
    with pytest.raises(Malformed, match="refs/pr/1"):
        commits.create(world.hub, world.alice, ref, "refs/pr/1", draft)


def test_without_the_key_absent_files_are_errors_as_before(world: World) -> None:
    with pytest.raises(EntryNotFound):
        world.commit(world.repo(), Delete(P("gone")))

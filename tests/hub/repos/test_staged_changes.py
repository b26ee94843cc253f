from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from entrepot.catalog.git import objects as object_rows
from entrepot.errors import (
    InvalidOperation,
    InvalidPath,
    LargeFileMissing,
    LimitExceeded,
    LoginRequired,
    Malformed,
    NotAllowed,
    QuotaExceeded,
    RepoNotFound,
    RevisionNotFound,
)
from entrepot.hub import audit
from entrepot.hub.accounts import quotas
from entrepot.hub.audit import AuditFilter
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.files.operations import AddFile, AddLarge, Copy, Delete, DeleteFolder, Operation
from entrepot.hub.jobs import maintenance
from entrepot.hub.repos import account_removal, branches, repositories, staged_changes, storage_costs
from entrepot.hub.repos.repositories import RepoChanges
from entrepot.names import RepoPath, RepoRef, Sha256
from entrepot.wire.accounts.administration import Removal
from tests.support.worlds import DAY_MS, World

P = RepoPath


def add(path: str, content: bytes = b"x\n") -> AddFile:
    return AddFile(P(path), content)


def stage(world: World, ref: RepoRef, *operations: Operation, by: MaybeCaller = None, branch: str = "main") -> int:
    return staged_changes.stage(world.hub, by or world.caller(ref.id.namespace), ref, branch, operations)


def listed(
    world: World, ref: RepoRef, *, by: MaybeCaller = None, branch: str = "main", of_all: bool = False
) -> list[tuple[str, str]]:
    author = by or world.caller(ref.id.namespace)
    page = staged_changes.list_page(world.hub, author, ref, branch, of_all=of_all, after=0, limit=1000)
    assert page.after is None
    return [(row.path, row.op) for row in page.rows]


def reset(world: World, ref: RepoRef, *, by: MaybeCaller = None, of_all: bool = False) -> int:
    return staged_changes.reset(world.hub, by or world.caller(ref.id.namespace), ref, "main", of_all=of_all)


# --- what is staged ---


def test_changes_are_listed_with_size_ids_and_user(world: World) -> None:
    ref = world.repo()
    sha256 = world.upload(ref, b"\0" * 1000)
    assert stage(world, ref, add("a.txt", b"abc"), AddLarge(P("w.bin"), sha256), Delete(P(".gitattributes"))) == 3
    page = staged_changes.list_page(world.hub, world.alice, ref, "main", of_all=False, after=0, limit=9)
    small, large, gone = page.rows
    assert (small.path, small.op, small.size, small.sha256, small.user) == ("a.txt", "add", 3, None, "alice")
    assert (large.path, large.size, large.sha256) == ("w.bin", 1000, sha256)
    assert (gone.path, gone.op, gone.size, gone.oid) == (".gitattributes", "delete", 0, None)
    assert small.staged_ms == world.clock.now_ms


def test_nothing_of_it_is_on_the_branch(world: World) -> None:
    ref = world.repo()
    head = world.head(ref)
    stage(world, ref, add("a.txt"))
    assert (world.head(ref), world.paths(ref)) == (head, [".gitattributes"])


def test_a_later_change_of_a_path_replaces_the_earlier_one(world: World) -> None:
    ref = world.repo()
    world.add(ref, "a")
    stage(world, ref, add("a", b"1"))
    stage(world, ref, Delete(P("a")))
    assert listed(world, ref) == [("a", "delete")]
    stage(world, ref, add("a", b"2"), add("a", b"3"))
    assert listed(world, ref) == [("a", "add")]


@pytest.mark.parametrize("operation", [Delete(P("new")), Delete(P("dir")), DeleteFolder(P("dir"))])
def test_deleting_what_is_only_staged_leaves_nothing(world: World, operation: Operation) -> None:
    ref = world.repo()
    stage(world, ref, add("new"), add("dir/new"), add("dir/deep/new"))
    stage(world, ref, operation)
    expected = {"new": ["dir/deep/new", "dir/new"], "dir": ["new"]}[operation.path]
    assert sorted(path for path, _ in listed(world, ref)) == expected


def test_deleting_what_is_absent_or_of_the_other_kind_stages_nothing(world: World) -> None:
    ref = world.repo()
    world.add(ref, "file")
    assert stage(world, ref, Delete(P("nothing")), DeleteFolder(P("nothing")), DeleteFolder(P("file"))) == 0


def test_a_deleted_folder_drops_the_changes_below_and_may_be_filled_again(world: World) -> None:
    ref = world.repo()
    world.commit(ref, add("d/a"), add("d/b"))
    stage(world, ref, add("d/a", b"new"), Delete(P("d/b")), add("d2/x"))
    stage(world, ref, DeleteFolder(P("d")))
    assert listed(world, ref) == [("d2/x", "add"), ("d", "clear")]
    stage(world, ref, add("d/c"))
    assert listed(world, ref) == [("d2/x", "add"), ("d", "clear"), ("d/c", "add")]


def test_the_order_within_a_request_counts(world: World) -> None:
    ref = world.repo()
    world.commit(ref, add("d/a"))
    stage(world, ref, add("d/x"), Delete(P("d")), add("d/y"), add("e"), Delete(P("e")))
    assert listed(world, ref) == [("d", "clear"), ("d/y", "add")]


def test_a_folder_may_be_replaced_by_a_file_and_the_other_way_round(world: World) -> None:
    ref = world.repo()
    world.commit(ref, add("d/a"), add("f"))
    stage(world, ref, DeleteFolder(P("d")), add("d"), Delete(P("f")), add("f/x"))
    assert listed(world, ref) == [("d", "clear"), ("d", "add"), ("f", "delete"), ("f/x", "add")]


def test_a_staged_file_gives_way_to_a_staged_folder(world: World) -> None:
    ref = world.repo()
    stage(world, ref, add("a"))
    stage(world, ref, add("a/b"))
    assert listed(world, ref) == [("a/b", "add")]


def test_a_move_is_a_deletion_and_an_addition(world: World) -> None:
    ref = world.repo()
    world.add(ref, "old")
    stage(world, ref, AddFile(P("new"), b"x", moved_from=P("old")))
    assert listed(world, ref) == [("old", "delete"), ("new", "add")]


def test_users_and_branches_do_not_mix(world: World) -> None:
    ref = world.repo("acme/m", by=world.olga)
    branches.create_branch(world.hub, world.olga, ref, "dev", start=None, is_empty=True, overwrites=False)
    stage(world, ref, add("of olga"), by=world.olga)
    stage(world, ref, add("of wendy"), by=world.wendy)
    stage(world, ref, add("on dev"), by=world.olga, branch="dev")
    assert listed(world, ref, by=world.olga) == [("of olga", "add")]
    assert listed(world, ref, by=world.wendy) == [("of wendy", "add")]
    assert listed(world, ref, by=world.olga, of_all=True) == [("of olga", "add"), ("of wendy", "add")]
    assert reset(world, ref, by=world.olga) == 1
    assert listed(world, ref, by=world.wendy) == [("of wendy", "add")]
    assert listed(world, ref, by=world.olga, branch="dev") == [("on dev", "add")]


def test_pages_follow_each_other(world: World) -> None:
    ref = world.repo()
    stage(world, ref, *(add(f"f{n}") for n in range(5)))
    seen: list[str] = []
    after: int | None = 0
    while after is not None:
        page = staged_changes.list_page(world.hub, world.alice, ref, "main", of_all=False, after=after, limit=2)
        seen += [row.path for row in page.rows]
        after = page.after
    assert seen == [f"f{n}" for n in range(5)]


# --- all or nothing ---


def failing(error: Exception) -> Iterator[Operation]:
    yield add("first")
    raise error


def test_a_request_that_fails_stages_nothing(world: World) -> None:
    ref = world.repo()
    stage(world, ref, add("before"))
    requests: list[tuple[Iterable[Operation], type[Exception]]] = [
        ([add("x"), AddLarge(P("w"), Sha256("0" * 64))], LargeFileMissing),
        ([add("x"), Copy(P("y"), P(".gitattributes"))], InvalidOperation),
        ([add("x"), Delete(P("caf\udce9"))], InvalidPath),
        (failing(Malformed("line 2", "broken")), Malformed),
    ]
    for operations, error in requests:
        with pytest.raises(error):
            staged_changes.stage(world.hub, world.alice, ref, "main", operations)
    assert listed(world, ref) == [("before", "add")]


@pytest.mark.parametrize("name", ["staged_changes._check_stored", "staged_changes._collect"])
def test_an_interruption_before_the_end_stages_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    ref = world.repo()
    with monkeypatch.context() as patched:
        patched.setattr(f"entrepot.hub.repos.{name}", interrupt)
        with pytest.raises(KeyboardInterrupt):
            stage(world, ref, add("a"))
    assert listed(world, ref) == []


def test_there_is_a_most(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staged_changes, "MAX_STAGED", 3)
    ref = world.repo()
    assert stage(world, ref, *(add(f"f{n}") for n in range(3))) == 3
    with pytest.raises(LimitExceeded, match="commit some"):
        stage(world, ref, add("one more"))
    assert stage(world, ref, add("f0", b"again")) == 3
    assert len(listed(world, ref)) == 3


def test_staged_contents_count_against_the_quota(world: World) -> None:
    ref = world.repo()
    used = quotas.show(world.hub, "alice").used
    stage(world, ref, add("a", b"x" * 1000), AddLarge(P("w"), world.upload(ref, b"\0" * 500)))
    assert quotas.show(world.hub, "alice").used >= used + 1500
    quotas.change(world.hub, "alice", {"max_bytes": 2000})
    with pytest.raises(QuotaExceeded):
        staged_changes.stage(world.hub, world.alice, ref, "main", [add("b", b"y" * 5000)], inline_bytes=5000)
    assert [path for path, _ in listed(world, ref)] == ["a", "w"]


def test_staged_large_files_are_stored_bytes_of_the_repository(world: World) -> None:
    ref = world.repo()
    stage(world, ref, AddLarge(P("w"), world.upload(ref, b"\0" * 5000)))
    assert storage_costs.of_repo(world.hub, world.alice, ref).stored == 5000


# --- rights ---


def test_only_writers_stage(world: World) -> None:
    public, private = world.repo("acme/p", by=world.olga), world.repo("acme/q", by=world.olga, visibility="private")
    calls: list[Callable[[MaybeCaller, RepoRef], object]] = [
        lambda who, ref: staged_changes.stage(world.hub, who, ref, "main", [add("a")]),
        lambda who, ref: staged_changes.check_target(world.hub, who, ref, "main"),
        lambda who, ref: staged_changes.list_page(world.hub, who, ref, "main", of_all=False, after=0, limit=1),
        lambda who, ref: staged_changes.reset(world.hub, who, ref, "main", of_all=False),
    ]
    for call in calls:
        for who, error in ((None, LoginRequired), (world.bob, NotAllowed), (world.rita, NotAllowed)):
            with pytest.raises(error):
                call(who, public)
        for who in (None, world.bob):
            with pytest.raises(RepoNotFound):
                call(who, private)
        call(world.wendy, private)


def test_the_changes_of_all_are_for_owners(world: World) -> None:
    ref = world.repo("acme/m", by=world.olga)
    stage(world, ref, add("a"), by=world.wendy)
    for call in (listed, reset):
        with pytest.raises(NotAllowed, match="'admin'"):
            call(world, ref, by=world.wendy, of_all=True)
    assert reset(world, ref, by=world.olga, of_all=True) == 1
    assert listed(world, ref, by=world.wendy) == []


@pytest.mark.parametrize("branch", ["nothing", "v1", "refs/pr/1", "refs/convert/x"])
def test_changes_are_staged_on_branches_only(world: World, branch: str) -> None:
    ref = world.repo()
    branches.create_tag(world.hub, world.alice, ref, "main", "v1", None)
    with pytest.raises(RevisionNotFound):
        stage(world, ref, add("a"), branch=branch)


def test_a_protected_branch_takes_staged_changes(world: World) -> None:
    ref = world.repo()
    repositories.configure(world.hub, world.alice, ref, RepoChanges(options={"protectedBranches": ["main"]}))
    assert stage(world, ref, add("a")) == 1


def test_a_reset_is_audited_if_it_drops_something(world: World) -> None:
    ref = world.repo()
    assert reset(world, ref) == 0
    stage(world, ref, add("a"), add("b"))
    assert reset(world, ref) == 2
    [row] = audit.search(world.hub, AuditFilter(action="staged.reset"))
    assert json.loads(row.details) == {"ref": "refs/heads/main", "dropped": 2, "all": False}


# --- the end of staged changes ---


def test_changes_end_after_some_days_and_their_contents_after_the_grace_period(world: World) -> None:
    ref = world.repo()
    stage(world, ref, add("a", b"unique"))
    world.clock.advance(6 * DAY_MS)
    stage(world, ref, add("b"))
    assert len(listed(world, ref)) == 2
    world.clock.advance(2 * DAY_MS)
    assert listed(world, ref) == [("b", "add")]
    rehearsed = [item for item in maintenance.gc(world.hub, is_rehearsal=True) if item.kind == "staged"]
    swept = [item for item in maintenance.gc(world.hub) if item.kind == "staged"]
    assert rehearsed == swept
    assert [item.what for item in swept] == [f"1 staged changes of {ref}"]
    assert [item for item in maintenance.gc(world.hub) if item.kind == "staged"] == []
    assert listed(world, ref) == [("b", "add")]


def test_sweeps_keep_staged_contents_and_delete_them_after_a_reset(world: World) -> None:
    ref = world.repo()
    big = bytes(range(256)) * 2048
    sha256 = world.upload(ref, b"\0" * 1000)
    stage(world, ref, add("small"), add("big.txt", big), AddLarge(P("w"), sha256))
    with world.hub.read() as tx:
        oids = [row.oid for row in staged_rows(world, ref) if row.oid is not None]
    world.clock.advance(5 * DAY_MS)
    list(maintenance.gc(world.hub, grace_ms=DAY_MS))
    with world.hub.read() as tx:
        assert object_rows.are_present(tx, world.row_id(ref), oids)
    assert list(maintenance.fsck(world.hub)) == []
    reset(world, ref)
    swept = {item.kind for item in maintenance.gc(world.hub, grace_ms=DAY_MS)}
    assert {"objects", "links", "file"} <= swept
    with world.hub.read() as tx:
        assert not object_rows.are_present(tx, world.row_id(ref), oids[:1])


def staged_rows(world: World, ref: RepoRef) -> Any:
    return staged_changes.list_page(world.hub, world.alice, ref, "main", of_all=False, after=0, limit=9).rows


def test_fsck_names_a_staged_change_whose_content_is_gone(world: World) -> None:
    ref = world.repo()
    stage(world, ref, add("lost"))
    [row] = staged_rows(world, ref)
    world.clock.advance(1)
    with world.hub.write() as tx:
        object_rows.remove(tx, world.row_id(ref), [row.oid], touched_before_ms=world.clock.now_ms)
    [finding] = maintenance.fsck(world.hub)
    assert finding.is_damage
    assert "the change of lost staged on refs/heads/main" in finding.what


def test_changes_end_with_the_branch(world: World) -> None:
    ref = world.repo()
    for _ in range(2):
        branches.create_branch(world.hub, world.alice, ref, "dev", start=None, is_empty=False, overwrites=False)
        assert listed(world, ref, branch="dev") == []
        stage(world, ref, add("a"), branch="dev")
        branches.delete_branch(world.hub, world.alice, ref, "dev")


def test_changes_end_with_the_account_and_with_the_repository(world: World) -> None:
    ref, own = world.repo("acme/m", by=world.olga), world.repo("wendy/own")
    stage(world, ref, add("a"), by=world.wendy)
    stage(world, own, add("a"), by=world.wendy)
    stage(world, ref, add("b"), by=world.olga)
    account_removal.delete_user(world.hub, audit.CONSOLE, "wendy", Removal(purge=True))
    assert listed(world, ref, by=world.olga, of_all=True) == [("b", "add")]
    repositories.delete(world.hub, world.olga, ref)
    world.clock.advance(30 * DAY_MS)
    list(maintenance.gc(world.hub))
    assert [finding for finding in maintenance.fsck(world.hub) if finding.is_damage] == []


def test_changes_move_with_the_repository_and_are_not_copied(world: World) -> None:
    from entrepot.names import RepoId, RepoType

    ref = world.repo()
    stage(world, ref, add("a"))
    row = repositories.duplicate(world.hub, world.alice, ref, RepoId("alice", "copy"), None)
    assert listed(world, row.ref) == []
    moved = repositories.move(world.hub, world.alice, ref, RepoRef(RepoType.MODEL, RepoId("alice", "moved")))
    assert listed(world, moved.ref) == [("a", "add")]

from __future__ import annotations

from typing import Any

import attrs
import pytest

from entrepot.errors import LimitExceeded, LoginRequired, NotAllowed, Refused, RepoNotFound, ThingNotFound
from entrepot.git import MergeSide
from entrepot.hub.accounts import accounts
from entrepot.hub.callers import MaybeCaller, Role
from entrepot.hub.files.operations import AddFile, Copy, Delete, DeleteFolder
from entrepot.hub.repos import branches, commits, histories, lfs_files, locks, publishing, replacements, repositories
from entrepot.hub.repos.commits import CommitDraft
from entrepot.hub.repos.locks import LfsLock
from entrepot.hub.repos.pulls import conflicts, merges, openings
from entrepot.names import MAIN, RepoPath, RepoRef, pull_ref
from entrepot.storage.trees import Trees
from tests.support import hub_work
from tests.support.worlds import World

PATH = RepoPath("folder/a.bin")


@pytest.fixture
def ref(world: World) -> RepoRef:
    """A repository of acme, where wendy and olga write, rita reads, and bob is a stranger."""
    made: RepoRef = world.repo("acme/m", by=world.wendy)
    world.add(made, str(PATH), by=world.wendy)
    return made


def take(world: World, ref: RepoRef, by: MaybeCaller = None, path: str = PATH) -> LfsLock:
    return locks.take(world.hub, by or world.wendy, ref, RepoPath(path), MAIN).lock


def paths(world: World, ref: RepoRef, by: MaybeCaller = None, **asked: Any) -> list[str]:
    words: dict[str, Any] = {"path": "", "uid": "", "cursor": "", "limit": 100} | asked
    return [lock.path for lock in locks.search(world.hub, by or world.rita, ref, **words).locks]


def branch(world: World, ref: RepoRef, name: str = "dev", *, is_empty: bool = False, overwrites: bool = False) -> None:
    how = {"is_empty": is_empty, "overwrites": overwrites}
    branches.create_branch(world.hub, world.olga, ref, name, start="main", **how)


def test_locking_a_locked_path_returns_the_existing_lock(world: World, ref: RepoRef) -> None:
    first = locks.take(world.hub, world.wendy, ref, PATH, MAIN)
    assert first.is_new
    assert (first.lock.owner, first.lock.ref, first.lock.locked_ms) == ("wendy", MAIN, world.hub.now_ms())
    for who in (world.olga, world.wendy):
        again = locks.take(world.hub, who, ref, PATH, None)
        assert again == locks.LockResult(first.lock, is_new=False)


def test_a_user_has_a_limited_number_of_locks_in_a_repository(
    world: World, ref: RepoRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "MAX_LOCKS", 2)
    held = [take(world, ref, path=path) for path in ("a", "b")]
    with pytest.raises(LimitExceeded, match="unlock some"):
        take(world, ref, path="c")
    assert take(world, ref, path="a") == held[0]
    take(world, ref, world.olga, "c")
    take(world, world.repo("acme/other", by=world.wendy), path="c")
    locks.release(world.hub, world.wendy, ref, held[0].uid, by_force=False)
    take(world, ref, path="d")


def test_locks_in_folders_that_do_not_change_are_not_compared(
    world: World, ref: RepoRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(30):
        take(world, ref, path=f"folder/{number}")
    looked_at, find = [], Trees.find
    monkeypatch.setattr(Trees, "find", lambda self, root, path: (looked_at.append(path), find(self, root, path))[1])
    world.add(ref, "other.txt", by=world.olga)
    assert [path for path in looked_at if path.startswith("folder/")] == []


def test_writers_lock_and_readers_look(world: World, ref: RepoRef) -> None:
    lock = take(world, ref)
    assert paths(world, ref) == [PATH]
    for who, error in ((world.rita, NotAllowed), (world.bob, NotAllowed), (None, LoginRequired)):
        with pytest.raises(error):
            take(world, ref, who, "other") if who else locks.take(world.hub, None, ref, PATH, None)
        with pytest.raises(error):
            locks.verify(world.hub, who, ref, cursor="", limit=9)
        with pytest.raises(error):
            locks.release(world.hub, who, ref, lock.uid, by_force=True)


def test_locks_of_a_repository_that_is_hidden_are_hidden(world: World) -> None:
    ref = world.repo("alice/secret", visibility="private")
    lock = take(world, ref, world.alice)
    for who in (world.bob, None):
        with pytest.raises(RepoNotFound):
            locks.search(world.hub, who, ref, path="", uid="", cursor="", limit=9)
        with pytest.raises(RepoNotFound):
            locks.take(world.hub, who, ref, PATH, None)
        with pytest.raises(RepoNotFound):
            locks.release(world.hub, who, ref, lock.uid, by_force=False)


def test_locks_are_searched_by_path_and_by_id(world: World, ref: RepoRef) -> None:
    one, two = take(world, ref), take(world, ref, path="b")
    assert paths(world, ref, path="b") == ["b"]
    assert paths(world, ref, uid=one.uid) == [PATH]
    assert paths(world, ref, uid=two.uid, path=PATH) == []
    assert paths(world, ref, path="no such") == []


def test_pages_follow_each_other(world: World, ref: RepoRef) -> None:
    for n in range(5):
        take(world, ref, world.wendy if n % 2 else world.olga, f"f{n}")
    seen, cursor = set[str](), ""
    for expected in (2, 2, 1):
        page = locks.verify(world.hub, world.wendy, ref, cursor=cursor, limit=2)
        assert len(page.ours) + len(page.theirs) == expected
        assert {lock.owner for lock in page.ours} <= {"wendy"}
        assert {lock.owner for lock in page.theirs} <= {"olga"}
        seen |= {lock.path for lock in (*page.ours, *page.theirs)}
        cursor = page.next or ""
    assert seen == {f"f{n}" for n in range(5)}
    assert not cursor


def test_only_the_owner_unlocks_and_others_with_force(world: World, ref: RepoRef) -> None:
    lock = take(world, ref)
    with pytest.raises(NotAllowed, match=r"locked by wendy.*--force"):
        locks.release(world.hub, world.olga, ref, lock.uid, by_force=False)
    assert locks.release(world.hub, world.olga, ref, lock.uid, by_force=True) == lock
    with pytest.raises(ThingNotFound):
        locks.release(world.hub, world.wendy, ref, lock.uid, by_force=False)
    mine = take(world, ref)
    locks.release(world.hub, world.wendy, ref, mine.uid, by_force=False)
    assert paths(world, ref) == []


@pytest.mark.parametrize(
    "operation",
    [
        AddFile(PATH, b"new"),
        Delete(PATH),
        DeleteFolder(RepoPath("folder")),
        AddFile(RepoPath("elsewhere"), b"new", moved_from=PATH),
    ],
    ids=lambda operation: type(operation).__name__,
)
def test_a_commit_cannot_change_paths_locked_by_others(world: World, ref: RepoRef, operation: Any) -> None:
    take(world, ref)
    before = world.head(ref)
    with pytest.raises(Refused, match=r"'folder/a.bin' is locked by wendy; ask them to unlock it, or run: git lfs"):
        world.commit(ref, operation, by=world.olga)
    assert world.head(ref) == before
    world.add(ref, "folder/other", by=world.olga)
    world.commit(ref, operation, by=world.wendy)


def test_a_lock_that_is_taken_while_a_commit_is_made_counts(
    world: World, ref: RepoRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    compose_quota = commits.quota_check

    def check_late(*arguments: Any) -> Any:
        take(world, ref)
        return compose_quota(*arguments)

    monkeypatch.setattr(commits, "quota_check", check_late)
    before = world.head(ref)
    with pytest.raises(Refused, match="is locked by wendy"):
        world.add(ref, str(PATH), b"late", by=world.olga)
    assert world.head(ref) == before


def test_a_lock_that_is_taken_while_branches_are_merged_counts(
    world: World, ref: RepoRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    branch(world, ref)
    world.add(ref, str(PATH), b"other", by=world.olga, branch="dev")
    make = publishing.commit_object

    def make_late(*arguments: Any) -> Any:
        take(world, ref)
        return make(*arguments)

    monkeypatch.setattr(replacements, "commit_object", make_late)
    with pytest.raises(Refused, match="is locked by wendy"):
        replacements.replace(world.hub, world.olga, ref, "main", "dev", None)
    assert world.read(ref, PATH) == b"x\n"


def test_a_pull_request_is_merged_by_the_owner_of_the_locks_only(world: World, ref: RepoRef) -> None:
    draft = CommitDraft("Change it", [AddFile(PATH, b"proposed")])
    num = openings.open_with_commit(world.hub, world.bob, ref, "main", draft).num
    take(world, ref)
    with pytest.raises(Refused, match="is locked by wendy"):
        merges.merge(world.hub, world.olga, ref, num)
    with pytest.raises(Refused, match="is locked by wendy"):
        openings.open_with_commit(world.hub, world.bob, ref, "main", attrs.evolve(draft, operations=[Delete(PATH)]))
    assert world.read(ref, PATH) == b"x\n"
    merges.merge(world.hub, world.wendy, ref, num)
    assert world.read(ref, PATH) == b"proposed"


def test_a_pull_request_takes_what_the_owner_of_a_lock_has_changed_in_its_base(world: World, ref: RepoRef) -> None:
    draft = CommitDraft("Change another", [AddFile(RepoPath("b"), b"proposed")])
    opened = openings.open_with_commit(world.hub, world.olga, ref, "main", draft)
    world.add(ref, "b", b"meanwhile", by=world.wendy)
    take(world, ref)
    base = world.add(ref, str(PATH), b"by its owner", by=world.wendy)
    choice = conflicts.Resolution(base, opened.recorded.oid, [MergeSide.OURS])
    merged = conflicts.resolve(world.hub, world.olga, ref, opened.num, choice)
    merges.merge(world.hub, world.olga, ref, opened.num)
    assert (world.read(ref, PATH), world.read(ref, "b")) == (b"by its owner", b"proposed")
    assert merged.ref == pull_ref(opened.num)


def test_a_branch_is_not_moved_to_other_content_of_a_locked_file(world: World, ref: RepoRef) -> None:
    branch(world, ref)
    world.add(ref, str(PATH), b"newer", by=world.olga)
    lock = take(world, ref)
    for is_empty in (False, True):
        with pytest.raises(Refused, match="is locked by wendy"):
            branch(world, ref, is_empty=is_empty, overwrites=True)
    branch(world, ref, "fresh")
    locks.release(world.hub, world.wendy, ref, lock.uid, by_force=False)
    branch(world, ref, overwrites=True)


def test_what_leaves_a_locked_file_as_it_is_needs_no_lock(world: World, ref: RepoRef) -> None:
    take(world, ref)
    world.commit(ref, Copy(RepoPath("copy"), PATH), by=world.olga)
    histories.squash(world.hub, world.olga, ref, "main", "One commit")
    assert world.read(ref, "copy") == world.read(ref, PATH)


def test_a_locked_folder_holds_everything_below(world: World, ref: RepoRef) -> None:
    take(world, ref, path="folder")
    with pytest.raises(Refused, match="'folder' is locked by wendy"):
        world.add(ref, "folder/new", by=world.olga)
    world.add(ref, "folder2", by=world.olga)


def test_locks_go_with_their_owner_and_with_their_repository(world: World, ref: RepoRef) -> None:
    accounts.create_user(world.hub, "guest")
    accounts.set_member(world.hub, "acme", "guest", Role.WRITE)
    guest = world.hub.identify(accounts.create_token(world.hub, "guest", role="write").secret)
    take(world, ref, guest)
    hub_work.delete_user(world.hub, "guest")
    assert paths(world, ref) == []
    take(world, ref)
    repositories.delete(world.hub, world.olga, ref)
    again = world.repo("acme/m", by=world.wendy)
    assert paths(world, again) == []


def test_rewriting_takes_no_file_that_another_user_has_locked(world: World, ref: RepoRef) -> None:
    old, now = (world.add_large(ref, "large.bin", data, by=world.wendy) for data in (b"old", b"now"))
    take(world, ref, path="large.bin")
    head = world.head(ref)
    with pytest.raises(Refused, match=r"large\.bin. is locked by wendy"):
        lfs_files.delete_content(world.hub, world.olga, ref, now, rewrites_history=True)
    assert world.head(ref) == head
    # What only older commits have changes no locked file.
    lfs_files.delete_content(world.hub, world.olga, ref, old, rewrites_history=True)
    assert world.read(ref, "large.bin", by=world.wendy) == b"now"
    lfs_files.delete_content(world.hub, world.wendy, ref, now, rewrites_history=True)
    assert "large.bin" not in world.paths(ref)

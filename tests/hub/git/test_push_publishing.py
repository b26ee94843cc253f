from __future__ import annotations

import errno
import hashlib
import os
import pathlib
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from entrepot.catalog import Read, Write
from entrepot.catalog.files import file_links
from entrepot.catalog.repos import refs
from entrepot.errors import (
    Busy,
    InvalidOperation,
    InvalidPath,
    LargeFileMissing,
    LimitExceeded,
    Malformed,
    Refused,
    RepoNotFound,
)
from entrepot.git import Pointer, render_pointer
from entrepot.git.commands import Command, CommandStatus, PushRequest
from entrepot.hub.accounts import quotas
from entrepot.hub.community import discussions
from entrepot.hub.community.discussion_events import CommitAdded
from entrepot.hub.git import push_publishing, pushes
from entrepot.hub.repos import branches, contents, histories, lfs_files, locks, repositories
from entrepot.hub.repos.pulls import openings
from entrepot.hub.repos.repositories import RepoChanges
from entrepot.hub.search import activity
from entrepot.names import MAIN, ROOT, Oid, RefName, RepoId, RepoPath, Sha256
from entrepot.storage import objects as stored
from tests.support import hub_work
from tests.support.chunk_sender import Sender
from tests.support.git_authors import ENV, LARGE, Author, reasons
from tests.support.worlds import World


def test_a_push_is_visible_immediately_with_the_same_ids(author: Author, world: World) -> None:
    old = world.head(author.ref)
    middle = author.commit(a=b"1")
    new = author.commit(b=os.urandom(300_000), c=b"3")

    assert author.push((MAIN, old, new)) == [CommandStatus(MAIN, None)]

    assert world.head(author.ref) == new
    assert world.read(author.ref, "a") == b"1"
    assert world.read(author.ref, "b") == (author.folder / "work" / "b").read_bytes()
    page = histories.history(world.hub, None, author.ref, "main", offset=0, limit=3)
    assert [item.oid for item in page.commits] == [new, middle, old]


def test_a_push_counts_once_in_the_activity_of_its_user(author: Author, world: World) -> None:
    def counted() -> int:
        return sum(activity.of_user(world.hub, None, "alice").counts.values())

    before, old = counted(), world.head(author.ref)
    author.commit(a=b"1")
    new = author.commit(b=b"2")
    author.push((MAIN, old, new), ("refs/heads/side", None, new))
    assert counted() == before + 1
    author.push(("refs/heads/side", new, None))
    assert counted() == before + 1


def test_the_mirror_has_the_push_already(author: Author, world: World) -> None:
    old, new = world.head(author.ref), author.commit(a=b"1")
    author.push((MAIN, old, new))
    [mirror] = [path for path in (world.hub.settings.data / "cache" / "git").iterdir() if path.name[0] != "."]
    assert f"{new} {MAIN}" in (mirror / "packed-refs").read_text()
    assert len(list((mirror / "objects" / "pack").glob("*.pack"))) == 2


def test_branches_and_tags_are_made_and_removed(author: Author, world: World) -> None:
    head = author.commit(a=b"1")
    author.git("tag", "-a", "v1", "-m", "one")
    tag = author.git("rev-parse", "v1")
    made = author.push(("refs/heads/dev", None, head), ("refs/tags/v1", None, tag), ("refs/tags/light", None, head))
    assert set(reasons(made).values()) == {None}
    listed = dict(pushes.list_refs(world.hub, world.alice, author.ref))
    assert listed[RefName("refs/tags/v1")] == tag
    assert (
        contents.list_tree(world.hub, None, author.ref, "v1", ROOT, is_deep=True, with_commits=True, limit=9).commit
        == head
    )
    gone = author.push(("refs/heads/dev", head, None), ("refs/tags/v1", tag, None))
    assert set(reasons(gone).values()) == {None}
    assert set(dict(pushes.list_refs(world.hub, world.alice, author.ref))) == {MAIN, "refs/tags/light"}


def test_no_ref_costs_more_where_there_are_many_refs_and_commits(
    author: Author, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a push of thousands of refs is published, a hub with SQLite writes nothing else."""
    list_all = refs.everything

    def listed(tx: Read, repo_id: int) -> list[tuple[RefName, Oid]]:
        assert not isinstance(tx, Write), "for each ref"
        return list_all(tx, repo_id)

    def walked(_found: object, _head: Oid) -> list[tuple[Oid, str]]:
        raise AssertionError("only pull requests name new commits")

    monkeypatch.setattr(refs, "everything", listed)
    monkeypatch.setattr(push_publishing, "_new_commits", walked)
    made = author.push(*((f"refs/heads/b{number}", None, author.commit(a=b"%d" % number)) for number in range(3)))
    assert set(reasons(made).values()) == {None}
    copy = repositories.duplicate(world.hub, world.bob, author.ref, RepoId("bob", "copy"), None)
    assert len(pushes.list_refs(world.hub, world.bob, copy.ref)) == 4


def test_a_history_may_be_rewritten_by_force(author: Author, world: World) -> None:
    old = world.head(author.ref)
    author.git("reset", "-q", "--hard", "HEAD~1")
    new = author.commit(other=b"1")
    assert reasons(author.push((MAIN, old, new))) == {MAIN: None}
    assert world.paths(author.ref) == [".gitattributes", "other"]


@pytest.mark.parametrize(
    ("ref", "reason"),
    [
        ("refs/x/y", "push to refs/heads/"),
        ("refs/heads/../x", "invalid branch name"),
        ("../x", "push to refs/heads/"),
        ("refs/pr/1", "through the API"),
        ("HEAD", "push to refs/heads/"),
        ("refs/heads/main/below", "can be no"),
    ],
)
def test_names_that_cannot_be_are_refused_and_others_are_done(author: Author, ref: str, reason: str) -> None:
    head = author.commit(a=b"1")
    told = reasons(author.push(("refs/heads/fine", None, head), (ref, None, head)))
    assert told["refs/heads/fine"] is None
    assert reason in (told[ref] or "")


def test_with_atomic_nothing_moves_when_one_ref_is_refused(author: Author, world: World) -> None:
    head = author.commit(a=b"1")
    for bad, old in (("refs/x/y", None), ("refs/heads/other", world.head(author.ref))):
        told = reasons(author.push(("refs/heads/fine", None, head), (bad, old, head), words="atomic"))
        assert None not in told.values()
    assert set(dict(pushes.list_refs(world.hub, world.alice, author.ref))) == {MAIN}


def test_main_cannot_be_deleted(author: Author, world: World) -> None:
    assert "cannot be deleted" in (reasons(author.push((MAIN, world.head(author.ref), None)))[MAIN] or "")


def test_a_branch_that_moved_meanwhile_is_not_overwritten(author: Author, world: World) -> None:
    old, new = world.head(author.ref), author.commit(a=b"1")
    told = author.push((MAIN, old, new), meanwhile=lambda: world.add(author.ref, "b", b"2"))
    assert "moved in the meantime" in (reasons(told)[MAIN] or "")
    assert world.paths(author.ref) == [".gitattributes", "b", "first.txt"]


def test_a_repository_that_is_deleted_meanwhile_takes_nothing(author: Author, world: World) -> None:
    old, new = world.head(author.ref), author.commit(a=b"1")
    with pytest.raises(RepoNotFound):
        author.push((MAIN, old, new), meanwhile=lambda: repositories.delete(world.hub, world.alice, author.ref))


def test_a_pointer_must_lead_to_a_file_the_pusher_may_use(author: Author, world: World) -> None:
    old = world.head(author.ref)
    sha256 = Sha256(hashlib.sha256(LARGE).hexdigest())
    new = author.commit(large=render_pointer(Pointer(sha256, len(LARGE))))
    with pytest.raises(LargeFileMissing, match="'large'"):
        author.push((MAIN, old, new))
    world.upload(author.ref, LARGE)
    assert reasons(author.push((MAIN, old, new))) == {MAIN: None}
    assert world.read(author.ref, "large") == LARGE


def test_a_pointer_must_say_the_right_size(author: Author, world: World) -> None:
    sha256 = world.upload(author.ref, LARGE)
    new = author.commit(large=render_pointer(Pointer(sha256, 5)))
    with pytest.raises(InvalidOperation, match="has 512000 bytes"):
        author.push((MAIN, world.head(author.ref), new))


def test_a_pointer_to_a_file_that_others_keep_private_is_refused(bob: Author, world: World) -> None:
    sha256 = world.add_large(world.repo("alice/secret", visibility="private"), "w", LARGE)
    new = bob.commit(w=render_pointer(Pointer(sha256, len(LARGE))))
    with pytest.raises(LargeFileMissing, match="'w'"):
        bob.push((MAIN, world.head(bob.ref), new), by=world.bob)
    with world.hub.read() as tx:
        assert file_links.link_of(tx, world.row_id(bob.ref), sha256) is None
    assert world.paths(bob.ref) == [".gitattributes"]


def test_a_pointer_to_a_file_that_everyone_may_read_is_accepted(bob: Author, world: World) -> None:
    sha256 = world.add_large(world.repo("alice/open"), "w", LARGE)
    new = bob.commit(v=render_pointer(Pointer(sha256, len(LARGE))))
    assert reasons(bob.push((MAIN, world.head(bob.ref), new), by=world.bob)) == {MAIN: None}
    with world.hub.read() as tx:
        link = file_links.link_of(tx, world.row_id(bob.ref), sha256)
    assert link is not None
    assert link.path == "v"
    assert world.read(bob.ref, "v") == LARGE


def test_a_pointer_to_a_claim_leads_to_the_claimed_chunks_only(bob: Author, world: World, sender: Sender) -> None:
    sha256 = world.add_large(world.repo("alice/secret", visibility="private"), "w", LARGE)
    pieces = sender.chunks("lie", 3)
    sender.upload(bob.ref, pieces, sha256=sha256)
    old, lie = world.head(bob.ref), b"".join(pieces)
    real = bob.commit(w=render_pointer(Pointer(sha256, len(LARGE))))
    with pytest.raises(InvalidOperation, match="has 3000 bytes"):
        bob.push((MAIN, old, real), by=world.bob)
    bob.git("reset", "-q", "--hard", "HEAD~1")
    claimed = bob.commit(w=render_pointer(Pointer(sha256, len(lie))))
    assert reasons(bob.push((MAIN, old, claimed), by=world.bob)) == {MAIN: None}
    assert world.read(bob.ref, "w") == lie


def test_bytes_that_chunks_replace_just_before_an_object_needs_them_are_asked_for_again(
    author: Author, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, old = world.repo("alice/o"), world.head(author.ref)
    world.add_large(other, "w", LARGE)
    new = author.commit(large=LARGE)
    keep_large = stored.keep_large

    def late(*args: Any) -> Any:
        row = keep_large(*args)
        monkeypatch.undo()
        assert hub_work.chunk_files(world.hub, world.row_id(other)) == 1
        return row

    monkeypatch.setattr(stored, "keep_large", late)
    with pytest.raises(Busy):
        author.push((MAIN, old, new))
    assert world.head(author.ref) == old
    assert reasons(author.push((MAIN, old, new))) == {MAIN: None}
    assert world.read(author.ref, "large") == LARGE


def test_a_file_that_was_deleted_for_good_is_not_named_again(author: Author, world: World) -> None:
    sha256 = world.upload(author.ref, LARGE)
    pointer = render_pointer(Pointer(sha256, len(LARGE)))
    old, new = world.head(author.ref), author.commit(large=pointer)
    assert reasons(author.push((MAIN, old, new))) == {MAIN: None}
    author.git("update-ref", "refs/remotes/origin/main", new)
    lfs_files.delete_content(world.hub, world.alice, author.ref, sha256, rewrites_history=False)

    beside = author.commit(other=b"1")
    assert reasons(author.push((MAIN, new, beside))) == {MAIN: None}
    author.git("update-ref", "refs/remotes/origin/main", beside)
    again = author.commit(copy=pointer)
    with pytest.raises(LargeFileMissing, match="'copy'"):
        author.push((MAIN, beside, again))
    assert world.head(author.ref) == beside

    world.upload(author.ref, LARGE)
    assert reasons(author.push((MAIN, beside, again))) == {MAIN: None}
    with world.hub.read() as tx:
        link = file_links.link_of(tx, world.row_id(author.ref), sha256)
    assert link is not None
    assert link.path in ("copy", "large")  # named, so that no sweep takes it
    assert world.read(author.ref, "copy") == LARGE


def test_a_push_cannot_change_paths_locked_by_others(shared: Author, world: World) -> None:
    lock = locks.take(world.hub, world.wendy, shared.ref, RepoPath("folder/a"), None).lock
    old = world.head(shared.ref)
    new = shared.commit(**{"folder/a": b"changed"})
    told = reasons(shared.push((MAIN, old, new), ("refs/tags/v1", None, new), by=world.olga))
    expected = "'folder/a' is locked by wendy; ask them to unlock it, or run: git lfs unlock --force 'folder/a'"
    assert told == {MAIN: expected, "refs/tags/v1": expected}
    later = shared.commit(**{"folder/a": b"x\n"})  # same content as before, but the commit in between changes it
    assert "locked" in (reasons(shared.push((MAIN, old, later), by=world.olga))[MAIN] or "")
    assert reasons(shared.push((MAIN, old, new), by=world.wendy)) == {MAIN: None}

    shared.git("update-ref", "refs/remotes/origin/main", new)
    assert "locked" in (reasons(shared.push((MAIN, new, old), by=world.olga))[MAIN] or "")
    shared.git("reset", "-q", "--hard", new)
    beside = shared.commit(**{"folder/b": b"1"})
    assert reasons(shared.push((MAIN, new, beside), by=world.olga)) == {MAIN: None}
    locks.release(world.hub, world.olga, shared.ref, lock.uid, by_force=True)
    shared.git("update-ref", "refs/remotes/origin/main", beside)
    freed = shared.commit(**{"folder/a": b"again"})
    assert reasons(shared.push((MAIN, beside, freed), by=world.olga)) == {MAIN: None}


def test_a_regular_file_may_not_be_large(make_world: Callable[..., Any], tmp_path: pathlib.Path) -> None:
    world = make_world(max_inline_file=5000)
    author = Author(world, world.repo(), tmp_path / "author")
    new = author.commit(large=os.urandom(5001))
    with pytest.raises(LimitExceeded, match="'large'"):
        author.push((MAIN, world.head(author.ref), new))


def test_commits_without_their_parents_are_refused(author: Author, world: World) -> None:
    first = author.commit(a=b"1")
    second = author.commit(a=b"2")
    author.git("update-ref", "refs/remotes/origin/lie", first)
    push = pushes.begin(world.hub, world.alice, author.ref, PushRequest((Command(MAIN, None, second),), frozenset()))
    pack = subprocess.run(
        ["git", "pack-objects", "--revs", "--stdout", "-q"],
        cwd=author.folder / "work",
        env=ENV,
        input=f"{second}\n^{first}\n".encode(),
        capture_output=True,
    ).stdout
    receiver = push.receiver(3)
    done = subprocess.run(receiver.argv, env=dict(receiver.environ), input=pack, capture_output=True)
    if done.returncode == 0:
        with pytest.raises(Malformed):
            push_publishing.finish(push)
    push.close()
    assert done.returncode == 0 or first.encode() in done.stderr


def test_a_tag_of_a_file_and_a_branch_at_a_tag_are_refused(author: Author) -> None:
    head = author.commit(a=b"1")
    author.git("tag", "-a", "v1", "-m", "one")
    author.git("tag", "-a", "file", "-m", "file", "HEAD:a")
    tag, file = author.git("rev-parse", "v1"), author.git("rev-parse", "file")
    told = reasons(
        author.push(("refs/heads/x", None, head), ("refs/heads/y", None, tag), ("refs/tags/file", None, file))
    )
    assert told["refs/heads/x"] is None
    assert "not a commit" in (told["refs/heads/y"] or "")
    assert told["refs/tags/file"]


def test_large_pushes_are_stored_in_steps(author: Author, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(push_publishing, "_IN_ONE_GO", 10)
    monkeypatch.setattr(push_publishing, "_BATCH_ROWS", 7)
    old = world.head(author.ref)
    new = author.commit(**{f"f{n}": b"%d" % n for n in range(50)})
    assert reasons(author.push((MAIN, old, new))) == {MAIN: None}
    assert len(world.paths(author.ref)) == 52


def test_the_author_of_a_pull_request_pushes_to_it_and_to_nothing_else(author: Author, world: World) -> None:
    old = world.head(author.ref)
    openings.open_draft(world.hub, world.bob, author.ref, "Mine", "text")
    openings.open_draft(world.hub, world.zed, author.ref, "Not mine", "text")
    middle, new = author.commit(a=b"1"), author.commit(b=b"2")
    asked = [(ref, old, new) for ref in ("refs/pr/1", "refs/pr/2", MAIN)] + [("refs/heads/new", None, new)]

    said = reasons(author.push(*asked, by=world.bob))

    assert said["refs/pr/1"] is None
    assert "author" in str(said["refs/pr/2"])
    assert "your own pull requests only" in str(said[MAIN])
    assert "your own pull requests only" in str(said["refs/heads/new"])
    events = discussions.show(world.hub, None, author.ref, 1).events
    assert [event.what for event in events[1:]] == [CommitAdded("m", middle), CommitAdded("m", new)]
    assert world.head(author.ref) == old


def test_a_pull_request_that_is_closed_takes_no_push(author: Author, world: World) -> None:
    old = world.head(author.ref)
    for _ in range(2):
        openings.open_draft(world.hub, world.bob, author.ref, "Mine", "text")
    new = author.commit(a=b"1")

    def close() -> None:
        discussions.set_status(world.hub, world.bob, author.ref, 1, "closed")

    said = reasons(author.push(("refs/pr/1", old, new), ("refs/pr/2", old, new), by=world.bob, meanwhile=close))
    assert said == {"refs/pr/1": "pull request 1 is closed: reopen it first", "refs/pr/2": None}
    said = reasons(author.push(("refs/pr/1", old, new), by=world.alice))
    assert said == {"refs/pr/1": "pull request 1 is closed: reopen it first"}


def test_a_lock_that_is_taken_during_a_push_counts(
    shared: Author, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = world.head(shared.ref), shared.commit(**{"folder/a": b"changed"})
    prepare = push_publishing._prepare

    def prepare_slowly(*arguments: Any) -> Any:
        locks.take(world.hub, world.wendy, shared.ref, RepoPath("folder/a"), None)
        return prepare(*arguments)

    monkeypatch.setattr(push_publishing, "_prepare", prepare_slowly)
    beside = ("refs/heads/dev", None, old)
    told = reasons(shared.push((MAIN, old, new), beside, by=world.olga))
    assert "is locked by wendy" in (told[MAIN] or "")
    assert told["refs/heads/dev"] is None
    assert world.head(shared.ref) == old
    assert reasons(shared.push((MAIN, old, new), by=world.wendy)) == {MAIN: None}


def test_a_pull_request_that_is_locked_takes_pushes_of_writers_only(author: Author, world: World) -> None:
    old = world.head(author.ref)
    openings.open_draft(world.hub, world.bob, author.ref, "Mine", "text")
    new = author.commit(a=b"1")
    discussions.lock(world.hub, world.alice, author.ref, 1, is_locked=True)
    said = reasons(author.push(("refs/pr/1", old, new), by=world.bob))
    assert str(said["refs/pr/1"]).startswith("Pull request 1 is locked: only those who may write")
    assert len(discussions.show(world.hub, None, author.ref, 1).events) == 2
    assert reasons(author.push(("refs/pr/1", old, new), by=world.alice)) == {"refs/pr/1": None}


def test_a_branch_that_is_protected_at_the_last_moment_is_not_rewritten(
    author: Author, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, old = world.head(author.ref), author.commit(a=b"1")
    author.push((MAIN, first, old))
    author.git("reset", "-q", "--hard", first)
    new = author.commit(b=b"2")
    publish = push_publishing._publish

    def protecting(*args: Any) -> Any:
        options: dict[str, object] = {"protectedBranches": ["main"]}
        repositories.configure(world.hub, world.alice, author.ref, RepoChanges(options=options))
        return publish(*args)

    monkeypatch.setattr(push_publishing, "_publish", protecting)
    assert "cannot be rewritten" in (reasons(author.push((MAIN, old, new)))[MAIN] or "")
    assert world.head(author.ref) == old


def test_one_that_is_closed_at_the_last_moment_moves_nothing(
    author: Author, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = world.head(author.ref), author.commit(a=b"1")
    openings.open_draft(world.hub, world.bob, author.ref, "Mine", "text")
    prepare = push_publishing._prepare

    def prepare_slowly(*arguments: Any) -> Any:
        discussions.set_status(world.hub, world.bob, author.ref, 1, "closed")
        return prepare(*arguments)

    monkeypatch.setattr(push_publishing, "_prepare", prepare_slowly)
    with pytest.raises(Refused, match="closed"):
        author.push(("refs/pr/1", old, new), by=world.bob)
    with world.hub.read() as tx:
        assert refs.find(tx, world.row_id(author.ref), RefName("refs/pr/1")) == old


def test_a_push_succeeds_when_the_cache_is_full(author: Author, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_arguments: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    old, new = world.head(author.ref), author.commit(a=b"1")
    monkeypatch.setattr(world.hub.mirrors, "adopt", full)
    assert author.push(("refs/heads/main", old, new)) == [CommandStatus("refs/heads/main", None)]
    monkeypatch.undo()
    lease = pushes.begin(world.hub, world.alice, author.ref, PushRequest((), frozenset()))
    assert new.encode() in (lease._lease.path / "packed-refs").read_bytes()
    lease.close()


BAD_NAMES = [b"tab\there.txt", b"new\nline.txt", b"caf\xe9.txt", b"n" * 300, b"a:b", b"..\\x", b"Icon\r"]


def commit_entry(author: Author, name: bytes, content: bytes = b"data") -> Oid:
    """Return a commit with one more entry of any name."""
    oid = author.git("hash-object", "-w", "--stdin", given=content)
    author.git("-c", "core.protectNTFS=false", "update-index", "-z", "--index-info",
               given=f"100644 {oid}\t".encode() + name + b"\0")  # fmt: skip
    author.git("commit", "-q", "-m", "entry")
    return Oid(author.git("rev-parse", "HEAD"))


@pytest.mark.parametrize("name", [*BAD_NAMES, b"d/Icon\r", b"d/caf\xe9"])
def test_a_push_is_judged_by_the_rules_of_paths(world: World, tmp_path: pathlib.Path, name: bytes) -> None:
    ref = world.repo()
    author = Author(world, ref, tmp_path / "a")
    old, new = world.head(ref), commit_entry(author, name)
    for target in ("refs/heads/main", "refs/heads/other", "refs/tags/t"):
        with pytest.raises(InvalidPath, match="rename it in the commits"):
            author.push((target, old if target == MAIN else None, new))
    author.git("rm", "-q", "--cached", "-r", ".")
    author.commit(good=b"x")
    with pytest.raises(InvalidPath):  # the previous commit still has it
        author.push((MAIN, old, author.git("rev-parse", "HEAD")))


def test_invalid_stored_paths_do_not_block_pushes(world: World, tmp_path: pathlib.Path) -> None:
    ref = world.repo()
    old = world.plant(ref, {"Icon\r": (0o100644, b"icon"), "d/caf\udce9": (0o100644, b"cafe")})
    author = Author(world, ref, tmp_path / "a")
    new = author.commit(other=b"x")
    assert author.push((MAIN, old, new)) == [CommandStatus(MAIN, None)]
    author.git("rm", "-q", "Icon\r")
    author.git("commit", "-q", "-m", "remove it")
    last = Oid(author.git("rev-parse", "HEAD"))
    assert author.push((MAIN, new, last)) == [CommandStatus(MAIN, None)]
    author.git("update-ref", "refs/remotes/origin/main", last)
    with pytest.raises(InvalidPath):
        author.push((MAIN, last, commit_entry(author, b"Icon\r")))


def test_refs_are_judged_by_the_rules_of_names(world: World, tmp_path: pathlib.Path) -> None:
    ref = world.repo()
    author = Author(world, ref, tmp_path / "a")
    head = author.commit(a=b"1")
    assert author.push(("refs/convert/parquet", None, head)) == [CommandStatus("refs/convert/parquet", None)]
    refused = ["refs/heads/refs/heads/main", "refs/tags/refs/pr/1", f"refs/heads/{head}", f"refs/tags/{head[:9]}"]
    for name in [*refused, "refs/convert/refs/x", "refs/other/x"]:
        [verdict] = author.push((name, None, head))
        assert verdict.reason is not None, name
    branches.create_tag(world.hub, world.alice, ref, "main", "v1", None)
    repositories.configure(world.hub, world.alice, ref, repositories.RepoChanges(options={"immutableTags": True}))
    [verdict] = author.push(("refs/heads/v1", None, head))
    assert "immutable" in (verdict.reason or "")


def test_a_refused_push_leaves_no_objects_that_count(world: World, author: Author) -> None:
    world.clock.advance(1_000)
    before = quotas.show(world.hub, "alice").used
    head = author.commit(**{"large.txt": os.urandom(300_000)})
    [refused] = author.push((f"{MAIN}/below", None, head))
    assert refused.reason is not None
    assert quotas.show(world.hub, "alice").used == before

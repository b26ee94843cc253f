from __future__ import annotations

import pathlib
import subprocess
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any

import pytest

from entrepot.catalog import Catalog, Write
from entrepot.catalog.git import objects as object_rows
from entrepot.catalog.named_locks import AnyLock
from entrepot.catalog.repos import refs
from entrepot.errors import (
    BranchMoved,
    Busy,
    EntrepotError,
    EntryNotFound,
    InvalidOperation,
    LargeFileMissing,
    LimitExceeded,
    LoginRequired,
    Malformed,
    NotAllowed,
    RevisionNotFound,
)
from entrepot.git import Mode, Pointer, render_pointer
from entrepot.hub import revisions
from entrepot.hub.accounts import tokens
from entrepot.hub.accounts.tokens import TokenDraft
from entrepot.hub.files.operations import AddFile, AddLarge, Copy, Delete, DeleteFolder
from entrepot.hub.repos import branches, commits, histories, publishing
from entrepot.hub.repos.commits import CommitDraft
from entrepot.names import MAIN, ROOT, Oid, RepoPath, Sha256
from entrepot.storage import objects as stored
from entrepot.storage.trees import Trees
from tests.support.worlds import World

P = RepoPath


def add(path: str, content: bytes = b"x\n") -> AddFile:
    return AddFile(P(path), content)


def fast_import(folder: pathlib.Path, steps: list[tuple[str, int, dict[str, tuple[str, bytes] | None]]]) -> list[str]:
    """Return the ids that C git gives commits: (message, seconds, path -> (mode, content) or None for a deletion)."""
    stream = b""
    for mark, (message, when, files) in enumerate(steps, 1):
        who = f"alice <alice@users.noreply.entrepot> {when} +0000".encode()
        text = message.encode()
        stream += b"commit refs/heads/main\nmark :%d\nauthor %s\ncommitter %s\n" % (mark, who, who)
        stream += b"data %d\n%s\n" % (len(text), text)
        for path, file in files.items():
            if file is None:
                stream += b"D %s\n" % path.encode()
            else:
                stream += b"M %s inline %s\ndata %d\n%s\n" % (file[0].encode(), path.encode(), len(file[1]), file[1])
    folder.mkdir()
    for command, given in ((["init", "-q", "--bare", "-b", "main", "."], b""), (["fast-import", "--quiet"], stream)):
        subprocess.run(["git", *command], cwd=folder, input=given, check=True, capture_output=True)
    done = subprocess.run(["git", "rev-list", "--reverse", "main"], cwd=folder, check=True, capture_output=True)
    return done.stdout.decode().split()


def test_ids_are_those_that_git_computes(world: World, tmp_path: pathlib.Path) -> None:
    from entrepot.git import DEFAULT_MODEL

    start = world.clock.now_ms // 1000
    ref = world.repo("alice/ids")
    data = b"\0weights" * 1000
    sha256 = world.upload(ref, data)
    pointer = render_pointer(Pointer(sha256, len(data)))
    big = bytes(range(256)) * 2048
    ours = [world.head(ref)]
    world.clock.advance(2_000)
    ours.append(world.commit(ref, add("a/b/c.txt", b"deep"), add("naïve/日本.txt", b"u"), add("a.txt"), summary="one"))
    world.clock.advance(3_000)
    ours.append(
        world.commit(ref, AddLarge(P("a/w.bin"), sha256), add("big.txt", big), summary="two", description="why\n\nso")
    )
    ours.append(world.commit(ref, Delete(P("a/b")), add("a/x", b""), Copy(P("z"), P("a.txt")), summary="drei ü"))
    steps: list[tuple[str, int, dict[str, tuple[str, bytes] | None]]] = [
        ("initial commit", start, {".gitattributes": ("100644", DEFAULT_MODEL.encode())}),
        (
            "one",
            start + 2,
            {
                "a/b/c.txt": ("100644", b"deep"),
                "naïve/日本.txt": ("100644", b"u"),
                "a.txt": ("100644", b"x\n"),
            },
        ),
        ("two\n\nwhy\n\nso", start + 5, {"a/w.bin": ("100644", pointer), "big.txt": ("100644", big)}),
        ("drei ü", start + 5, {"a/b/c.txt": None, "a/x": ("100644", b""), "z": ("100644", b"x\n")}),
    ]
    assert ours == fast_import(tmp_path / "oracle", steps)
    git = world.export(ref, tmp_path / "export")
    git("fsck", "--strict", "--full", "--no-dangling")
    assert git("cat-file", "blob", "main:big.txt").encode("utf-8", "surrogateescape") == big


def test_an_executable_stays_one_when_it_is_written_or_copied(world: World, tmp_path: pathlib.Path) -> None:
    ref = world.repo()
    world.plant(ref, {"run.sh": (Mode.EXECUTABLE, b"old\n"), "link": (Mode.SYMLINK, b"run.sh")})
    world.commit(ref, add("run.sh", b"new\n"), Copy(P("bin/run"), P("run.sh")), Copy(P("bin/link"), P("link")))
    modes = {
        line.split("\t")[1]: line[:6]
        for line in world.export(ref, tmp_path / "e")("ls-tree", "-r", "main").splitlines()
    }
    assert modes["run.sh"] == modes["bin/run"] == "100755"
    assert modes["bin/link"] == "120000"


def test_a_submodule_can_be_copied_and_is_no_file(world: World) -> None:
    from entrepot.hub.repos import contents

    ref = world.repo()
    world.plant(ref, {"lib/sub": (Mode.GITLINK, Oid("1" * 40)), "lib/a": (Mode.FILE, b"a")})
    world.commit(ref, Copy(P("one"), P("lib/sub")), Copy(P("all"), P("lib")))
    with world.hub.read() as tx:
        trees = Trees(world.hub.store, tx, world.row_id(ref))
        root = stored.root_of(world.hub.store, tx, world.row_id(ref), world.head(ref))
        copies = [trees.find(root, P(path)) for path in ("one", "all/sub")]
    assert [(copy.mode, copy.oid) for copy in copies if copy] == 2 * [(Mode.GITLINK, Oid("1" * 40))]
    assert {"all/a", "lib/a"} == {path for path in world.paths(ref) if path != ".gitattributes"}
    with pytest.raises(EntryNotFound):
        contents.locate(world.hub, world.alice, ref, "main", P("one"))


def test_operations_apply_in_their_order(world: World) -> None:
    ref = world.repo()
    world.commit(ref, add("d/1"), add("d/2"), add("f", b"f"))
    world.commit(
        ref,
        Delete(P("f")),
        add("f/now/folder", b"1"),
        DeleteFolder(P("d")),
        add("d", b"file"),
        AddFile(P("moved"), b"m", moved_from=P("f/now/folder")),
        add("twice", b"1"),
        add("twice", b"2"),
    )
    assert world.paths(ref) == [".gitattributes", "d", "moved", "twice"]
    assert world.read(ref, "twice") == b"2"


def test_a_copy_takes_what_the_branch_had_before_the_commit(world: World) -> None:
    ref = world.repo()
    world.add(ref, "a", b"old")
    world.commit(ref, add("a", b"new"), Copy(P("b"), P("a")))
    assert world.read(ref, "b") == b"old"


def test_copies_from_another_revision_and_another_repository(world: World) -> None:
    source, target = world.repo("bob/src"), world.repo("alice/dst")
    old = world.commit(source, add("d/a", b"1"), add("d/e/b", b"2"))
    sha256 = world.add_large(source, "d/w.bin", b"large")
    big = b"b" * 300_000
    world.add(source, "d/big", big)
    world.add(source, "d/a", b"changed")
    world.commit(
        target,
        Copy(P("copy"), P("d"), repo=source),
        Copy(P("was"), P("d/a"), revision=old, repo=source),
    )
    assert world.read(target, "copy/a") == b"changed"
    assert world.read(target, "was") == b"1"
    assert world.read(target, "copy/w.bin") == b"large"
    assert world.read(target, "copy/big") == big
    first = world.head(target)
    world.commit(target, Delete(P("copy")))
    world.commit(target, Copy(P("back"), P("copy/e"), revision=first[:10]))
    assert world.read(target, "back/b") == b"2"
    assert sha256 == world.upload(target, b"large")


def test_a_private_source_is_not_there_for_a_stranger(world: World) -> None:
    from entrepot.errors import GatedRepo, RepoNotFound
    from entrepot.hub.repos import repositories

    secret, target = world.repo("bob/secret", visibility="private"), world.repo("alice/dst")
    gated = world.repo("bob/gated")
    repositories.configure(world.hub, world.bob, gated, repositories.RepoChanges(gated="manual"))
    for source, refusal in ((secret, RepoNotFound), (gated, GatedRepo)):
        with pytest.raises(refusal):
            world.commit(target, Copy(P("x"), P(".gitattributes"), repo=source))


def test_a_large_file_can_be_moved(world: World) -> None:
    ref = world.repo()
    sha256 = world.add_large(ref, "old.bin", b"abc")
    world.commit(ref, AddLarge(P("new.bin"), sha256, moved_from=P("old.bin")))
    assert "old.bin" not in world.paths(ref)
    assert world.read(ref, "new.bin") == b"abc"


@pytest.mark.parametrize(
    ("operation", "error"),
    [
        (Delete(P("nothing")), EntryNotFound),
        (DeleteFolder(P("file")), EntryNotFound),
        (add("file/below"), InvalidOperation),
        (add("folder"), InvalidOperation),
        (Copy(P("c"), P("nothing")), EntryNotFound),
        (Copy(P("c"), P("file"), revision="nothing"), RevisionNotFound),
        (Copy(P("folder/x/y"), ROOT), InvalidOperation),
        (AddLarge(P("l"), Sha256("0" * 64), 1), LargeFileMissing),
        (AddFile(P("m"), b"", moved_from=P("nothing")), EntryNotFound),
        (AddFile(P("l"), b"0" * 4097), LimitExceeded),
        (AddFile(P("p"), render_pointer(Pointer(Sha256("1" * 64), 5))), LargeFileMissing),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, type) else value.__name__,
)
def test_one_bad_operation_among_many_changes_nothing(
    make_world: Callable[..., World], operation: Any, error: type
) -> None:
    world = make_world(max_inline_file=4096)
    ref = world.repo()
    world.commit(ref, add("file"), add("folder/x"))
    before, paths = world.head(ref), world.paths(ref)
    many = [add(f"new/{i}") for i in range(20)]
    with pytest.raises(error):
        world.commit(ref, *many, operation, *many)
    assert (world.head(ref), world.paths(ref)) == (before, paths)


def test_a_wrong_size_is_refused_also_in_the_text_of_a_pointer(world: World) -> None:
    ref = world.repo()
    sha256 = world.upload(ref, b"12345")
    with pytest.raises(InvalidOperation):
        world.commit(ref, AddLarge(P("l"), sha256, 6))
    with pytest.raises(InvalidOperation):
        world.commit(ref, AddFile(P("l"), render_pointer(Pointer(sha256, 999))))
    world.commit(ref, AddFile(P("l"), render_pointer(Pointer(sha256, 5))))
    assert world.read(ref, "l") == b"12345"


@pytest.mark.parametrize(
    "draft",
    [
        CommitDraft(" \n", ()),
        CommitDraft("s", (), parent="abc"),
        CommitDraft("s", (), parent="ABCDEF0"),
        CommitDraft("s", (), parent="g" * 40),
    ],
)
def test_an_invalid_draft_is_malformed(world: World, draft: CommitDraft) -> None:
    with pytest.raises(Malformed):
        commits.create(world.hub, world.alice, world.repo(), "main", draft)


def test_a_title_is_one_line_and_the_others_are_kept(world: World) -> None:
    ref = world.repo()
    world.add(ref, "a", summary="one\ntwo", description="three")
    [newest] = histories.history(world.hub, world.alice, ref, "main", offset=0, limit=1).commits
    assert (newest.commit.title, newest.commit.body) == ("one", "two\n\nthree")


def test_only_branches_take_commits(world: World) -> None:
    ref = world.repo()
    branches.create_tag(world.hub, world.alice, ref, "main", "v1", None)
    for revision in ("v1", "refs/tags/v1", world.head(ref), "nothing", ""):
        with pytest.raises(RevisionNotFound):
            world.add(ref, "a", branch=revision)
    for revision in ("main", "refs/heads/main", "HEAD"):
        world.add(ref, revision.replace("/", "-"), branch=revision)
    assert "refs-heads-main" in world.paths(ref)


def test_a_pinned_parent_may_be_full_or_short(world: World) -> None:
    ref = world.repo()
    world.add(ref, "a", parent=world.head(ref))
    world.add(ref, "b", parent=world.head(ref)[:7])
    assert {"a", "b"} <= set(world.paths(ref))


@pytest.mark.parametrize("digits", [7, 8, 40])
def test_every_digit_of_a_pinned_parent_counts(world: World, digits: int) -> None:
    ref = world.repo()
    head = world.head(ref)
    for at in range(digits):
        other = "0" if head[at] != "0" else "1"
        with pytest.raises(BranchMoved):
            world.add(ref, "z", parent=head[:at] + other + head[at + 1 : digits])
    assert world.head(ref) == head


def test_a_pinned_parent_that_is_not_the_head_names_what_changed(world: World) -> None:
    ref = world.repo()
    old = world.head(ref)
    world.commit(ref, add("x/1"), add("y"))
    for parent in (old, old[:8]):
        with pytest.raises(BranchMoved) as caught:
            world.add(ref, "z", parent=parent)
        assert caught.value.changed == ("x/1", "y")
    with pytest.raises(BranchMoved) as caught:
        world.add(ref, "z", parent="0123456")
    assert caught.value.changed == ()
    assert "z" not in world.paths(ref)


@pytest.mark.parametrize(
    ("theirs", "mine", "wins"),
    [
        (add("a/1"), add("a/2"), True),
        (add("a/1"), add("a/1"), False),
        (add("base/1", b"new"), Delete(P("base")), False),
        (Delete(P("base")), add("base/1", b"new"), False),
        (add("base/new"), DeleteFolder(P("base")), False),
        (add("other"), DeleteFolder(ROOT), False),
        (add("base/1", b"new"), Copy(P("c"), P("base/1")), False),
        (add("base/1", b"new"), Copy(P("c"), P("base")), False),
        (add("base/1", b"new"), Copy(P("c"), P("base/2")), True),
        (add("base/1", b"new"), AddFile(P("c"), b"", moved_from=P("base/1")), False),
        (AddFile(P("c"), b"", moved_from=P("base/1")), add("base/1", b"new"), False),
        (add("base.txt"), add("base/3"), True),
    ],
)
def test_a_disjoint_commit_wins_and_an_overlapping_one_loses(world: World, theirs: Any, mine: Any, wins: bool) -> None:
    ref = world.repo()
    parent = world.commit(ref, add("base/1"), add("base/2"))
    head = world.commit(ref, theirs)
    if wins:
        world.commit(ref, mine, parent=parent, allows_disjoint=True)
        assert histories.history(world.hub, world.alice, ref, "main", offset=1, limit=1).commits[0].oid == head
    else:
        with pytest.raises(BranchMoved):
            world.commit(ref, mine, parent=parent, allows_disjoint=True)
        assert world.head(ref) == head


def test_a_disjoint_commit_whose_parent_is_no_ancestor_loses(world: World) -> None:
    ref = world.repo()
    branches.create_branch(world.hub, world.alice, ref, "side", start=None, is_empty=False, overwrites=False)
    other = world.add(ref, "s", branch="side")
    with pytest.raises(BranchMoved):
        world.add(ref, "z", parent=other, allows_disjoint=True)


def race(workers: int, work: Any) -> list[EntrepotError | None]:
    """Run ``work(number)`` in this number of threads at the same time; return the exceptions."""
    barrier = threading.Barrier(workers)

    def one(number: int) -> EntrepotError | None:
        barrier.wait()
        try:
            work(number)
        except EntrepotError as error:
            return error
        return None

    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(one, range(workers)))


@pytest.mark.parametrize("is_disjoint", [True, False])
def test_four_hundred_commits_of_sixteen_writers_all_succeed(world: World, is_disjoint: bool) -> None:
    ref = world.repo()
    alice = world.alice

    def work(number: int) -> None:
        for turn in range(25):
            path = f"{number}/{turn}" if is_disjoint else "same"
            operations = (add(path, f"{number} {turn}".encode()),)
            commits.create(world.hub, alice, ref, "main", CommitDraft(f"{number} {turn}", operations))

    assert race(16, work) == [None] * 16
    history = histories.history(world.hub, alice, ref, "main", offset=0, limit=1000)
    assert history.total == len(history.commits) == 401
    for child, parent in zip(history.commits, history.commits[1:], strict=False):
        assert child.commit.parents == (parent.oid,)
    titles = [item.commit.title for item in history.commits[:-1]]
    assert sorted(titles) == sorted(f"{n} {t}" for n in range(16) for t in range(25))
    if is_disjoint:
        assert len(world.paths(ref)) == 401
    else:
        assert world.read(ref, "same") == titles[0].encode()


def test_of_racing_commits_with_the_same_pinned_parent_exactly_one_wins(world: World) -> None:
    ref = world.repo()
    alice = world.alice
    for turn in range(6):
        parent = world.head(ref)

        def work(number: int, turn: int = turn, parent: str = parent) -> None:
            draft = CommitDraft(f"{number}", (add(f"{turn}/{number}"),), parent=parent)
            commits.create(world.hub, alice, ref, "main", draft)

        errors = race(8, work)
        assert errors.count(None) == 1
        assert sum(isinstance(error, BranchMoved) for error in errors) == 7
    assert histories.history(world.hub, alice, ref, "main", offset=0, limit=1).total == 7


def test_racing_disjoint_commits_with_a_pinned_parent_all_win(world: World) -> None:
    ref = world.repo()
    alice, parent = world.alice, world.head(ref)

    def work(number: int) -> None:
        draft = CommitDraft("d", (add(f"f{number}"),), parent=parent, allows_disjoint=True)
        commits.create(world.hub, alice, ref, "main", draft)

    assert race(8, work) == [None] * 8
    assert len(world.paths(ref)) == 9


def test_a_writer_that_always_loses_the_race_gets_busy(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ref = world.repo()
    monkeypatch.setattr(commits, "publish", lambda *_arguments: False)
    with pytest.raises(Busy):
        world.add(ref, "a")


def test_a_commit_whose_bytes_were_swept_meanwhile_moves_no_branch(world: World) -> None:
    ref = world.repo()
    before = world.head(ref)

    def operations() -> Any:
        yield add("a", b"first" * 70_000)
        yield add("b", b"second")

    from entrepot.hub.files import preparation

    staged_before = preparation.prepare

    def stage_then_lose(*arguments: Any, **more: Any) -> Any:
        staged = staged_before(*arguments, **more)
        with world.hub.write() as tx:
            object_rows.remove(tx, world.row_id(ref), list(staged.objects), touched_before_ms=2**60)
        return staged

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(preparation, "prepare", stage_then_lose)
        with pytest.raises(Busy):
            commits.create(world.hub, world.alice, ref, "main", CommitDraft("s", operations()))
    assert world.head(ref) == before


def test_a_small_commit_takes_one_writing_transaction_and_its_objects_come_with_the_branch(world: World) -> None:
    ref, written = world.repo(), 0
    write = Catalog.write

    def counted(catalog: Catalog, *locks: AnyLock, **more: Any) -> AbstractContextManager[Write]:
        nonlocal written
        written += 1
        return write(catalog, *locks, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Catalog, "write", counted)
        commits.create(world.hub, world.alice, ref, "main", CommitDraft("s", [add("deep/a", b"1"), add("b", b"2")]))
    assert written == 1
    assert (world.read(ref, "deep/a"), world.read(ref, "b")) == (b"1", b"2")


def test_on_a_server_of_databases_a_commit_takes_few_messages(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    if world.hub.catalog.is_file:
        pytest.skip("a file takes no messages")
    from tests.support.database_messages import count_messages  # needs the driver

    ref, secret = world.repo(), tokens.create_for(world.hub, "alice", TokenDraft("write"))[0].secret

    def change(path: str) -> list[int]:
        sent = count_messages(monkeypatch)
        with world.hub.together():
            caller = world.hub.identify(secret, None, revisions.branch_lookups(ref, "main"))
            commits.create(world.hub, caller, ref, "main", CommitDraft("s", [add(path)], inline_bytes=2))
        return sent

    change("a/b")
    assert change("a/c") == [4, 2, 5, 4, 10], "who and where; the quota; locks and rights; the ref; rows and the end"
    world.hub.store.roots.drop((world.row_id(ref), world.head(ref)))
    assert len(change("a/d")) == 5, "a commit that another server has made comes with the quota"


def test_a_commit_needs_write_access(world: World) -> None:
    ref = world.repo()
    for caller, error in (
        (None, LoginRequired),
        (world.zed, NotAllowed),
        (world.caller("alice", "read"), NotAllowed),
    ):
        with pytest.raises(error):
            commits.create(world.hub, caller, ref, "main", CommitDraft("s", (add("a"),)))


def test_a_deleted_branch_cannot_be_committed_to(world: World) -> None:
    ref = world.repo()

    def operations() -> Any:
        with world.hub.write() as tx:
            refs.swap(tx, world.row_id(ref), MAIN, world.head(ref), None, 1)
        yield add("a")

    with pytest.raises(RevisionNotFound):
        commits.create(world.hub, world.alice, ref, "main", CommitDraft("s", operations()))


def test_messages_that_lists_could_not_hold_are_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ref = world.repo()
    for module in (publishing, branches):
        monkeypatch.setattr(module, "MAX_COMMIT", 1_000)
    draft = CommitDraft("s", [AddFile(RepoPath("a"), b"1")], "x" * 1_000)
    with pytest.raises(LimitExceeded, match="shorten its message"):
        commits.create(world.hub, world.alice, ref, "main", draft)
    with pytest.raises(LimitExceeded, match="shorten its message"):
        branches.create_tag(world.hub, world.alice, ref, "main", "v1", "x" * 1_000)
    branches.create_tag(world.hub, world.alice, ref, "main", "v1", "x" * 500)

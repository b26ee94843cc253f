from __future__ import annotations

import hashlib
import os
import pathlib
import shutil
import subprocess
from typing import Any

import pytest

from entrepot.catalog.files import files
from entrepot.catalog.repos import repositories as repos
from entrepot.errors import (
    AccountNotFound,
    AlreadyExists,
    EntrepotError,
    InvalidPath,
    LimitExceeded,
    Refused,
    RepoNotFound,
)
from entrepot.hub.files.operations import AddFile
from entrepot.hub.git import import_large_files, imports, pushes
from entrepot.hub.jobs import maintenance
from entrepot.hub.repos import histories, repo_rights
from entrepot.hub.repos.commits import CommitDraft
from entrepot.hub.repos.pulls import merges, openings
from entrepot.names import Oid, RepoId, RepoPath, RepoRef, RepoType
from tests.support.worlds import World

REF = RepoRef(RepoType.DATASET, RepoId("alice", "imported"))
LARGE = bytes(range(256)) * 3000
ENV = {
    **{f"GIT_{who}_{what}": "a@b.example" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    "PATH": os.environ["PATH"],
    "HOME": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}


class Source:
    """A repository on another host."""

    def __init__(self, folder: pathlib.Path, branch: str = "main") -> None:
        self.folder = folder
        folder.mkdir()
        self.git("init", "-q", "-b", branch)

    def git(self, *arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=self.folder, env=ENV, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def write(self, kind: str, content: bytes) -> str:
        """Store an object without checking it."""
        command = ["git", "hash-object", "-t", kind, "-w", "--stdin", "--literally"]
        done = subprocess.run(command, cwd=self.folder, env=ENV, input=content, capture_output=True, check=True)
        return done.stdout.decode().strip()

    def commit(self, **files: bytes) -> str:
        for name, content in files.items():
            (self.folder / name).write_bytes(content)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "m")
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def source(tmp_path: pathlib.Path) -> Source:
    return Source(tmp_path / "source")


def import_url(world: World, source: Source, ref: RepoRef = REF, **options: Any) -> imports.Imported:
    folder = source.folder.parent / f"copy-{len(list(source.folder.parent.iterdir()))}"
    return imports.import_repo(world.hub, str(source.folder), ref, folder, environ=ENV, **options)


def test_branches_tags_and_history_come_with_their_ids(world: World, source: Source) -> None:
    first = source.commit(a=b"1", b=os.urandom(400_000))
    source.git("tag", "-a", "v1", "-m", "one")
    head = source.commit(a=b"2")
    source.git("branch", "old", first)

    done = import_url(world, source)

    assert (done.refs, done.files, done.refused) == (3, 0, ())
    listed = dict(pushes.list_refs(world.hub, world.alice, REF))
    assert listed == {
        "refs/heads/main": head,
        "refs/heads/old": first,
        "refs/tags/v1": source.git("rev-parse", "v1"),
    }
    assert world.read(REF, "a", "v1") == b"1"
    assert world.read(REF, "b") == (source.folder / "b").read_bytes()


@pytest.mark.skipif(shutil.which("git-lfs") is None, reason="git-lfs is not installed")
def test_large_files_come_with_git_lfs(world: World, source: Source) -> None:
    source.git("lfs", "install", "--local")
    source.git("lfs", "track", "*.bin")
    source.commit(**{"large.bin": LARGE})
    assert import_url(world, source).files == 1
    assert world.read(REF, "large.bin") == LARGE
    assert hashlib.sha256(LARGE).hexdigest() in source.git("show", "HEAD:large.bin")


def test_another_default_branch_also_becomes_main(world: World, tmp_path: pathlib.Path) -> None:
    source = Source(tmp_path / "source", branch="master")
    head = source.commit(a=b"1")
    import_url(world, source)
    listed = dict(pushes.list_refs(world.hub, world.alice, REF))
    assert listed == {"refs/heads/main": head, "refs/heads/master": head}


def test_a_failed_fetch_creates_nothing(world: World, source: Source) -> None:
    with pytest.raises(Refused, match="has no commits"):
        import_url(world, source)
    with pytest.raises(Refused, match="cannot be fetched"):
        imports.import_repo(world.hub, "/no/such/place", REF, source.folder.parent / "copy", environ=ENV)
    source.commit(a=b"1")
    with pytest.raises(AccountNotFound):
        import_url(world, source, RepoRef(RepoType.MODEL, RepoId("nobody", "m")))
    assert import_url(world, source).refs == 1
    with pytest.raises(AlreadyExists):
        import_url(world, source)


def test_refused_refs_are_reported(world: World, source: Source) -> None:
    source.commit(large=os.urandom(11 << 20))
    with pytest.raises(LimitExceeded, match="--large-files lfs"):
        import_url(world, source)
    assert_nothing_made(world)


def test_names_of_refs_may_have_what_other_programs_take_for_the_end_of_a_line(world: World, source: Source) -> None:
    head = source.commit(a=b"1")
    for name in ("a\u2028b", "a\x85b"):
        source.git("branch", name, head)
    assert import_url(world, source).refs == 3
    listed = dict(pushes.list_refs(world.hub, world.alice, REF))
    assert listed["refs/heads/a\u2028b"] == listed["refs/heads/a\x85b"] == head


def test_a_name_of_a_ref_that_is_no_text_is_refused(world: World, source: Source) -> None:
    head = source.commit(a=b"1")
    packed = f"{head} refs/heads/main\n{head} refs/heads/a\udcffb\n"
    (source.folder / ".git/packed-refs").write_bytes(packed.encode("utf-8", "surrogateescape"))
    with pytest.raises(Refused, match=r"refs/heads/a.*is not UTF-8; rename it"):
        import_url(world, source)
    assert_nothing_made(world)


def test_pointers_are_found_in_slices_of_the_history(
    world: World, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "_OBJECTS", 2)
    found: list[int] = []
    pointers_of = import_large_files.pointers_of

    def note(listing: bytes) -> list[Any]:
        found.append(listing.count(b" blob "))
        return pointers_of(listing)

    monkeypatch.setattr(import_large_files, "pointers_of", note)
    source.commit(**{f"f{number}": b"%d" % number for number in range(5)}, large=b"a" * 2000)
    source.git("tag", "-a", "-m", "m", "large", source.git("rev-parse", "HEAD:large"))
    source.git("tag", "-a", "-m", "m", "small", source.git("rev-parse", "HEAD:f1"))
    import_url(world, source)
    assert sum(found) == 5, "a large content is left out, even if a tag names it"
    assert max(found) == 2


def assert_nothing_made(world: World) -> None:
    with pytest.raises(RepoNotFound):
        repo_rights.check_read(world.hub, world.alice, REF)
    with world.hub.read() as tx:
        assert not list(files.needed(tx))


def test_an_import_that_fails_on_the_way_leaves_nothing(world: World, source: Source) -> None:
    source.commit(**{"Icon\r": b"", "a": os.urandom(400_000)})
    with pytest.raises(InvalidPath, match="control character"):
        import_url(world, source)
    assert_nothing_made(world)
    source.git("rm", "-q", "Icon\r")
    source.git("commit", "-q", "--amend", "-m", "m")
    assert import_url(world, source).refs == 1


def test_large_files_become_git_lfs_files_on_request(world: World, source: Source) -> None:
    first = source.commit(a=b"1")
    big = os.urandom(11 << 20)
    (source.folder / "d").mkdir()
    second = source.commit(**{"d/big [1].dat": big, "big": big})
    source.git("tag", "-a", "v1", "-m", "one")
    third = source.commit(a=b"2")
    source.git("branch", "old", first)
    folder = source.folder.parent / "copy"

    done = imports.import_repo(world.hub, str(source.folder), REF, folder, environ=ENV, rewrites_large=True)

    assert done.rewritten is not None
    ids = done.rewritten.ids
    assert first not in ids
    assert {second, third, source.git("rev-parse", "v1")} == set(ids)
    assert (done.rewritten.files, done.rewritten.signatures, done.refused) == (1, 0, ())
    listed = dict(pushes.list_refs(world.hub, world.alice, REF))
    assert (listed["refs/heads/main"], listed["refs/heads/old"]) == (ids[third], first)
    for revision in ("main", "v1"):
        assert world.read(REF, "d/big [1].dat", revision) == world.read(REF, "big", revision) == big
        rules = world.read(REF, ".gitattributes", revision).decode().splitlines()
        assert [line.split(" filter=lfs ")[0] for line in rules] == ["/big", '"d/big \\\\[1].dat"']
    git = world.export(REF, source.folder.parent / "exported.git")
    git("fsck", "--strict")
    assert git("log", "--format=%s %an", ids[third]).splitlines() == ["m a@b.example"] * 3


def test_signatures_of_rewritten_commits_are_dropped_and_counted(world: World, source: Source) -> None:
    source.commit(big=os.urandom(11 << 20))
    plain = source.git("cat-file", "commit", "HEAD")
    header, _, message = plain.partition("\n\n")
    signed = f"{header}\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n abc\n -----END PGP SIGNATURE-----\n\n{message}\n"
    (source.folder.parent / "signed").write_text(signed)
    oid = source.git("hash-object", "-t", "commit", "-w", str(source.folder.parent / "signed"))
    source.git("reset", "-q", "--hard", oid)
    folder = source.folder.parent / "copy"
    done = imports.import_repo(world.hub, str(source.folder), REF, folder, environ=ENV, rewrites_large=True)
    assert done.rewritten is not None
    assert done.rewritten.signatures == 1
    assert (
        b"gpgsig"
        not in subprocess.run(
            ["git", "cat-file", "commit", done.rewritten.ids[Oid(oid)]], cwd=folder, env=ENV, capture_output=True
        ).stdout
    )


def old_history(source: Source) -> str:
    """A commit with a time zone that does not exist, and a tree with a zero-padded mode, as old programs made them."""
    source.commit(a=b"1")
    blob = source.git("rev-parse", "HEAD:a")
    tree = source.write(
        "tree", b"040000 d\0" + bytes.fromhex(source.write("tree", b"100644 a\0" + bytes.fromhex(blob)))
    )
    who = b"Example Author <author@example.org> 1312735823 +051800"
    commit = source.write("commit", b"tree %s\nauthor %s\ncommitter %s\n\nold\n" % (tree.encode(), who, who))
    source.git("update-ref", "refs/heads/main", commit)
    return commit


def test_a_fault_of_old_history_is_named_and_accepted_on_demand(world: World, source: Source) -> None:
    commit = old_history(source)
    with pytest.raises(
        Refused, match=r"the (commit|tree) [0-9a-f]{40} is refused: (badTimezone|zeroPaddedFilemode)"
    ) as caught:
        import_url(world, source)
    assert str(caught.value).endswith("; git accepts such old faults: import again with --tolerate-old-history")
    other = RepoRef(RepoType.DATASET, RepoId("alice", "old"))
    done = imports.import_repo(
        world.hub, str(source.folder), other, source.folder.parent / "c", environ=ENV, tolerates_old=True
    )
    assert done.refused == ()
    assert dict(pushes.list_refs(world.hub, world.alice, other)) == {"refs/heads/main": commit}
    assert world.read(other, "d/a") == b"1"
    assert [item for item in maintenance.fsck(world.hub) if item.is_damage] == []
    lease = world.hub.mirrors.take(world.hub.store, world.hub.read, rows_of(world, other))
    lease.release()


def test_padded_modes_are_no_change_and_can_be_merged(world: World, source: Source) -> None:
    old_history(source)
    ref = RepoRef(RepoType.DATASET, RepoId("alice", "padded"))
    imports.import_repo(world.hub, str(source.folder), ref, source.folder.parent / "c", environ=ENV, tolerates_old=True)
    world.add(ref, "d/b", b"2\n")
    text = histories.compare(world.hub, world.alice, ref, "main^..main")
    assert [line for line in text.splitlines() if line.startswith("diff")] == ["diff --git a/d/b b/d/b"]
    change = CommitDraft("change", (AddFile(RepoPath("d/c"), b"3\n"),))
    num = openings.open_with_commit(world.hub, world.alice, ref, "main", change).num
    world.add(ref, "d/a", b"4\n")
    merges.merge(world.hub, world.alice, ref, num)
    assert sorted(world.paths(ref)) == ["d/a", "d/b", "d/c"]


def rows_of(world: World, ref: RepoRef) -> Any:
    with world.hub.read() as tx:
        return repos.find(tx, ref)


@pytest.mark.parametrize("is_tolerant", [False, True])
@pytest.mark.parametrize(
    ("rows", "fault"),
    [
        (b"100644 a\0%s100644 a\0%s", "duplicateEntries"),
        (b"100644 a\0%s100644 a.b\0%s40000 a\0%s", "duplicateEntries"),
        (b"100644 b\0%s100644 a\0%s", "treeNotSorted"),
    ],
)
def test_a_tree_with_a_name_twice_or_in_another_order_is_never_stored(
    world: World, source: Source, rows: bytes, fault: str, *, is_tolerant: bool
) -> None:
    source.commit(a=b"1")
    blob, folder = (bytes.fromhex(source.git("rev-parse", found)) for found in ("HEAD:a", "HEAD^{tree}"))
    tree = source.write("tree", rows % ((blob, blob, folder)[: rows.count(b"%s")]))
    source.git("update-ref", "refs/heads/main", source.git("commit-tree", tree, "-m", "hostile"))
    with pytest.raises(Refused, match=rf"the tree {tree} is refused: {fault}"):
        import_url(world, source, tolerates_old=is_tolerant)


@pytest.mark.parametrize("mode", [b"0100644", b"000000100644", b"0"])
def test_a_mode_that_no_program_wrote_is_refused_whatever_is_tolerated(
    world: World, source: Source, mode: bytes
) -> None:
    source.commit(a=b"1")
    tree = source.write("tree", mode + b" a\0" + bytes.fromhex(source.git("rev-parse", "HEAD:a")))
    source.git("update-ref", "refs/heads/main", source.git("commit-tree", tree, "-m", "odd"))
    with pytest.raises(EntrepotError, match="tree"):
        import_url(world, source, tolerates_old=True)


def test_a_dangerous_fault_is_never_accepted(world: World, source: Source) -> None:
    source.commit(a=b"1")
    blob = bytes.fromhex(source.git("rev-parse", "HEAD:a"))
    tree = source.write("tree", b"100644 .git\0" + blob)
    who = b"A <a@b.example> 1312735823 +0000"
    commit = source.write("commit", b"tree %s\nauthor %s\ncommitter %s\n\nold\n" % (tree.encode(), who, who))
    source.git("update-ref", "refs/heads/main", commit)
    with pytest.raises(Refused, match=r"the tree [0-9a-f]{40} is refused: hasDotgit"):
        imports.import_repo(
            world.hub, str(source.folder), REF, source.folder.parent / "c", environ=ENV, tolerates_old=True
        )

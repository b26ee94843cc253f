from __future__ import annotations

import hashlib
import os
import pathlib
import subprocess
import zlib

import pytest

from entrepot.errors import InvalidPath, LimitExceeded
from entrepot.git import Kind, Pointer, oid_of, render_pointer
from entrepot.git.packs import entry_header, pack_header
from entrepot.hub.git import push_contents
from entrepot.hub.git.push_contents import PushContents, read_push
from entrepot.names import Oid, Sha256
from entrepot.storage.quarantines import open_quarantine

POINTER = Pointer(Sha256("a" * 64), 5)
ENV = {
    **{f"GIT_{who}_{what}": "a@b.example" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    "PATH": os.environ["PATH"],
    "HOME": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}


@pytest.fixture
def author(tmp_path: pathlib.Path) -> Author:
    return Author(tmp_path / "work")


class Author:
    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments: str, given: bytes = b"") -> bytes:
        return subprocess.run(
            ["git", *arguments], cwd=self.folder, env=ENV, input=given, capture_output=True, check=True
        ).stdout

    def commit(self, **files: bytes) -> Oid:
        for name, content in files.items():
            path = self.folder / name.replace("__", "/")
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "m")
        return Oid(self.git("rev-parse", "HEAD").decode().strip())

    def inspected(self, wanted: str, max_file: int = 1 << 20) -> PushContents:
        """Return the contents of a push of these revisions."""
        return self.unpacked(self.git("pack-objects", "--revs", "--stdout", "-q", given=wanted.encode()), max_file)

    def unpacked(self, pack: bytes, max_file: int = 1 << 20) -> PushContents:
        """Return the contents of a push of this pack."""
        quarantine = open_quarantine(self.folder / ".git")
        receiver = quarantine.receiver(1, longest_pack=1 << 30, longest_file=1 << 20)
        try:
            subprocess.run(receiver.argv, env=dict(receiver.environ), input=pack, check=True, stdout=subprocess.DEVNULL)
            return read_push(quarantine, quarantine.oids(), max_file=max_file)
        finally:
            quarantine.close()


def test_a_push_is_understood(author: Author) -> None:
    first = author.commit(a=b"1", folder__pointer=render_pointer(POINTER))
    second = author.commit(a=b"2")
    found = author.inspected(f"{second}\n")
    assert found.ordered == [(first, ()), (second, (first,))]
    assert {found.path_of(oid): pointer for oid, pointer in found.pointers.items()} == {"folder/pointer": POINTER}
    assert set(found.paths.values()) == {"a", "folder/pointer"}
    assert not found.beyond
    assert not found.parents_beyond


def test_objects_that_a_push_needs_and_did_not_bring_are_known(author: Author) -> None:
    first = author.commit(a=b"1", folder__b=b"b")
    second = author.commit(a=b"2")
    found = author.inspected(f"{second}\n^{first}\n")
    assert found.parents_beyond == {first}
    assert found.beyond == {author.git("rev-parse", "HEAD:folder").decode().strip()}


def test_a_file_that_is_too_large_is_reported_with_path_and_advice(author: Author) -> None:
    head = author.commit(folder__large=os.urandom(5000))
    with pytest.raises(LimitExceeded, match=r"folder/large.*git lfs migrate"):
        author.inspected(f"{head}\n", max_file=4999)
    assert author.inspected(f"{head}\n", max_file=5000).paths


def test_a_commit_or_tag_that_is_too_large_is_refused(author: Author, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(push_contents, "MAX_COMMIT", 1_000)
    head = author.commit(a=b"1")
    author.git("tag", "-a", "short", "-m", "x" * 500)
    assert author.inspected(f"{head}\nshort\n").tags
    author.git("tag", "-a", "long", "-m", "x" * 1_000)
    with pytest.raises(LimitExceeded, match="the size of the tag"):
        author.inspected(f"{head}\nlong\n")
    author.git("commit", "-q", "--allow-empty", "-m", "x" * 1_000)
    with pytest.raises(LimitExceeded, match="the size of the commit"):
        author.inspected("HEAD\n")


def test_contents_beyond_what_memory_is_for_are_left(author: Author, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(push_contents, "_KEPT_BYTES", 3000)
    head = author.commit(a=os.urandom(2000), b=os.urandom(2000))
    found = author.inspected(f"{head}\n")
    assert len(found.left) == 1
    assert len(found.kept) == 3


def test_a_commit_without_files_brings_the_empty_tree(author: Author) -> None:
    head = author.commit()
    found = author.inspected(f"{head}\n")
    assert not found.beyond
    assert found.ordered == [(head, ())]


def test_a_long_line_of_commits_is_ordered(author: Author) -> None:
    stream = "".join(f"commit refs/heads/main\ncommitter a <a@b> {n} +0000\ndata 1\nx" + "\n" for n in range(1, 3001))
    author.git("fast-import", "--quiet", "--force", given=stream.encode())
    found = author.inspected("refs/heads/main\n")
    ordered = [oid for oid, _ in found.ordered]
    assert len(ordered) == 3000
    assert ordered == author.git("rev-list", "--reverse", "main").decode().split()


def pack(*objects: tuple[Kind, bytes]) -> bytes:
    body = pack_header(len(objects))
    body += b"".join(entry_header(kind, len(data)) + zlib.compress(data) for kind, data in objects)
    return body + hashlib.sha1(body).digest()


def nested(levels: int, names: list[bytes], file: bytes = b"x") -> list[tuple[Kind, bytes]]:
    """Return a commit of trees that contain the next one under every name."""
    made = [(Kind.BLOB, file)]
    mode, below = b"100644 ", oid_of(Kind.BLOB, file)
    for _ in range(levels):
        made.append((Kind.TREE, b"".join(mode + name + b"\0" + bytes.fromhex(below) for name in names)))
        mode, below = b"40000 ", oid_of(*made[-1])
    text = f"tree {below}\nauthor A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\n\nm\n"
    return [*made, (Kind.COMMIT, text.encode())]


def test_trees_that_unfold_to_more_than_fits_anywhere_are_refused_at_once(author: Author) -> None:
    ten = [b"%d" % n for n in range(10)]
    assert len(author.unpacked(pack(*nested(6, ten))).trees) == 6
    with pytest.raises(LimitExceeded, match="number of paths in one commit"):
        author.unpacked(pack(*nested(40, ten)))
    with pytest.raises(LimitExceeded, match="number of paths"):
        author.unpacked(pack(*nested(40, ten)[:-1]))  # a later push might name them


@pytest.mark.parametrize(("levels", "name"), [(129, b"a"), (3000, b"a"), (17, b"n" * 250)])
def test_paths_that_are_too_deep_or_too_long_are_refused(author: Author, levels: int, name: bytes) -> None:
    with pytest.raises(InvalidPath, match="more than 128 levels or 4,096 characters"):
        author.unpacked(pack(*nested(levels, [name])))


def test_paths_as_deep_as_the_rules_allow_are_taken(author: Author) -> None:
    [path] = author.unpacked(pack(*nested(128, [b"a"]))).paths.values()
    assert path == "/".join("a" * 128)


def test_trees_and_commits_are_held_up_to_a_limit(author: Author, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(push_contents, "_HELD_BYTES", 500)
    with pytest.raises(LimitExceeded, match="push in smaller steps"):
        author.unpacked(pack(*nested(20, [b"a"])))


def test_no_other_file_is_unpacked_to_name_the_one_that_is_too_large(author: Author) -> None:
    head = author.commit(**{f"folder__f{n}": os.urandom(5000) for n in range(5)})
    with pytest.raises(LimitExceeded, match=r"the regular file 'folder/f\d'"):
        author.inspected(f"{head}\n", max_file=4999)


def test_files_are_found_wherever_new_trees_name_them(author: Author) -> None:
    author.commit(a=b"1", folder__b=b"1", other=b"2")
    found = author.inspected("main\n")
    one = oid_of(Kind.BLOB, b"1")
    assert sorted(found.places_of({one})) == [("a", one), ("folder/b", one)]
    assert list(found.places_of(set())) == []


@pytest.mark.parametrize("mode", ["140000", "10644", "160644", "60000"])
def test_a_mode_that_is_none_of_git_s_is_refused(author: Author, mode: str) -> None:
    blob = author.git("hash-object", "-w", "--stdin", given=b"x").decode().strip()
    row = f"{mode} odd\0".encode() + bytes.fromhex(blob)
    tree = author.git("hash-object", "-t", "tree", "-w", "--stdin", "--literally", given=row).decode().strip()
    commit = author.git("commit-tree", tree, "-m", "m").decode().strip()
    with pytest.raises(InvalidPath, match=rf"'odd': the mode {int(mode, 8):06o} is that of no file.*commit it again"):
        author.inspected(f"{commit}\n")

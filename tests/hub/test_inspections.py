from __future__ import annotations

import os
import pathlib
import subprocess
from typing import Any

import pytest

from entrepot.errors import LimitExceeded
from entrepot.git import Pointer, render_pointer
from entrepot.hub import inspections
from entrepot.hub.inspections import Inspected, inspect
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
def author(tmp_path: pathlib.Path) -> Any:
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

    def inspected(self, wanted: str, max_file: int = 1 << 20) -> Inspected:
        """What a push of these revisions would bring."""
        quarantine = open_quarantine(self.folder / ".git")
        pack = self.git("pack-objects", "--revs", "--stdout", "-q", given=wanted.encode())
        subprocess.run(
            quarantine.receiver(1 << 30),
            env=dict(quarantine.environ),
            input=pack,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        try:
            return inspect(quarantine, quarantine.oids(), max_file=max_file)
        finally:
            quarantine.close()


def test_a_push_is_understood(author: Author) -> None:
    first = author.commit(a=b"1", folder__pointer=render_pointer(POINTER))
    second = author.commit(a=b"2")
    found = author.inspected(f"{second}\n")
    assert found.ordered == [(first, ()), (second, (first,))]
    assert found.large == [(POINTER.sha256, "folder/pointer")]
    assert set(found.paths.values()) == {"a", "folder/pointer"}
    assert not found.beyond
    assert not found.parents_beyond


def test_what_a_push_needs_and_did_not_bring_is_known(author: Author) -> None:
    first = author.commit(a=b"1", folder__b=b"b")
    second = author.commit(a=b"2")
    found = author.inspected(f"{second}\n^{first}\n")
    assert found.parents_beyond == {first}
    assert found.beyond == {author.git("rev-parse", "HEAD:folder").decode().strip()}


def test_a_file_that_is_too_large_is_told_by_its_path_with_a_cure(author: Author) -> None:
    head = author.commit(folder__large=os.urandom(5000))
    with pytest.raises(LimitExceeded, match=r"folder/large.*git lfs migrate"):
        author.inspected(f"{head}\n", max_file=4999)
    assert author.inspected(f"{head}\n", max_file=5000).paths


def test_contents_beyond_what_memory_is_for_are_left(author: Author, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspections, "_KEPT_BYTES", 3000)
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

from __future__ import annotations

from pathlib import Path

import pytest

from entrepot.catalog.repos import repositories
from entrepot.hub.files.operations import AddFile
from entrepot.hub.repos import diffs
from entrepot.names import Oid, RepoPath, RepoRef
from tests.support.worlds import World


def between(world: World, ref: RepoRef, old: Oid | None, new: Oid | None, *, most_files: int = 99) -> str:
    with world.hub.read() as tx:
        row = repositories.by_id(tx, world.row_id(ref))
        assert row is not None
        return diffs.between(world.hub, tx, None, row, old, new, most_files=most_files)


def test_a_diff_is_what_git_prints(world: World, tmp_path: Path) -> None:
    ref = world.repo()
    old = world.add(ref, "a.txt", b"one\ntwo\n")
    new = world.commit(ref, AddFile(RepoPath("a.txt"), b"one\n2\n"), AddFile(RepoPath("b.bin"), b"\0"))
    git = world.export(ref, tmp_path / "bare")
    assert between(world, ref, old, new) == git("diff", "--abbrev=7", old, new)
    assert between(world, ref, None, new) == git("diff", "--abbrev=7", git("mktree").strip(), new)


def test_large_files_show_as_pointers(world: World) -> None:
    ref = world.repo()
    old = world.head(ref)
    sha256 = world.add_large(ref, "big.bin", b"\0" * 100)
    text = between(world, ref, old, world.head(ref))
    assert f"+oid sha256:{sha256}\n+size 100\n" in text


def test_a_long_diff_ends_in_names(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ref = world.repo()
    old = world.head(ref)
    new = world.commit(ref, *(AddFile(RepoPath(f"{name}.txt"), b"line\n" * 9) for name in "abcd"))
    monkeypatch.setattr(diffs, "_TEXT_LIMIT", 200)
    lines = between(world, ref, old, new).split("\n")
    assert lines[-3:] == ["diff --git a/c.txt b/c.txt", "diff --git a/d.txt b/d.txt", ""]
    lines = between(world, ref, old, new, most_files=3).split("\n")
    assert lines[-3:] == ["diff --git a/c.txt b/c.txt", "(more files differ)", ""]
    assert lines.count("+line") == 18


def test_added_bytes_are_those_of_new_and_rewritten_files(world: World) -> None:
    ref = world.repo()
    old = world.add(ref, "a", b"12345")
    world.add_large(ref, "big.bin", b"\0" * 1000)
    new = world.add(ref, "a", b"123")
    with world.hub.read() as tx:
        assert diffs.added_bytes(world.hub, tx, world.row_id(ref), old, new) == 1003

from __future__ import annotations

import pathlib

import pytest

from entrepot.hub.git import push_warnings
from entrepot.names import MAIN, Oid, parse_branch
from tests.support.git_authors import LARGE, Author
from tests.support.worlds import World


def test_the_author_is_told_of_a_moved_large_file_without_a_rule(world: World, tmp_path: pathlib.Path) -> None:
    ref = world.repo()
    world.add_large(ref, "big.dat", LARGE)
    author = Author(world, ref, tmp_path / "author")
    before = Oid(author.git("rev-parse", "HEAD"))
    author.git("mv", "big.dat", "moved.dat")
    author.commit()
    moved = Oid(author.git("rev-parse", "HEAD"))
    author.push((MAIN, before, moved))
    assert "sends the large file 'moved.dat' to LFS" in author.warnings
    assert "git lfs track --filename moved.dat\n" in author.warnings
    author.commit(**{".gitattributes": b"moved.dat filter=lfs diff=lfs merge=lfs -text\n"})
    author.push((MAIN, moved, Oid(author.git("rev-parse", "HEAD"))))
    assert author.warnings == ""


def test_files_that_were_there_before_and_small_ones_are_not_named(world: World, tmp_path: pathlib.Path) -> None:
    ref = world.repo()
    world.add_large(ref, "big.dat", LARGE)
    author = Author(world, ref, tmp_path / "author")
    before = Oid(author.git("rev-parse", "HEAD"))
    head = author.commit(**{"small.dat": b"small", ".gitattributes": b""})
    author.push((MAIN, before, head))
    assert author.warnings == ""


def test_only_some_refs_of_a_push_are_looked_at(
    world: World, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(push_warnings, "MAX_REFS", 2)
    ref = world.repo()
    world.add_large(ref, "big.dat", LARGE)
    author = Author(world, ref, tmp_path / "author")
    before = Oid(author.git("rev-parse", "HEAD"))
    moves = []
    for name in ("one", "two", "three"):
        author.git("checkout", "-q", "-B", name, before)
        author.git("mv", "big.dat", f"{name}.dat")
        author.commit()
        moves.append((parse_branch(name), None, Oid(author.git("rev-parse", "HEAD"))))
    author.push(*moves)
    assert author.warnings.count("warning: ") == 2

from __future__ import annotations

import pathlib

from entrepot.names import MAIN, Oid
from tests.hub.git.test_pushes import LARGE, Author
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

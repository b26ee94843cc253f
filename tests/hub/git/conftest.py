from __future__ import annotations

import pathlib

import pytest

from tests.support.git_authors import Author
from tests.support.worlds import World


@pytest.fixture
def author(world: World, tmp_path: pathlib.Path) -> Author:
    ref = world.repo()
    world.add(ref, "first.txt", b"first\n")
    return Author(world, ref, tmp_path / "author")


@pytest.fixture
def bob(world: World, tmp_path: pathlib.Path) -> Author:
    return Author(world, world.repo("bob/m"), tmp_path / "bob")


@pytest.fixture
def shared(world: World, tmp_path: pathlib.Path) -> Author:
    """olga's clone of a repository that wendy may write to as well."""
    ref = world.repo("acme/m", by=world.olga)
    world.add(ref, "folder/a", by=world.olga)
    return Author(world, ref, tmp_path / "shared")

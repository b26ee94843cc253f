from __future__ import annotations

import pathlib
import subprocess

import pytest

from entrepot.errors import StoreUnavailable
from entrepot.hub.git import lfs_rewrites
from entrepot.names import Oid


@pytest.fixture
def bare(tmp_path: pathlib.Path) -> pathlib.Path:
    subprocess.run(["git", "init", "-q", "--bare", str(tmp_path)], check=True)
    return tmp_path


def store(folder: pathlib.Path, content: bytes) -> Oid:
    command = ["git", "hash-object", "-w", "--stdin"]
    return Oid(
        subprocess.run(command, cwd=folder, input=content, capture_output=True, check=True).stdout.decode().strip()
    )


def test_only_files_above_the_limit_are_found(bare: pathlib.Path) -> None:
    store(bare, b"x" * 10)
    large = store(bare, b"x" * 11)
    assert lfs_rewrites.find_large(bare, 10) == {large: 11}


def test_a_missing_object_is_named(bare: pathlib.Path) -> None:
    with pytest.raises(StoreUnavailable):
        lfs_rewrites.rewrite(bare, [Oid("1" * 40)], {})

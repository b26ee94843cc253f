from __future__ import annotations

import pytest

from entrepot.errors import EntryNotFound, NotAllowed, NotCached
from entrepot.fs.entries import entry_at, folder_at, translated
from entrepot.fs.paths import parse
from entrepot.names import RepoPath
from entrepot.wire.repos.trees import LfsInfo, TreeEntry

PLACE = parse("datasets/ns/name@v1/d")


def test_a_large_file_has_its_real_size_and_digest() -> None:
    lfs = LfsInfo(oid="s" * 64, size=1000, pointer_size=129)
    entry = entry_at(PLACE, TreeEntry(type="file", oid="o" * 40, size=1000, path="d/f", lfs=lfs, xet_hash="x" * 64))
    assert entry == {
        "name": "datasets/ns/name@v1/d/f",
        "size": 1000,
        "type": "file",
        "oid": "o" * 40,
        "sha256": "s" * 64,
        "xet_hash": "x" * 64,
    }


def test_a_folder_has_a_name() -> None:
    assert folder_at(PLACE, RepoPath("")) == {"name": "datasets/ns/name@v1", "size": 0, "type": "directory"}


@pytest.mark.parametrize(
    ("error", "seen"),
    [
        (EntryNotFound("f"), FileNotFoundError),
        (NotCached("f", why="x"), NotCached),
        (NotAllowed("no"), PermissionError),
        (KeyError("x"), KeyError),
    ],
)
def test_errors_are_those_of_file_systems(error: Exception, seen: type[Exception]) -> None:
    with pytest.raises(seen), translated("ns/name/f"):
        raise error

"""Opening of stores."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest

from entrepot.errors import InvalidArgument
from entrepot.workspace.stores import ChunkStore, StorageConfig, cached_indexes, open_store


def opened(config: StorageConfig, tmp_path: Path, threads: int = 0) -> ChunkStore:
    return open_store(config, tmp_path / "indexes", environ={}, home=tmp_path, threads=threads)


def test_each_store_has_its_own_cache_whatever_the_credentials(tmp_path: Path) -> None:
    config = StorageConfig("file", str(tmp_path))
    first = opened(config, tmp_path)
    assert first.indexes.parent == tmp_path / "indexes"
    assert cached_indexes(config, tmp_path / "indexes") == first.indexes
    assert opened(attrs.evolve(config, profile="x", region="y"), tmp_path).indexes == first.indexes
    assert opened(attrs.evolve(config, prefix="a"), tmp_path).indexes != first.indexes
    assert opened(attrs.evolve(config, bucket=str(tmp_path / "b")), tmp_path).indexes != first.indexes


def test_the_prefix_is_a_folder(tmp_path: Path) -> None:
    store = opened(StorageConfig("file", str(tmp_path), prefix="/team/a/"), tmp_path)
    store.check_access(is_write=True)
    assert (tmp_path / "team/a/ws1/format.json").is_file()
    store.legacy.put_new("zdj7Wx", b"1")
    assert (tmp_path / "zdj7Wx").is_file()


@pytest.mark.parametrize("prefix", ["../x", "a//b", "ü"])
def test_a_prefix_that_no_key_can_have(prefix: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="prefix"):
        opened(StorageConfig("file", str(tmp_path), prefix=prefix), tmp_path)


def test_the_number_of_threads(tmp_path: Path) -> None:
    config = StorageConfig("file", str(tmp_path))
    assert 1 <= opened(config, tmp_path).threads <= 16
    assert opened(config, tmp_path, 3).threads == 3

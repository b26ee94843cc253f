"""Indexes on the local disk."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from entrepot.errors import ContentMismatch
from entrepot.workspace.stores.formats.index_objects import encode_index, index_name
from entrepot.workspace.stores.index_cache import IndexCache

EMPTY = encode_index((), ())
NAME = index_name(EMPTY)


def test_an_index_is_kept_by_name(tmp_path: Path) -> None:
    cache = IndexCache(tmp_path / "cache")
    assert cache.find(NAME) is None
    assert cache.names() == []
    cache.put(NAME, EMPTY)
    again = IndexCache(tmp_path / "cache")
    assert again.find(NAME) is not None
    assert [name for name, _ in again.read_all()] == [NAME]
    again.clear()
    assert again.find(NAME) is None


def test_indexes_are_compressed_and_plain_ones_are_read_too(tmp_path: Path) -> None:
    cache = IndexCache(tmp_path)
    cache.put(NAME, EMPTY)
    assert (tmp_path / NAME).read_bytes() != EMPTY
    assert cache.content(NAME) == EMPTY
    (tmp_path / NAME).write_bytes(EMPTY)
    assert cache.content(NAME) == EMPTY
    assert cache.verify() == []


def test_an_index_under_a_wrong_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ContentMismatch):
        IndexCache(tmp_path).put("0" * 64, EMPTY)
    assert os.listdir(tmp_path) == []


def test_a_damaged_index_is_removed(tmp_path: Path) -> None:
    IndexCache(tmp_path).put(NAME, EMPTY)
    (tmp_path / NAME).write_bytes(EMPTY[:-1])
    cache = IndexCache(tmp_path)
    assert cache.find(NAME) is None
    assert not (tmp_path / NAME).exists()


def test_verifying_reads_the_disk_again(tmp_path: Path) -> None:
    cache = IndexCache(tmp_path)
    cache.put(NAME, EMPTY)
    assert cache.verify() == []
    (tmp_path / NAME).write_bytes(b"")
    assert cache.verify() == [NAME]
    assert cache.names() == []

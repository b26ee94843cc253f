"""Access to a store, and what it says when objects are missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from entrepot.errors import ChunkMissing, ContentDamaged, RecordMissing, StorageUnreachable, StoreTooNew
from entrepot.workspace.stores.formats.keys import FORMAT
from tests.support.chunk_stores import Desk, memory_bucket


def test_the_first_writer_creates_the_format(desk: Desk) -> None:
    desk.store.check_access(is_write=False)
    assert desk.list_keys() == []
    desk.store.check_access(is_write=True)
    first = desk.bucket.bucket.get(FORMAT, 1000)
    desk.other("other").store.check_access(is_write=True)
    second = desk.bucket.bucket.get(FORMAT, 1000)
    assert first is not None
    assert second is not None
    assert bytes(first.data) == bytes(second.data)


def test_a_newer_format_is_refused_for_reading_too(desk: Desk) -> None:
    desk.bucket.bucket.put_new(FORMAT, b'{"format":9,"store":"x"}')
    with pytest.raises(StoreTooNew):
        desk.store.check_access(is_write=False)


def test_a_damaged_format_is_named(desk: Desk) -> None:
    desk.bucket.bucket.put_new(FORMAT, b"?")
    with pytest.raises(ContentDamaged, match="format"):
        desk.store.check_access(is_write=True)


def test_a_probe_leaves_nothing(desk: Desk) -> None:
    desk.store.probe()
    assert desk.list_keys() == []


def test_a_storage_that_forgets_is_noticed(desk: Desk) -> None:
    def forget(verb: str, key: str, number: int) -> None:
        if verb == "get":
            desk.bucket.bucket.delete(key)

    desk.bucket.before = forget
    with pytest.raises(StorageUnreachable, match="read back"):
        desk.store.probe()
    with pytest.raises(StorageUnreachable, match="just written"):
        desk.store.check_access(is_write=True)


def test_a_new_store_under_the_same_name_empties_the_cache(tmp_path: Path) -> None:
    desk = Desk.create(tmp_path)
    desk.publish({"a": b"x"})
    assert desk.store.cache.names()
    desk.bucket.bucket = memory_bucket()
    desk.store.check_access(is_write=True)
    assert desk.store.cache.names() == []


def test_missing_records_and_chunks_are_named(desk: Desk) -> None:
    with pytest.raises(RecordMissing, match="images 1"):
        desk.store.get_record(desk.draft({}).ref)
    with pytest.raises(ChunkMissing, match="ws1/indexes"):
        desk.store.learn(["0" * 64])
    assert desk.store.indexes == desk.folder / "indexes"


def test_a_store_closes_what_it_uses(desk: Desk) -> None:
    with desk.store as store:
        assert store is desk.store
    desk.store.close()

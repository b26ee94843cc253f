"""Buckets through obstore: what differs from the other kinds."""

from __future__ import annotations

import obstore
import pytest
from obstore.exceptions import GenericError
from obstore.store import MemoryStore

from entrepot.errors import StorageRefused
from entrepot.workspace.stores.buckets.remote import RemoteBucket

REFUSED = "Server returned non-2xx status code: 403 Forbidden: "
UNKNOWN = "Server returned non-2xx status code: 501 Not Implemented: "


def test_a_storage_without_conditional_writes_is_written_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    put = obstore.put

    def plain(store: MemoryStore, key: str, data: bytes, **options: object) -> object:
        if "mode" in options:
            raise GenericError(UNKNOWN)
        return put(store, key, data)

    monkeypatch.setattr(obstore, "put", plain)
    bucket = RemoteBucket(MemoryStore(), "s3h://old", "keys")
    assert bucket.put_new("a", b"1")
    assert bucket.replace("a", b"2", "any")
    found = bucket.get("a", 10)
    assert found is not None
    assert bytes(found.data) == b"2"


def test_an_object_that_must_not_be_looked_at_counts_as_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **options: object) -> None:
        raise GenericError(REFUSED)

    bucket = RemoteBucket(MemoryStore(), "s3h://x", "profile 'p'")
    for name in ("head", "list", "get"):
        monkeypatch.setattr(obstore, name, refuse)
    assert bucket.stat("a") is None
    with pytest.raises(StorageRefused, match="profile 'p'"):
        list(bucket.list(""))
    with pytest.raises(StorageRefused):
        bucket.get("a", 10)

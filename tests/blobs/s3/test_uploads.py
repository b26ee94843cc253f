from __future__ import annotations

import pytest
from obstore.store import MemoryStore

from entrepot.blobs.s3.buckets import S3Bucket
from entrepot.blobs.s3.uploads import StreamedUpload
from entrepot.errors import StoreUnavailable


def test_pieces_become_one_object() -> None:
    bucket = S3Bucket(MemoryStore(), "memory", "p/")
    upload = StreamedUpload(bucket, "key", None)
    for number in range(50):
        upload.write(bytes([number]) * 1000)
    assert bucket.stat("key") is None
    upload.finish()
    upload.abort()
    assert bucket.get("key") == b"".join(bytes([number]) * 1000 for number in range(50))


def test_an_aborted_upload_leaves_nothing() -> None:
    bucket = S3Bucket(MemoryStore(), "memory", "p/")
    upload = StreamedUpload(bucket, "key", 10)
    upload.write(b"0123456789")
    upload.abort()
    upload.abort()
    assert bucket.stat("key") is None


def test_a_failure_reaches_the_one_who_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    bucket = S3Bucket(MemoryStore(), "memory", "p/")

    def fail(*_: object) -> None:
        raise StoreUnavailable("key", "down")

    monkeypatch.setattr(bucket, "upload", fail)
    upload = StreamedUpload(bucket, "key", None)
    upload._thread.join()
    with pytest.raises(StoreUnavailable, match="down"):
        upload.write(b"x")
    with pytest.raises(StoreUnavailable, match="down"):
        upload.finish()


def test_an_upload_that_ends_early_is_never_taken_for_a_complete_one() -> None:
    upload = StreamedUpload(S3Bucket(MemoryStore(), "memory", "p/"), "key", None)
    upload.abort()
    with pytest.raises(StoreUnavailable, match="ended early"):
        upload.write(b"x")
    with pytest.raises(StoreUnavailable, match="ended early"):
        upload.finish()

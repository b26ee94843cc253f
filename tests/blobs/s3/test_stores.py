"""What the conformance suite does not say of a store in a bucket."""

from __future__ import annotations

import pathlib

from entrepot.blobs import open_stored, put
from entrepot.blobs.s3.buckets import S3Bucket
from entrepot.blobs.s3.stores import S3Blobs
from tests.support.relay import Relay


def test_keys_in_the_bucket_are_those_of_a_local_folder(remote: S3Blobs, bucket: S3Bucket) -> None:
    put(remote, "files/ab/cd/key", b"1")
    assert [stat.key for stat in bucket.list("")] == ["files/ab/cd/key"]


def test_the_size_of_an_object_is_asked_once_by_readers_and_always_by_stat(remote: S3Blobs, relay: Relay) -> None:
    put(remote, "files/a", b"1")
    relay.forget()
    for _ in range(3):
        remote.open("files/a").close()
    assert relay.count("HEAD", "files/a") == 1
    for _ in range(3):
        assert remote.stat("files/a") is not None
    assert relay.count("HEAD", "files/a") == 4


def test_what_a_crash_has_left_on_the_local_disk_is_swept(remote: S3Blobs, tmp_path: pathlib.Path) -> None:
    left = tmp_path / "scratch/spool/incoming/0123.tmp"
    left.write_bytes(b"half")
    assert [stat.key for stat in remote.sweep_incoming(0, now_ms=2**50, is_rehearsal=True)] == ["0123.tmp"]
    assert left.exists()
    remote.sweep_incoming(0, now_ms=2**50)
    assert not left.exists()


def test_what_is_stored_is_read_past_the_cache(remote: S3Blobs, bucket: S3Bucket) -> None:
    put(remote, "xorbs/a", b"intact")
    with remote.open("xorbs/a") as reader:
        assert reader.read_at(0, 6) == b"intact"
    bucket.put("xorbs/a", b"change")
    with remote.open("xorbs/a") as reader:
        assert reader.read_at(0, 6) == b"intact"  # from the cache, which has checksums of its own
    with open_stored(remote, "xorbs/a") as stored:
        assert stored.read_at(0, 6) == b"change"
    with remote.open("xorbs/a") as reader:
        assert reader.read_at(0, 6) == b"change"

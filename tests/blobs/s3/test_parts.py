"""Uploads in parts: what several servers and crashes do to them."""

from __future__ import annotations

import hashlib
import pathlib

import pytest

from entrepot.blobs.s3.buckets import S3Bucket
from entrepot.blobs.s3.stores import S3Blobs
from entrepot.errors import Busy, ContentMismatch, StoreUnavailable, ThingNotFound
from entrepot.names import Sha256
from tests.support.relay import PassOn, Relay, RelayedRequest, RelayedResponse

KEY = "files/ab/cd/key"
FIRST, SECOND = b"a" * (9 << 20), b"b" * (3 << 20)
DIGEST = Sha256(hashlib.sha256(FIRST + SECOND).hexdigest())
SIZE = len(FIRST) + len(SECOND)


@pytest.fixture
def other(bucket: S3Bucket, tmp_path: pathlib.Path) -> S3Blobs:
    """Another server on the same bucket."""
    return S3Blobs(bucket, tmp_path / "other", 0)


def send(blobs: S3Blobs, offset: int, data: bytes) -> None:
    with blobs.open_part("up", offset, len(data)) as part:
        part.write(data)
        part.finish()


def test_servers_receive_parts_of_one_upload_and_any_of_them_joins_these(remote: S3Blobs, other: S3Blobs) -> None:
    remote.begin_parts("up", SIZE)
    send(other, len(FIRST), SECOND)
    send(remote, 0, FIRST)
    assert [(stat.key, stat.size) for stat in other.list_parts_uploads()] == [("up", SIZE)]
    assert other.seal_parts("up", KEY, DIGEST, SIZE) is True
    with remote.open(KEY) as reader:
        assert b"".join(reader.stream(0, SIZE)) == FIRST + SECOND
    assert list(remote.list_parts_uploads()) == []


def test_a_part_that_was_never_sent_is_noticed(remote: S3Blobs) -> None:
    remote.begin_parts("up", SIZE)
    send(remote, len(FIRST), SECOND)
    with pytest.raises(ContentMismatch):
        remote.seal_parts("up", KEY, DIGEST, SIZE)
    assert remote.stat(KEY) is None


def test_an_outage_while_parts_are_joined_keeps_them(remote: S3Blobs, relay: Relay) -> None:
    remote.begin_parts("up", SIZE)
    send(remote, 0, FIRST)
    send(remote, len(FIRST), SECOND)

    def refuse(asked: RelayedRequest, go_on: PassOn) -> RelayedResponse:
        return RelayedResponse(503) if "files/ab" in asked.path and asked.method == "PUT" else go_on(asked)

    relay.rule = refuse
    with pytest.raises(StoreUnavailable):
        remote.seal_parts("up", KEY, DIGEST, SIZE)
    assert remote.stat(KEY) is None
    relay.rule = lambda asked, go_on: go_on(asked)
    assert remote.seal_parts("up", KEY, DIGEST, SIZE) is True


def test_an_upload_whose_joining_was_interrupted_at_the_end_is_joined_again(remote: S3Blobs, relay: Relay) -> None:
    remote.begin_parts("up", SIZE)
    send(remote, 0, FIRST + SECOND)

    def refuse(asked: RelayedRequest, go_on: PassOn) -> RelayedResponse:
        return RelayedResponse(503) if asked.method == "DELETE" or "delete" in asked.path else go_on(asked)

    relay.rule = refuse
    with pytest.raises(StoreUnavailable):
        remote.seal_parts("up", KEY, DIGEST, SIZE)
    relay.rule = lambda asked, go_on: go_on(asked)
    assert remote.stat(KEY) is not None
    assert remote.seal_parts("up", KEY, DIGEST, SIZE) is False
    with pytest.raises(ThingNotFound):
        remote.seal_parts("up", KEY, DIGEST, SIZE)


def test_parts_that_another_server_is_deleting_are_busy(
    remote: S3Blobs, bucket: S3Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote.begin_parts("up", SIZE)
    send(remote, 0, FIRST + SECOND)
    listed = list(bucket.list("incoming/parts/up/"))
    begun = [stat for stat in listed if "begun" in stat.key]
    for stat in listed:
        bucket.delete(stat.key)
    found = iter([iter(begun), iter(listed)])
    monkeypatch.setattr(bucket, "list", lambda _prefix: next(found))
    with pytest.raises(Busy):
        remote.seal_parts("up", KEY, DIGEST, SIZE)

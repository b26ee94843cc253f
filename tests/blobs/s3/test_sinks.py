"""Small and large objects on their way into a bucket."""

from __future__ import annotations

import hashlib
import pathlib

import pytest

from entrepot.blobs import receive_verified
from entrepot.blobs.s3.sinks import SINGLE
from entrepot.blobs.s3.stores import S3Blobs
from entrepot.errors import ContentMismatch, StoreUnavailable
from entrepot.names import Sha256
from tests.support.relay import PassOn, Relay, RelayedRequest, RelayedResponse

KEY = "files/ab/cd/key"
PIECE = bytes(range(256)) * 4096  # 1 MiB
LARGE = PIECE * (SINGLE // len(PIECE) + 4)


def spooled(tmp_path: pathlib.Path) -> list[pathlib.Path]:
    return list((tmp_path / "scratch/spool/incoming").glob("*.tmp"))


@pytest.mark.parametrize("size", [None, len(LARGE)])
def test_a_large_object_is_sent_in_parts_and_seen_only_when_it_is_complete(
    remote: S3Blobs, relay: Relay, tmp_path: pathlib.Path, size: int | None
) -> None:
    with remote.receive(KEY, size) as sink:
        for at in range(0, len(LARGE), len(PIECE)):
            sink.write(LARGE[at : at + len(PIECE)])
        assert spooled(tmp_path) == []
        assert remote.stat(KEY) is None
        assert sink.publish() is True
    with remote.open(KEY) as reader:
        assert b"".join(reader.stream(0, reader.size)) == LARGE
    assert relay.count("PUT", "partNumber=") >= (3 if size else 1)


def test_a_large_object_does_not_replace_what_the_key_has(remote: S3Blobs) -> None:
    with remote.receive(KEY) as sink:
        sink.write(b"first")
        sink.publish()
    with remote.receive(KEY, len(LARGE)) as sink:
        sink.write(LARGE)
        assert sink.publish() is False
    with remote.open(KEY) as reader:
        assert reader.read_at(0, 100) == b"first"


def test_wrong_bytes_never_become_visible_and_the_upload_is_aborted(remote: S3Blobs, relay: Relay) -> None:
    with receive_verified(remote, KEY, Sha256("0" * 64), len(LARGE)) as sink:
        sink.write(LARGE)
        with pytest.raises(ContentMismatch):
            sink.publish()
    assert remote.stat(KEY) is None
    assert relay.count("DELETE", "uploadId=") == relay.count("POST", "uploads")


@pytest.mark.parametrize("size", [len(PIECE), len(LARGE)], ids=["small", "large"])
def test_an_outage_while_bytes_arrive_keeps_nothing_and_the_next_attempt_succeeds(
    remote: S3Blobs, relay: Relay, tmp_path: pathlib.Path, size: int
) -> None:
    data = LARGE[:size]
    digest = Sha256(hashlib.sha256(data).hexdigest())

    def refuse_puts(asked: RelayedRequest, go_on: PassOn) -> RelayedResponse:
        return RelayedResponse(503) if asked.method == "PUT" else go_on(asked)

    relay.rule = refuse_puts

    def send() -> None:
        with receive_verified(remote, KEY, digest, size) as sink:
            for at in range(0, size, len(PIECE)):
                sink.write(data[at : at + len(PIECE)])
            assert sink.publish() is True

    with pytest.raises(StoreUnavailable):
        send()
    assert remote.stat(KEY) is None
    assert spooled(tmp_path) == []
    relay.rule = lambda asked, go_on: go_on(asked)
    send()


def test_an_abandoned_upload_is_aborted(remote: S3Blobs, relay: Relay) -> None:
    with remote.receive(KEY, len(LARGE)) as sink:
        sink.write(LARGE[: len(LARGE) // 2])
    assert remote.stat(KEY) is None
    with pytest.raises(ValueError, match="closed"):
        sink.write(b"x")
    assert relay.count("DELETE", "uploadId=") == relay.count("POST", "uploads")


def test_a_sink_without_a_key_is_not_published_without_one(remote: S3Blobs) -> None:
    with remote.receive_unnamed() as sink:
        sink.write(b"x")
        with pytest.raises(ValueError, match="no key"):
            sink.publish()
        assert sink.publish_as(KEY, 1)

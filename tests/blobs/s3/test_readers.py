"""How many requests readers send."""

from __future__ import annotations

import random

import attrs
import pytest

from entrepot.blobs import put
from entrepot.blobs.s3.block_cache import BLOCK
from entrepot.blobs.s3.readers import S3Reader
from entrepot.blobs.s3.stores import S3Blobs
from entrepot.errors import BlobMissing, BlobUnreadable, StoreUnavailable
from tests.support.relay import PassOn, Relay, RelayedRequest, RelayedResponse

FILE, XORB = "files/ab/cd/file", "xorbs/ab/cd/xorb.1"
PIECE = 128 << 10
DATA = random.Random("data").randbytes(20 << 20)


@pytest.fixture
def stored(remote: S3Blobs, relay: Relay) -> S3Blobs:
    """A store with a large file."""
    put(remote, FILE, DATA)
    relay.forget()
    return remote


@pytest.fixture
def with_xorb(remote: S3Blobs, relay: Relay) -> S3Blobs:
    """A store with a large xorb."""
    put(remote, XORB, DATA)
    relay.forget()
    return remote


def gets(relay: Relay) -> list[str]:
    sent = [
        {name.lower(): value for name, value in asked.headers.items()} for asked in relay.seen if asked.method == "GET"
    ]
    return [headers["range"] for headers in sent if "range" in headers]


def test_a_small_read_is_a_small_request(stored: S3Blobs, relay: Relay) -> None:
    with stored.open(FILE) as reader:
        assert reader.read_at(1000, 8) == DATA[1000:1008]
        assert reader.read_at(0, 8) == DATA[:8]
    assert gets(relay) == ["bytes=1000-1007", "bytes=0-7"]


def read_in_order(reader: S3Reader, start: int = 0) -> bytes:
    return b"".join(reader.read_at(at, PIECE) for at in range(start, len(DATA), PIECE))


def test_who_reads_in_order_sends_longer_and_longer_requests(stored: S3Blobs, relay: Relay) -> None:
    with stored.open(FILE) as reader:
        assert read_in_order(reader) == DATA
    sizes = [int(text.split("-")[1]) - int(text.split("=")[1].split("-")[0]) + 1 for text in gets(relay)]
    assert sum(sizes) == len(DATA)
    assert sizes[0] == PIECE
    assert len(sizes) <= 4


def test_bytes_are_read_again_out_of_order(stored: S3Blobs) -> None:
    with stored.open(FILE) as reader:
        read_in_order(reader)
        for at in (len(DATA) - 10, 5 << 20, (5 << 20) + 3, 0, PIECE, 7, 3 * PIECE):
            assert reader.read_at(at, PIECE) == DATA[at : at + PIECE]
        assert read_in_order(reader, 3) == DATA[3:]


def test_a_request_that_breaks_off_is_continued_where_it_was(stored: S3Blobs, relay: Relay) -> None:
    broken: list[str] = []

    def break_long_ones(asked: RelayedRequest, go_on: PassOn) -> RelayedResponse:
        found = go_on(asked)
        if len(found.body) < 4 << 20 or len(broken) > 3:
            return found
        broken.append(asked.headers["range"])
        return attrs.evolve(found, cut=len(found.body) // 2)

    relay.rule = break_long_ones
    with stored.open(FILE) as reader:
        assert read_in_order(reader) == DATA
    assert len(broken) > 1


def test_after_an_outage_in_the_middle_the_same_reader_goes_on(stored: S3Blobs, relay: Relay) -> None:
    at = 5 << 20
    with stored.open(FILE) as reader:
        for begin in range(0, at, PIECE):
            reader.read_at(begin, PIECE)
        relay.rule = lambda _asked, _go_on: RelayedResponse(503)
        with pytest.raises(StoreUnavailable):
            read_in_order(reader, at)
        relay.rule = lambda asked, go_on: go_on(asked)
        assert read_in_order(reader, at) == DATA[at:]


def test_fewer_bytes_than_the_object_has_are_never_taken_for_all(stored: S3Blobs, relay: Relay) -> None:
    def shorten(asked: RelayedRequest, go_on: PassOn) -> RelayedResponse:
        found = go_on(asked)
        return attrs.evolve(found, body=found.body[: 3 << 20])

    relay.rule = shorten
    with stored.open(FILE) as reader, pytest.raises((BlobUnreadable, StoreUnavailable)):
        read_in_order(reader)


def test_bytes_that_nobody_asked_for_are_never_passed_on(stored: S3Blobs, relay: Relay) -> None:
    def lengthen(asked: RelayedRequest, go_on: PassOn) -> RelayedResponse:
        found = go_on(asked)
        return attrs.evolve(found, body=found.body + bytes(PIECE)) if len(found.body) > 1 << 20 else found

    relay.rule = lengthen
    with stored.open(FILE) as reader:
        for at in range(0, len(DATA), PIECE):
            try:
                piece = reader.read_at(at, PIECE)
            except (BlobUnreadable, StoreUnavailable):
                break
            assert piece == DATA[at : at + PIECE]
        else:
            pytest.fail("the store sent more than the object has")


def test_a_stream_is_requests_of_eight_megabytes(stored: S3Blobs, relay: Relay) -> None:
    with stored.open(FILE) as reader:
        assert b"".join(reader.stream(5, len(DATA))) == DATA[5:]
        assert [len(piece) for piece in reader.stream(0, 100)] == [100]
        assert list(reader.stream(len(DATA), 5)) == []
    assert len(gets(relay)) == 4


def test_blocks_of_chunks_are_fetched_once_and_survive_the_process(
    with_xorb: S3Blobs, relay: Relay, remote: S3Blobs
) -> None:
    for at in (0, 7 << 20, (8 << 20) - 10, 100):
        with with_xorb.open(XORB) as reader:
            assert reader.read_at(at, 1 << 20) == DATA[at : at + (1 << 20)]
    assert gets(relay) == [f"bytes=0-{BLOCK - 1}", f"bytes={BLOCK}-{2 * BLOCK - 1}"]
    relay.rule = lambda _asked, _go_on: RelayedResponse(503)
    with remote.open(XORB) as reader:
        assert reader.read_at(500, 10) == DATA[500:510]
        with pytest.raises(StoreUnavailable):
            reader.read_at(19 << 20, 10)


def test_bytes_that_another_server_has_deleted_are_missing(stored: S3Blobs, bucket: object) -> None:
    with stored.open(FILE):
        pass
    stored._bucket.delete(FILE)
    with stored.open(FILE) as reader, pytest.raises(BlobMissing):
        reader.read_at(0, 1)
    assert stored.stat(FILE) is None


def test_replaced_bytes_are_not_taken_from_the_cache(with_xorb: S3Blobs) -> None:
    with with_xorb.open(XORB) as reader:
        assert reader.read_at(0, 4) == DATA[:4]
    with_xorb.delete(XORB)
    put(with_xorb, XORB, b"repaired")
    with with_xorb.open(XORB) as reader:
        assert reader.read_at(0, 100) == b"repaired"

"""The verbs of a bucket while the service fails."""

from __future__ import annotations

import threading

import attrs
import obstore
import pytest
from obstore.exceptions import GenericError
from obstore.store import MemoryStore

from entrepot.blobs.s3.buckets import MAX_BYTES, S3Bucket, part_size
from entrepot.errors import BlobMissing, BlobUnreadable, StoreFull, StoreUnavailable
from tests.support.relay import PassOn, Relay, RelayedRequest, RelayedResponse

DATA = bytes(range(256)) * 64
XML = b"<Error><Code>%b</Code><Message>%b</Message><AWSAccessKeyId>AKIA</AWSAccessKeyId></Error>"


def test_a_failure_for_a_moment_is_not_noticed(bucket: S3Bucket, relay: Relay) -> None:
    left = [2]

    def fail_twice(asked: RelayedRequest, go_on: PassOn) -> RelayedResponse:
        left[0] -= 1
        return RelayedResponse(503) if left[0] >= 0 else go_on(asked)

    relay.rule = fail_twice
    assert bucket.put_new("key", DATA)
    left[0] = 1
    assert bytes(bucket.read("key", 10, 20)) == DATA[10:20]


@pytest.mark.parametrize(
    "answer",
    [
        RelayedResponse(503),
        RelayedResponse(200, is_lost=True),
        RelayedResponse(500, body=XML % (b"InternalError", b"We are sorry")),
    ],
    ids=["503", "cut", "500"],
)
def test_an_outage_is_an_error_that_may_pass(bucket: S3Bucket, relay: Relay, answer: RelayedResponse) -> None:
    bucket.put("key", DATA)
    relay.rule = lambda _asked, _go_on: answer
    for use in (
        lambda: bucket.put_new("other", DATA),
        lambda: bucket.put("key", DATA),
        lambda: bucket.upload("other", iter([DATA]), 8 << 20),
        lambda: bucket.get("key"),
        lambda: bucket.read("key", 0, 10),
        lambda: bucket.stat("key"),
        lambda: list(bucket.list("")),
        lambda: bucket.delete("key"),
        bucket.check,
    ):
        with pytest.raises(StoreUnavailable) as caught:
            use()
        assert "AKIA" not in str(caught.value)
    relay.rule = lambda asked, go_on: go_on(asked)
    assert [stat.key for stat in bucket.list("")] == ["key"]


def test_a_body_that_breaks_off_is_fetched_again_or_refused(bucket: S3Bucket, relay: Relay) -> None:
    bucket.put("key", DATA)

    def cut(asked: RelayedRequest, go_on: PassOn) -> RelayedResponse:
        found = go_on(asked)
        return RelayedResponse(found.status, found.headers, found.body, cut=len(found.body) // 2)

    relay.rule = cut
    with pytest.raises(StoreUnavailable):
        bucket.read("key", 0, 1000)


def test_fewer_bytes_than_asked_for_are_never_taken_for_all(bucket: S3Bucket, relay: Relay) -> None:
    bucket.put("key", DATA)

    def lie(asked: RelayedRequest, go_on: PassOn) -> RelayedResponse:
        found = go_on(asked)
        return RelayedResponse(found.status, found.headers, found.body[:-5])

    relay.rule = lie
    with pytest.raises((StoreUnavailable, BlobUnreadable)):
        bucket.read("key", 0, 1000)


def test_a_slow_service_is_waited_for(bucket: S3Bucket, relay: Relay) -> None:
    bucket.put("key", DATA)
    is_asked, may_answer = threading.Event(), threading.Event()

    def wait(asked: RelayedRequest, go_on: PassOn) -> RelayedResponse:
        is_asked.set()
        may_answer.wait(30)
        return go_on(asked)

    relay.rule = wait
    found: list[bytes] = []
    reading = threading.Thread(target=lambda: found.append(bytes(bucket.read("key", 0, 5))))
    reading.start()
    assert is_asked.wait(30)
    may_answer.set()
    reading.join(30)
    assert found == [DATA[:5]]


@pytest.mark.parametrize(
    ("status", "code", "kind", "text"),
    [
        (403, b"AccessDenied", StoreUnavailable, "refused the credentials"),
        (404, b"NoSuchBucket", StoreUnavailable, "does not exist"),
        (507, b"Full", StoreFull, "no space left"),
        (403, b"QuotaExceeded", StoreFull, "no space left"),
    ],
)
def test_refusals_say_what_to_do(
    bucket: S3Bucket, relay: Relay, status: int, code: bytes, kind: type[Exception], text: str
) -> None:
    relay.rule = lambda _asked, _go_on: RelayedResponse(status, body=XML % (code, b"No."))
    with pytest.raises(kind, match=text):
        bucket.put("key", DATA)
    with pytest.raises(kind, match=text):
        bucket.read("key", 0, 1)


def test_absent_and_short_objects_are_named(bucket: S3Bucket) -> None:
    with pytest.raises(BlobMissing):
        bucket.read("none", 0, 1)
    bucket.put("short", b"123")
    with pytest.raises(BlobUnreadable):
        bucket.read("short", 0, 10)
    with pytest.raises(BlobUnreadable):
        bucket.read("short", 10, 20)


def test_an_absent_key_is_only_absent_if_the_bucket_exists(bucket: S3Bucket, relay: Relay) -> None:
    assert bucket.stat("none") is None
    relay.rule = lambda _asked, _go_on: RelayedResponse(404, body=XML % (b"NoSuchBucket", b"gone"))
    fresh = bucket.below("x")
    with pytest.raises(StoreUnavailable, match="does not exist"):
        fresh.stat("none")


def test_an_object_of_others_whose_key_is_no_path_is_named_and_does_no_harm(bucket: S3Bucket, relay: Relay) -> None:
    bucket.put("key", DATA)

    def add_foreign(asked: RelayedRequest, go_on: PassOn) -> RelayedResponse:
        found = go_on(asked)
        is_list = asked.method == "GET" and "list-type=2" in asked.path
        return attrs.evolve(found, body=found.body.replace(b"/key</Key>", b"/../key</Key>")) if is_list else found

    relay.rule = add_foreign
    bucket.check()
    assert bytes(bucket.read("key", 0, 3)) == DATA[:3]
    assert bucket.stat("none") is None
    with pytest.raises(StoreUnavailable, match=r"not of the hub.*: delete it; .*/\.\./key"):
        list(bucket.list(""))


def test_an_upload_that_is_aborted_leaves_nothing(bucket: S3Bucket, relay: Relay) -> None:
    def pieces() -> object:
        yield bytes(9 << 20)
        raise LookupError("wrong digest")

    with pytest.raises(LookupError):
        bucket.upload("key", pieces(), 8 << 20)  # type: ignore[arg-type]
    assert bucket.stat("key") is None
    assert relay.count("DELETE", "uploadId=") == 1


def test_a_service_without_conditions_is_looked_at_first(monkeypatch: pytest.MonkeyPatch) -> None:
    put = obstore.put

    def plain(store: MemoryStore, key: str, data: bytes, **options: object) -> object:
        if "mode" in options:
            raise GenericError("Server returned non-2xx status code: 501 Not Implemented: ")
        return put(store, key, data)

    monkeypatch.setattr(obstore, "put", plain)
    bucket = S3Bucket(MemoryStore(), "memory", "p/")
    assert bucket.put_new("a", b"1")
    assert not bucket.put_new("a", b"2")
    assert bucket.get("a") == b"1"


def test_any_size_that_s3_holds_fits_into_its_number_of_parts() -> None:
    for size in (0, 1, 100 << 20, 1 << 40, MAX_BYTES):
        assert size <= part_size(size) * 10_000
        assert 5 << 20 <= part_size(size) <= 5 << 30
    assert part_size(None) >= 5 << 20

"""The conformance suite for the stores in conftest.STORES."""

from __future__ import annotations

import hashlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from entrepot.blobs import Blobs, Inspectable, Multipart, put
from entrepot.errors import BlobMissing, Busy, ContentMismatch, InvalidName, Refused, StoreFull, ThingNotFound
from entrepot.names import Sha256

KEY = "files/ab/cd/some-key"
BYTES = bytes(range(256)) * 40


def sha256(data: bytes) -> Sha256:
    return Sha256(hashlib.sha256(data).hexdigest())


@pytest.fixture
def parts(blobs: Blobs) -> Multipart:
    if not isinstance(blobs, Multipart):
        pytest.skip("this store cannot receive parts")
    return blobs


def send(parts: Multipart, upload: str, offset: int, data: bytes) -> str:
    with parts.open_part(upload, offset, len(data)) as part:
        part.write(data)
        return part.finish()


def read(blobs: Blobs, key: str) -> bytes:
    with blobs.open(key) as reader:
        return reader.read_at(0, reader.size)


# --- basic operations -------------------------------------------------------


def test_put_bytes_are_read_back(blobs: Blobs) -> None:
    assert put(blobs, KEY, BYTES) is True
    assert read(blobs, KEY) == BYTES


def test_an_empty_blob_is_a_blob(blobs: Blobs) -> None:
    assert put(blobs, KEY, b"") is True
    assert read(blobs, KEY) == b""


def test_written_pieces_are_joined_and_memoryviews_accepted(blobs: Blobs) -> None:
    with blobs.receive(KEY) as sink:
        sink.write(b"one ")
        sink.write(memoryview(b"two ")[:3])
        assert sink.publish() is True
    assert read(blobs, KEY) == b"one two"


def test_bytes_are_invisible_before_publish(blobs: Blobs) -> None:
    with blobs.receive(KEY) as sink:
        sink.write(b"half")
        assert blobs.stat(KEY) is None
        assert list(blobs.list("")) == []
        with pytest.raises(BlobMissing):
            blobs.open(KEY)


def test_leaving_the_block_without_publish_keeps_nothing(blobs: Blobs) -> None:
    with blobs.receive(KEY) as sink:
        sink.write(b"half")
    assert blobs.stat(KEY) is None
    assert list(blobs.list("")) == []


def test_the_first_bytes_of_a_key_stay(blobs: Blobs) -> None:
    put(blobs, KEY, b"first")
    assert put(blobs, KEY, b"second") is False
    assert read(blobs, KEY) == b"first"


def test_discard_may_be_called_again_and_after_publish(blobs: Blobs) -> None:
    sink = blobs.receive(KEY)
    sink.write(b"kept")
    sink.publish()
    sink.discard()
    sink.discard()
    assert read(blobs, KEY) == b"kept"


def test_a_closed_sink_refuses_everything(blobs: Blobs) -> None:
    sink = blobs.receive(KEY)
    sink.discard()
    with pytest.raises(ValueError, match="closed"):
        sink.write(b"x")
    with pytest.raises(ValueError, match="closed"):
        sink.publish()


def test_a_sink_insists_on_the_expected_size(blobs: Blobs) -> None:
    with blobs.receive(KEY, 5) as sink:
        sink.write(b"four")
        with pytest.raises(ContentMismatch):
            sink.publish()
    assert blobs.stat(KEY) is None


def test_more_than_the_free_space_is_refused_immediately(blobs: Blobs) -> None:
    with pytest.raises(StoreFull):
        blobs.receive(KEY, 1 << 62)


def test_a_range_is_short_only_at_the_end(blobs: Blobs) -> None:
    put(blobs, KEY, b"0123456789")
    with blobs.open(KEY) as reader:
        assert reader.size == 10
        assert reader.read_at(3, 4) == b"3456"
        assert reader.read_at(8, 100) == b"89"
        assert reader.read_at(10, 5) == b""
        assert reader.read_at(11, 5) == b""
        assert reader.read_at(2, 0) == b""


def test_a_negative_range_is_a_mistake_of_the_caller(blobs: Blobs) -> None:
    put(blobs, KEY, b"0123456789")
    with blobs.open(KEY) as reader:
        with pytest.raises(ValueError, match="-1"):
            reader.read_at(-1, 4)
        with pytest.raises(ValueError, match="-4"):
            reader.read_at(1, -4)


def test_a_closed_reader_reads_nothing(blobs: Blobs) -> None:
    put(blobs, KEY, b"x")
    reader = blobs.open(KEY)
    reader.close()
    reader.close()
    with pytest.raises(ValueError, match="closed"):
        reader.read_at(0, 1)


def test_threads_share_a_reader(blobs: Blobs) -> None:
    put(blobs, KEY, BYTES)
    with blobs.open(KEY) as reader, ThreadPoolExecutor(8) as pool:
        pieces = pool.map(lambda index: reader.read_at(index * 256, 256), range(40))
        assert b"".join(pieces) == BYTES


def test_stat_returns_size_and_age(blobs: Blobs) -> None:
    before = int(time.time() * 1000)
    put(blobs, KEY, b"12345")
    found = blobs.stat(KEY)
    assert found is not None
    assert (found.key, found.size) == (KEY, 5)
    assert before - 5_000 <= found.modified_ms <= int(time.time() * 1000) + 5_000


def test_an_absent_key_is_absent(blobs: Blobs) -> None:
    assert blobs.stat(KEY) is None
    assert blobs.delete(KEY) is False
    with pytest.raises(BlobMissing) as caught:
        blobs.open(KEY)
    assert caught.value.key == KEY


def test_a_deleted_key_is_absent_and_can_come_again(blobs: Blobs) -> None:
    put(blobs, KEY, b"old")
    assert blobs.delete(KEY) is True
    assert blobs.stat(KEY) is None
    assert put(blobs, KEY, b"new") is True
    assert read(blobs, KEY) == b"new"


def test_list_takes_any_text_prefix(blobs: Blobs) -> None:
    for key in ("files/ab/1", "files/ab/2", "files/ac/3", "xorbs/ab/4"):
        put(blobs, key, key.encode())
    assert {found.key for found in blobs.list("")} == {"files/ab/1", "files/ab/2", "files/ac/3", "xorbs/ab/4"}
    assert {found.key for found in blobs.list("files/")} == {"files/ab/1", "files/ab/2", "files/ac/3"}
    assert {found.key for found in blobs.list("files/a")} == {"files/ab/1", "files/ab/2", "files/ac/3"}
    assert {found.key for found in blobs.list("files/ab/2")} == {"files/ab/2"}
    assert {found.size for found in blobs.list("xorbs/ab")} == {10}
    assert list(blobs.list("nothing/here")) == []


@pytest.mark.parametrize(
    "key", ["", "/a", "a/", "a//b", ".", "..", "a/../b", "../a", "a/./b", "a b", "a\x00b", "ä", "a\\b", "incoming/x"]
)
def test_a_key_that_climbs_or_is_strange_is_refused(blobs: Blobs, key: str) -> None:
    for verb in (blobs.receive, blobs.open, blobs.stat, blobs.delete):
        with pytest.raises(InvalidName):
            verb(key)


def test_one_of_many_simultaneous_publishers_wins(blobs: Blobs) -> None:
    barrier = threading.Barrier(8)

    def publish(number: int) -> bool:
        with blobs.receive(KEY) as sink:
            sink.write(bytes([number]) * 1000)
            barrier.wait()
            return sink.publish()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(publish, range(8)))
    assert sorted(answers) == [False] * 7 + [True]
    assert read(blobs, KEY) == bytes([answers.index(True)]) * 1000


# --- parts ------------------------------------------------------------------


def test_parts_in_any_order_become_a_blob(blobs: Blobs, parts: Multipart) -> None:
    parts.begin_parts("up-1", len(BYTES))
    for start in (8000, 0, 4000):
        send(parts, "up-1", start, BYTES[start : start + 4000])
    assert parts.seal_parts("up-1", KEY, sha256(BYTES), len(BYTES)) is True
    assert read(blobs, KEY) == BYTES
    assert list(parts.list_parts_uploads()) == []


def test_parts_are_received_in_parallel(blobs: Blobs, parts: Multipart) -> None:
    parts.begin_parts("up-1", len(BYTES))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: send(parts, "up-1", i * 1024, BYTES[i * 1024 : (i + 1) * 1024]), range(10)))
    assert parts.seal_parts("up-1", KEY, sha256(BYTES), len(BYTES)) is True


def test_a_part_sent_again_replaces_the_first(blobs: Blobs, parts: Multipart) -> None:
    parts.begin_parts("up-1", 4)
    send(parts, "up-1", 0, b"oops")
    send(parts, "up-1", 0, b"good")
    parts.seal_parts("up-1", KEY, sha256(b"good"), 4)
    assert read(blobs, KEY) == b"good"


def test_the_etag_depends_on_the_bytes_only(parts: Multipart) -> None:
    parts.begin_parts("up-1", 8)
    first = send(parts, "up-1", 0, b"same")
    with parts.open_part("up-1", 4, 4) as part:
        part.write(b"sa")
        part.write(b"me")
        second = part.finish()
    assert first == second
    assert send(parts, "up-1", 0, b"othr") != first
    assert int(first, 16) >= 0


def test_an_empty_upload_can_be_sealed(blobs: Blobs, parts: Multipart) -> None:
    parts.begin_parts("up-1", 0)
    parts.seal_parts("up-1", KEY, sha256(b""), 0)
    assert read(blobs, KEY) == b""


def test_a_part_refuses_more_than_its_length(parts: Multipart) -> None:
    parts.begin_parts("up-1", 10)
    with parts.open_part("up-1", 0, 4) as part:
        part.write(b"1234")
        with pytest.raises(ContentMismatch):
            part.write(b"5")


def test_a_short_part_cannot_be_finished(parts: Multipart) -> None:
    parts.begin_parts("up-1", 10)
    with parts.open_part("up-1", 0, 4) as part:
        part.write(b"123")
        with pytest.raises(ContentMismatch):
            part.finish()


def test_a_part_beyond_the_end_is_refused(parts: Multipart) -> None:
    parts.begin_parts("up-1", 10)
    with pytest.raises(ContentMismatch):
        parts.open_part("up-1", 8, 3)


def test_other_bytes_than_announced_discard_the_upload(blobs: Blobs, parts: Multipart) -> None:
    parts.begin_parts("up-1", 4)
    send(parts, "up-1", 0, b"evil")
    with pytest.raises(ContentMismatch) as caught:
        parts.seal_parts("up-1", KEY, sha256(b"good"), 4)
    assert caught.value.what == "sha256"
    assert blobs.stat(KEY) is None
    assert list(parts.list_parts_uploads()) == []


def test_another_size_than_announced_discards_the_upload(blobs: Blobs, parts: Multipart) -> None:
    parts.begin_parts("up-1", 4)
    send(parts, "up-1", 0, b"good")
    with pytest.raises(ContentMismatch):
        parts.seal_parts("up-1", KEY, sha256(b"good"), 5)
    assert blobs.stat(KEY) is None


def test_sealing_onto_existing_bytes_keeps_those(blobs: Blobs, parts: Multipart) -> None:
    put(blobs, KEY, b"here")
    parts.begin_parts("up-1", 5)
    send(parts, "up-1", 0, b"there")
    assert parts.seal_parts("up-1", KEY, sha256(b"there"), 5) is False
    assert read(blobs, KEY) == b"here"
    assert list(parts.list_parts_uploads()) == []


def test_sealing_raises_busy_instead_of_waiting_for_a_part(blobs: Blobs, parts: Multipart) -> None:
    parts.begin_parts("up-1", 4)
    with parts.open_part("up-1", 0, 4) as part:
        part.write(b"good")
        with pytest.raises(Busy):
            parts.seal_parts("up-1", KEY, sha256(b"good"), 4)
        part.finish()
    assert parts.seal_parts("up-1", KEY, sha256(b"good"), 4) is True


def test_beginning_again_keeps_the_parts(blobs: Blobs, parts: Multipart) -> None:
    parts.begin_parts("up-1", 4)
    send(parts, "up-1", 0, b"good")
    parts.begin_parts("up-1", 4)
    assert parts.seal_parts("up-1", KEY, sha256(b"good"), 4) is True


def test_beginning_again_with_another_size_is_refused(parts: Multipart) -> None:
    parts.begin_parts("up-1", 4)
    with pytest.raises(Refused):
        parts.begin_parts("up-1", 5)


def test_more_than_the_room_cannot_begin(parts: Multipart) -> None:
    with pytest.raises(StoreFull):
        parts.begin_parts("up-1", 1 << 60)
    assert list(parts.list_parts_uploads()) == []


def test_an_unknown_upload_is_not_found(parts: Multipart) -> None:
    with pytest.raises(ThingNotFound):
        parts.open_part("nope", 0, 1)
    with pytest.raises(ThingNotFound):
        parts.seal_parts("nope", KEY, sha256(b""), 0)
    parts.abort_parts("nope")


def test_an_aborted_upload_is_not_found(blobs: Blobs, parts: Multipart) -> None:
    parts.begin_parts("up-1", 4)
    assert [(found.key, found.size) for found in parts.list_parts_uploads()] == [("up-1", 4)]
    parts.abort_parts("up-1")
    assert list(parts.list_parts_uploads()) == []
    with pytest.raises(ThingNotFound):
        parts.open_part("up-1", 0, 4)


@pytest.mark.parametrize("upload", ["", "..", ".x", "a/b", "../x", "a b"])
def test_a_strange_upload_id_is_refused(parts: Multipart, upload: str) -> None:
    with pytest.raises(InvalidName):
        parts.begin_parts(upload, 1)


def test_uploads_are_not_listed_as_blobs(blobs: Blobs, parts: Multipart) -> None:
    parts.begin_parts("up-1", 4)
    assert list(blobs.list("")) == []


# --- bytes that are read before they are published ---------------------------


@pytest.fixture
def drafts(blobs: Blobs) -> Inspectable:
    if not isinstance(blobs, Inspectable):
        pytest.skip("this store cannot look at what arrives")
    return blobs


def test_bytes_are_looked_at_and_then_named(blobs: Blobs, drafts: Inspectable) -> None:
    with drafts.receive_unnamed(7) as sink:
        sink.write(b"one ")
        assert bytes(sink.view()) == b"one "
        sink.write(memoryview(b"two"))
        assert bytes(sink.view()) == b"one two"
        assert list(blobs.list("")) == []
        assert sink.publish_as(KEY, 7) is True
    assert read(blobs, KEY) == b"one two"


def test_only_the_first_bytes_may_be_published(blobs: Blobs, drafts: Inspectable) -> None:
    with drafts.receive_unnamed(9) as sink:
        sink.write(b"kept cut!")
        assert sink.publish_as(KEY, 4) is True
    assert read(blobs, KEY) == b"kept"


def test_nothing_written_is_an_empty_view_and_an_empty_blob(blobs: Blobs, drafts: Inspectable) -> None:
    with drafts.receive_unnamed() as sink:
        assert bytes(sink.view()) == b""
        assert sink.publish_as(KEY, 0) is True
    assert read(blobs, KEY) == b""


def test_a_key_that_has_bytes_keeps_them_when_others_get_its_name(blobs: Blobs, drafts: Inspectable) -> None:
    put(blobs, KEY, b"first")
    with drafts.receive_unnamed() as sink:
        sink.write(b"second")
        assert sink.publish_as(KEY, 6) is False
    assert read(blobs, KEY) == b"first"


def test_bytes_without_a_name_are_discarded(blobs: Blobs, drafts: Inspectable) -> None:
    with drafts.receive_unnamed() as sink:
        sink.write(b"half")
    sink.discard()
    for use in (lambda: sink.write(b"x"), sink.view, lambda: sink.publish_as(KEY, 4)):
        with pytest.raises(ValueError, match="closed"):
            use()
    assert list(blobs.list("")) == []
    assert list(drafts.sweep_incoming(0, now_ms=2**50)) == []


def test_more_bytes_than_there_are_cannot_be_published(blobs: Blobs, drafts: Inspectable) -> None:
    with drafts.receive_unnamed() as sink:
        sink.write(b"four")
        with pytest.raises(ValueError, match="4 bytes, not 5"):
            sink.publish_as(KEY, 5)
    assert blobs.stat(KEY) is None


def test_all_bytes_must_be_as_many_as_expected(blobs: Blobs, drafts: Inspectable) -> None:
    with drafts.receive_unnamed(5) as sink:
        sink.write(b"four")
        with pytest.raises(ContentMismatch):
            sink.publish_as(KEY, 4)
    assert blobs.stat(KEY) is None


@pytest.mark.parametrize("key", ["", "../a", "a b", "incoming/x"])
def test_a_strange_name_is_refused_and_another_may_follow(blobs: Blobs, drafts: Inspectable, key: str) -> None:
    with drafts.receive_unnamed() as sink:
        sink.write(b"four")
        with pytest.raises(InvalidName):
            sink.publish_as(key, 4)
        assert sink.publish_as(KEY, 4) is True
    assert read(blobs, KEY) == b"four"


def test_more_than_the_room_is_refused_before_it_has_a_name(drafts: Inspectable) -> None:
    with pytest.raises(StoreFull):
        drafts.receive_unnamed(1 << 62)


def test_bytes_that_are_being_received_are_not_swept(blobs: Blobs, drafts: Inspectable) -> None:
    with drafts.receive_unnamed() as named_later, blobs.receive("files/other") as sink:
        for arriving in (named_later, sink):
            arriving.write(b"slow")
        assert list(drafts.sweep_incoming(0, now_ms=2**50)) == []
        assert sink.publish() is True
        assert named_later.publish_as(KEY, 4) is True
    assert read(blobs, KEY) == read(blobs, "files/other") == b"slow"
    assert list(drafts.sweep_incoming(0, now_ms=2**50)) == []


def test_one_of_many_simultaneous_names_wins(blobs: Blobs, drafts: Inspectable) -> None:
    barrier = threading.Barrier(8)

    def publish(number: int) -> bool:
        with drafts.receive_unnamed() as sink:
            sink.write(bytes([number]) * 1000)
            assert set(sink.view()) == {number}
            barrier.wait()
            return sink.publish_as(KEY, 500)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(publish, range(8)))
    assert sorted(answers) == [False] * 7 + [True]
    assert read(blobs, KEY) == bytes([answers.index(True)]) * 500

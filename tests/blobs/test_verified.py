from __future__ import annotations

import hashlib

import pytest

from entrepot.blobs import Blobs, put, receive_verified
from entrepot.errors import ContentMismatch
from entrepot.names import Sha256

KEY = "files/aa/bb/x"
GOOD = Sha256(hashlib.sha256(b"good").hexdigest())


def test_announced_bytes_are_published(blobs: Blobs) -> None:
    with receive_verified(blobs, KEY, GOOD, 4) as sink:
        sink.write(b"go")
        sink.write(memoryview(b"od"))
        assert sink.publish() is True
    with blobs.open(KEY) as reader:
        assert reader.read_at(0, 9) == b"good"


def test_known_bytes_are_not_published_again(blobs: Blobs) -> None:
    put(blobs, KEY, b"good")
    with receive_verified(blobs, KEY, GOOD, 4) as sink:
        sink.write(b"good")
        assert sink.publish() is False


@pytest.mark.parametrize(("data", "what"), [(b"evil", "sha256"), (b"goo", "size"), (b"", "size")])
def test_other_bytes_leave_nothing(blobs: Blobs, data: bytes, what: str) -> None:
    with receive_verified(blobs, KEY, GOOD, 4) as sink:
        sink.write(data)
        with pytest.raises(ContentMismatch) as caught:
            sink.publish()
    assert caught.value.what == what
    assert list(blobs.list("")) == []


def test_too_many_bytes_are_refused_with_the_first_one_too_many(blobs: Blobs) -> None:
    with receive_verified(blobs, KEY, GOOD, 4) as sink:
        sink.write(b"good")
        with pytest.raises(ContentMismatch) as caught:
            sink.write(b"!")
        with pytest.raises(ValueError, match="closed"):
            sink.publish()
    assert caught.value.what == "size"
    assert blobs.stat(KEY) is None


def test_an_abandoned_upload_leaves_nothing(blobs: Blobs) -> None:
    with receive_verified(blobs, KEY, GOOD, 4) as sink:
        sink.write(b"good")
    assert blobs.stat(KEY) is None

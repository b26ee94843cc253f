"""Root records."""

from __future__ import annotations

import json

import pytest

from entrepot.errors import Malformed
from entrepot.workspace.stores.formats.records import (
    StoreFormat,
    decode_json,
    encode_json,
    find_record,
    make_record,
    read_record,
)
from tests.support.chunk_stores import Desk

RECORD = {
    "format": 1,
    "tag": "c__x__1",
    "commit": "a" * 40,
    "remote": "https://git.example.org/x.git",
    "base": None,
    "manifest": "b" * 64,
    "indexes": ["c" * 64],
    "time": 5,
}


def test_a_record_is_read() -> None:
    record = read_record(json.dumps(RECORD).encode())
    assert record.indexes == ["c" * 64]
    assert json.loads(encode_json(record)) == RECORD


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"manifest": "../x"},
        {"indexes": ["x"]},
        {"indexes": ["c" * 64] * 65},
        {"indexes": "c" * 64},
        {"tag": 5},
        {"time": "x"},
    ],
)
def test_a_document_that_is_no_record_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(Malformed, match="root record"):
        read_record(json.dumps({**RECORD, **change}).encode())


@pytest.mark.parametrize("text", [b"", b"{}", b"[" * 100_000, b"\xff", b"null"])
def test_a_text_that_is_no_json_of_this_kind_is_refused(text: bytes) -> None:
    with pytest.raises(Malformed):
        read_record(text)
    with pytest.raises(Malformed):
        decode_json(text, StoreFormat, "format")


def test_a_published_version_has_its_record(desk: Desk) -> None:
    version = desk.publish({"a": b"x"})
    found = find_record(desk.bucket, version.ref)
    assert found is not None
    assert found.record == make_record(version, found.record.manifest, found.record.indexes, found.record.time)
    assert (found.record.tag, found.record.remote) == (version.tag, version.remote)
    other = desk.draft({"b": b"y"}, 2)
    assert find_record(desk.bucket, other.ref) is None

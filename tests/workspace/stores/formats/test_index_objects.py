"""Index objects, and refusal of those that cannot be right."""

from __future__ import annotations

import hashlib
import struct

import pytest

from entrepot.errors import ContentMismatch, LimitExceeded, Malformed
from entrepot.workspace.stores.formats import index_objects
from entrepot.workspace.stores.formats.index_objects import MAGIC, encode_index, index_name, parse_index
from tests.support.chunk_stores import Desk, noise


@pytest.fixture
def data(desk: Desk) -> bytes:
    desk.pack({"a": noise(300_000, 1), "b": noise(9000, 2), "empty": b""})
    [name] = desk.outbox.indexes.names()
    return (desk.outbox.indexes.folder / name).read_bytes()


def parse(data: bytes) -> index_objects.IndexObject:
    return parse_index(data, index_name(data))


def test_an_index_is_read_as_it_was_written(data: bytes) -> None:
    index = parse(data)
    assert len(index.files) == 3
    assert encode_index(index.files.values(), index.packs.values()) == data
    assert data.startswith(MAGIC)
    assert index_name(data) == hashlib.sha256(data).hexdigest()


def test_the_layout_of_the_bytes(data: bytes) -> None:
    [pack] = parse(data).packs.values()
    (length,) = struct.unpack_from("<Q", data, 8)
    table = data[16 + length :]
    assert table[:16].decode() == pack.layout
    assert list(struct.unpack(f"<{pack.index.count}I", table[16:])) == list(pack.index.ends)


def test_a_wrong_name_is_refused(data: bytes) -> None:
    with pytest.raises(ContentMismatch):
        parse_index(data, "0" * 64)


def test_every_cut_and_every_kind_of_damage_is_refused_or_harmless(data: bytes) -> None:
    for end in range(0, len(data), 7):
        with pytest.raises(Malformed):
            parse(data[:end])
    for at in range(0, len(data), 5):
        changed = data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]
        try:
            parse(changed)
        except Malformed:
            continue


@pytest.mark.parametrize("number", [0, 1, 9, 2**32 - 1])
def test_ends_that_no_xorb_has_are_refused(data: bytes, number: int) -> None:
    with pytest.raises(Malformed):
        parse(data[:-4] + struct.pack("<I", number))


def test_bytes_after_the_end_are_refused(data: bytes) -> None:
    with pytest.raises(Malformed, match="follow"):
        parse(data + b"x")


def test_a_huge_announced_length_costs_nothing() -> None:
    with pytest.raises(Malformed, match="cut off"):
        parse(MAGIC + struct.pack("<Q", 2**63))


def test_an_index_beyond_the_limit_is_refused(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_objects, "MAX_INDEX_BYTES", 100)
    with pytest.raises(LimitExceeded):
        parse(data)

from __future__ import annotations

import random
import struct

import pytest

from entrepot.errors import Malformed
from entrepot.previews.event_files import Point, read_scalars
from entrepot.previews.sources import BytesRangeReader


def varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


def part(number: int, data: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(data)) + data


def event(step: int, value: bytes, time_s: float = 5.0) -> bytes:
    return varint(1 << 3 | 1) + struct.pack("<d", time_s) + varint(2 << 3) + varint(step) + part(5, part(1, value))


def record(data: bytes) -> bytes:
    return struct.pack("<QI", len(data), 0) + data + bytes(4)


def simple(tag: str, value: float) -> bytes:
    return part(1, tag.encode()) + varint(2 << 3 | 5) + struct.pack("<f", value)


def tensor(tag: str, value: float) -> bytes:
    return part(1, tag.encode()) + part(8, part(5, struct.pack("<f", value)))


WHOLE = b"".join(
    map(
        record,
        [
            part(3, b"brain.Event:2"),
            event(1, simple("loss", 0.5)),
            event(2, tensor("loss", 0.25)),
            event(2, simple("acc", 1)),
        ],
    )
)


def test_scalars_are_found_by_name() -> None:
    found = read_scalars(BytesRangeReader(WHOLE))
    assert found.series == {"loss": (Point(1, 5.0, 0.5), Point(2, 5.0, 0.25)), "acc": (Point(2, 5.0, 1.0),)}
    assert found.is_complete


def test_a_record_that_is_being_written_is_left_out() -> None:
    assert list(read_scalars(BytesRangeReader(WHOLE[:-3])).series) == ["loss"]
    assert read_scalars(BytesRangeReader(b"")).series == {}


def test_only_the_beginning_of_a_long_file_is_read() -> None:
    data = b"".join(record(event(n, simple("loss", n))) for n in range(50_000))
    found = read_scalars(BytesRangeReader(data), most=1_000_000)
    assert not found.is_complete
    assert 1_000 < len(found.series["loss"]) < 50_000
    assert [point.step for point in found.series["loss"][:3]] == [0, 1, 2]


def test_other_files_are_refused() -> None:
    with pytest.raises(Malformed, match="its first record would have"):
        read_scalars(BytesRangeReader(b"x" * 100))
    with pytest.raises(Malformed, match="a record cannot be read"):
        read_scalars(BytesRangeReader(record(b"\xff\xff\xff")))


def test_damaged_files_are_read_or_refused() -> None:
    chance = random.Random(7)
    for _ in range(1_000):
        data = bytearray(WHOLE)
        for _ in range(chance.randint(1, 4)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        try:
            read_scalars(BytesRangeReader(bytes(data)))
        except Malformed:
            continue

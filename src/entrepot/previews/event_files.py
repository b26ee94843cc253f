"""Scalars in TensorBoard event files.

Source: the TFRecord format (u64 length, CRC, data, CRC); ``event.proto`` and ``summary.proto`` of
TensorBoard; the Protocol Buffers encoding.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import attrs

from entrepot.errors import Malformed
from entrepot.previews.sources import RangeReader
from entrepot.previews.time_limits import is_out_of_time, timed, within_time

MAX_EVENTS = 64 << 20
"""Bytes of an event file that are read."""

_BLOCK, _MAX_RECORD = 1 << 20, 8 << 20
_MAX_TAGS, _MAX_POINTS = 1_000, 200_000
_FORMAT = "event file"
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


@attrs.frozen
class Point:
    """A value of a scalar: training step, time in seconds since 1970, value."""

    step: int
    time_s: float
    value: float


@attrs.frozen
class Scalars:
    """Scalars by name, each in the order of the file. ``is_complete``: False if a part was not read."""

    series: dict[str, tuple[Point, ...]]
    is_complete: bool


def read_scalars(source: RangeReader, *, most: int = MAX_EVENTS) -> Scalars:
    """Return the scalars of an event file; a last record that is being written is left out.

    Raises:
        Malformed: it is not an event file.
    """
    found: dict[str, list[Point]] = {}
    points, is_complete = 0, source.size <= most
    for record in within_time(_records(source, most)):
        try:
            for tag, point in within_time(_scalars_of(record)):
                if (tag not in found and len(found) >= _MAX_TAGS) or points >= _MAX_POINTS:
                    is_complete = False
                    continue
                found.setdefault(tag, []).append(point)
                points += 1
        except (struct.error, IndexError, UnicodeDecodeError) as error:
            raise Malformed(_FORMAT, "a record cannot be read") from error
    is_complete = is_complete and not is_out_of_time()
    return Scalars({tag: tuple(series) for tag, series in found.items()}, is_complete)


def _records(source: RangeReader, most: int) -> Iterator[bytes]:
    at, start, block = 0, 0, b""
    end = min(source.size, most)
    while at + 12 <= end:
        if at + 12 > start + len(block):
            block, start = source.read_at(at, _BLOCK), at
        (length,) = struct.unpack_from("<Q", block, at - start)
        if length > _MAX_RECORD:
            if at == 0:
                raise Malformed(_FORMAT, f"its first record would have {length:,} bytes")
            at += 16 + length
            continue
        if at + 16 + length > source.size:
            return
        if at + 16 + length > start + len(block):
            block, start = source.read_at(at, max(16 + length, _BLOCK)), at
        yield block[at - start + 12 : at - start + 12 + length]
        at += 16 + length


def _scalars_of(record: bytes) -> Iterator[tuple[str, Point]]:
    """Yield the scalars of one event."""
    time_s, step, summary = 0.0, 0, b""
    for number, value in timed(_fields(record), _FORMAT):
        if number == 1 and isinstance(value, bytes) and len(value) == 8:
            (time_s,) = struct.unpack("<d", value)
        elif number == 2 and isinstance(value, int):
            step = value - (1 << 64) if value >> 63 else value
        elif number == 5 and isinstance(value, bytes):
            summary = value
    for number, value in timed(_fields(summary), _FORMAT):
        if number == 1 and isinstance(value, bytes):
            tag, scalar = _value_of(value)
            if scalar is not None:
                yield tag, Point(step, time_s, scalar)


def _value_of(value: bytes) -> tuple[str, float | None]:
    """Return the name and the number of a summary value; None if it is no scalar."""
    tag, scalar = "", None
    for number, part in timed(_fields(value), _FORMAT):
        if not isinstance(part, bytes):
            continue
        if number == 1:
            tag = part[:1_000].decode("utf-8", "replace")
        elif number == 2 and len(part) == 4:
            (scalar,) = struct.unpack("<f", part)
        elif number == 8:
            scalar = _tensor_scalar(part)
    return tag, scalar


def _tensor_scalar(tensor: bytes) -> float | None:
    """Return the value of a tensor with one float element, as TensorFlow 2 writes scalars."""
    for number, part in timed(_fields(tensor), _FORMAT):
        if number in (4, 5) and isinstance(part, bytes) and len(part) == 4:
            return float(struct.unpack("<f", part)[0])
        if number in (4, 6) and isinstance(part, bytes) and len(part) == 8:
            return float(struct.unpack("<d", part)[0])
    return None


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield the fields of a message: integers, or the bytes of everything else."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        kind = key & 7
        if kind == _VARINT:
            value, at = _varint(message, at)
            yield key >> 3, value
            continue
        if kind == _BYTES:
            length, at = _varint(message, at)
        elif kind in (_FIXED32, _FIXED64):
            length = 4 if kind == _FIXED32 else 8
        else:
            raise IndexError
        if at + length > len(message):
            raise IndexError
        yield key >> 3, message[at : at + length]
        at += length


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while shift <= 63:
        byte = message[at]
        value |= (byte & 127) << shift
        at += 1
        if byte < 128:
            return value, at
        shift += 7
    raise IndexError

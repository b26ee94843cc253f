"""Indexes of the footers of Parquet files: where the description of each row group lies.

The footer of a file with thousands of row groups has megabytes. With its index, only the description of the wanted
row groups is read and parsed: a small footer is put together of bytes of the large one.

Source: ``parquet.thrift``, FileMetaData and RowGroup; the Thrift compact protocol.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Sequence

import attrs

from entrepot.errors import Malformed
from entrepot.previews.sources import RangeReader

LEAST_FOOTER = 128 << 10
"""Bytes of the smallest footer that is indexed; smaller ones are parsed faster than indexed."""

MAX_FOOTER = 16 << 20
"""Bytes of the largest footer that is indexed."""

MAX_INDEX = 512 << 10
"""Maximum size of an index in bytes."""

MAX_FRAME = 512 << 10
"""Bytes of a footer at most besides its row groups: with more there is no index."""

_FORMAT = "Parquet file"
_MAGIC = b"PFI1"
_HEAD, _GROUP = struct.Struct("<IIII"), struct.Struct("<QQI")
_GROUPS, _ROWS, _BYTES = 4, 3, 2  # numbers of fields
_MAX_DEPTH = 16
_STOP, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _STRUCT = 0, 3, 7, 8, 9, 10, 12
_BOOLS, _INTEGERS = (1, 2), (4, 5, 6)


@attrs.frozen
class FooterIndex:
    """Where the row groups are described within a footer.

    ``footer``: its bytes. ``head``: bytes before the list of row groups, ``first`` those before the first of them,
    ``tail`` those before what comes after the list. ``groups``: of each, the rows, the bytes of its data
    decompressed, and the bytes of its description.
    """

    footer: int
    head: int
    first: int
    tail: int
    groups: Sequence[tuple[int, int, int]]

    def encode(self) -> bytes:
        """Return the index as bytes for :meth:`decode`."""
        head = _HEAD.pack(self.footer, self.head, self.first, self.tail)
        return b"".join((_MAGIC, head, *itertools.starmap(_GROUP.pack, self.groups)))

    @classmethod
    def decode(cls, data: bytes, footer: int) -> FooterIndex | None:
        """Return the index that bytes say; None if they are not that of a footer of this length."""
        begin = len(_MAGIC) + _HEAD.size
        if not data.startswith(_MAGIC) or len(data) < begin or (len(data) - begin) % _GROUP.size:
            return None
        groups = [(int(rows), int(size), int(length)) for rows, size, length in _GROUP.iter_unpack(data[begin:])]
        length, head, first, tail = _HEAD.unpack(data[len(_MAGIC) : begin])
        is_fit = length == footer and head < first and first + sum(group[2] for group in groups) == tail <= footer
        return cls(length, head, first, tail, groups) if is_fit else None

    def starts(self) -> list[int]:
        """Return where the description of each row group begins in the footer."""
        return list(itertools.accumulate((length for _, _, length in self.groups[:-1]), initial=self.first))


def compose_file(head: bytes, count: int, groups: bytes, tail: bytes) -> bytes:
    """Return a Parquet file without data, whose footer describes row groups of another file.

    Args:
        head: the footer before its list of row groups.
        count: how many row groups are described.
        groups: their descriptions, one after the other.
        tail: the footer after its list.
    """
    number, left = bytearray([15 << 4 | _STRUCT]), count
    while left > 127:
        number.append(left & 127 | 128)
        left >>= 7
    number.append(left)
    footer = b"".join((head, number, groups, tail))
    return b"PAR1" + footer + len(footer).to_bytes(4, "little") + b"PAR1"


@attrs.frozen
class IndexedFooter:
    """A footer whose row groups are read when they are needed; ``head`` and ``tail`` are what is before and after."""

    index: FooterIndex
    _source: RangeReader
    _start: int
    _head: bytes = attrs.field(repr=False)
    _tail: bytes = attrs.field(repr=False)
    _starts: Sequence[int] = attrs.field(repr=False)

    @property
    def weight(self) -> int:
        """The approximate memory of this value, in bytes."""
        return 20 * (len(self._head) + len(self._tail)) + 300 * len(self.index.groups)

    def describe(self, first: int, stop: int) -> bytes:
        """Return a file without data that describes the row groups from one to another, the last not included."""
        length = sum(size for _, _, size in self.index.groups[first:stop])
        groups = self._source.read_at(self._start + self._starts[first], length) if length else b""
        return compose_file(self._head, stop - first, groups, self._tail)


def open_footer(source: RangeReader, length: int, known: bytes = b"") -> IndexedFooter | None:
    """Return the footer of a file by its index; None if it has none.

    Without a known index, the whole footer is read once.

    Args:
        length: of the footer.
        known: what :meth:`FooterIndex.encode` returned for the same file; it is not used if it cannot be that.
    """
    start = source.size - 8 - length
    if not LEAST_FOOTER <= length <= MAX_FOOTER or start < 0:
        return None
    index = FooterIndex.decode(known, length)
    if index is not None:
        head, tail = source.read_at(start, index.head), source.read_at(start + index.tail, length - index.tail)
        return IndexedFooter(index, source, start, head, tail, index.starts())
    footer = source.read_at(start, length)
    try:
        index = index_footer(footer)
    except Malformed:
        return None  # who parses it all says what is wrong
    if index is None:
        return None
    return IndexedFooter(index, source, start, footer[: index.head], footer[index.tail :], index.starts())


def index_footer(footer: bytes) -> FooterIndex | None:
    """Return the index of a footer; None if it has no list of row groups, or the index would be too large.

    Raises:
        Malformed: it is damaged, or nested too deeply.
    """
    try:
        found = _Scanner(footer).index()
    except IndexError:
        raise Malformed(_FORMAT, "its footer ends within a value") from None
    if found is None or found.head + found.footer - found.tail > MAX_FRAME or len(found.encode()) > MAX_INDEX:
        return None
    return found


class _Scanner:
    """Passes over values of the Thrift compact protocol; past the end, an IndexError is raised.

    Every step consumes at least one byte, so its time is bounded by the length.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data

    def index(self) -> FooterIndex | None:
        """Return the index; None if there is no list of row groups."""
        at = number = 0
        found: FooterIndex | None = None
        while self._data[at] != _STOP:
            number, kind, at = self._field(at, number)
            if number == _GROUPS and kind == _LIST and found is None:
                groups, first, tail = self._groups(at)
                found = FooterIndex(len(self._data), at, first, tail, groups)
                at = tail
            else:
                at = self._skip(kind, at, 0)
        return found

    def _groups(self, at: int) -> tuple[list[tuple[int, int, int]], int, int]:
        """Return the row groups of a list, where the first begins, and where the list ends."""
        kind, count, at = self._list_head(at)
        if kind != _STRUCT or count > len(self._data):
            raise Malformed(_FORMAT, "its footer has no list of row groups")
        found, first = [], at
        for _ in range(count):
            rows, size, end = self._group(at)
            found.append((rows, size, end - at))
            if len(found) * _GROUP.size > MAX_INDEX:
                raise Malformed(_FORMAT, "it has too many row groups for an index")
            at = end
        return found, first, at

    def _group(self, at: int) -> tuple[int, int, int]:
        """Return the rows and bytes of a row group, and where its description ends."""
        numbers = {_ROWS: 0, _BYTES: 0}
        number = 0
        while self._data[at] != _STOP:
            number, kind, at = self._field(at, number)
            if number in numbers and kind in _INTEGERS:
                value, at = self._varint(at)
                numbers[number] = max((value >> 1) ^ -(value & 1), 0)
            else:
                at = self._skip(kind, at, 1)
        return numbers[_ROWS], numbers[_BYTES], at + 1

    def _field(self, at: int, number: int) -> tuple[int, int, int]:
        """Return the number and the type of the field whose head is here, and where its value begins."""
        head = self._data[at]
        if head >> 4:
            return number + (head >> 4), head & 15, at + 1
        value, at = self._varint(at + 1)
        return (value >> 1) ^ -(value & 1), head & 15, at

    def _list_head(self, at: int) -> tuple[int, int, int]:
        """Return the type and the number of the items of a list, and where the first begins."""
        head = self._data[at]
        if head >> 4 < 15:
            return head & 15, head >> 4, at + 1
        count, at = self._varint(at + 1)
        return head & 15, count, at

    def _skip(self, kind: int, at: int, depth: int) -> int:
        """Return where a value ends."""
        data = self._data
        if kind in _INTEGERS:
            while data[at] > 127:
                at += 1
            return at + 1
        if kind == _BINARY:
            length, at = self._varint(at)
            return at + length
        if kind in _BOOLS:
            return at
        if kind == _STRUCT:
            return self._skip_struct(at, depth + 1)
        if kind in (_LIST, _SET):
            return self._skip_list(at, depth + 1)
        if kind in (_BYTE, _DOUBLE):
            return at + (1 if kind == _BYTE else 8)
        raise Malformed(_FORMAT, f"its footer has a value of the type {kind}")

    def _skip_struct(self, at: int, depth: int) -> int:
        if depth > _MAX_DEPTH:
            raise Malformed(_FORMAT, "its footer is nested too deeply")
        data = self._data
        while head := data[at]:
            at += 1
            if not head >> 4:
                _, at = self._varint(at)
            kind = head & 15
            if kind in _INTEGERS:  # most values are numbers: without a call, this is twice as fast
                while data[at] > 127:
                    at += 1
                at += 1
            else:
                at = self._skip(kind, at, depth)
        return at + 1

    def _skip_list(self, at: int, depth: int) -> int:
        kind, count, at = self._list_head(at)
        if count > len(self._data) or depth > _MAX_DEPTH:
            raise Malformed(_FORMAT, f"its footer has a list of {count:,} items")
        if kind in _BOOLS:
            return at + count
        for _ in range(count):
            at = self._skip(kind, at, depth)
        return at

    def _varint(self, at: int) -> tuple[int, int]:
        """Return a number, and where it ends."""
        value = shift = 0
        while True:
            byte = self._data[at]
            at += 1
            value |= (byte & 127) << shift
            if byte < 128:
                return value, at
            shift += 7
            if shift > 63:
                raise Malformed(_FORMAT, "its footer has a number of more than 64 bits")

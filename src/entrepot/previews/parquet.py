"""Footers of Parquet files: rows, row groups, and columns.

Source: the Apache Parquet format, "File format" (the footer is Thrift in the compact protocol, its
length and ``PAR1`` are the last eight bytes) and ``parquet.thrift``; the Thrift compact protocol.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import attrs

from entrepot.errors import Malformed
from entrepot.previews.sources import RangeReader
from entrepot.previews.time_limits import is_out_of_time, timed

MAX_FOOTER = 64 << 20
"""Maximum size of a footer that is read, in bytes."""

_FORMAT = "Parquet file"
_MAX_DEPTH, _MAX_STEPS, _MAX_KEPT = 16, 4_000_000, 250_000
_STEPS_PER_LOOK = 1_024
_STOP, _TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = 0, 1, 2, 3, 7, 8, 9, 10, 11, 12
_PHYSICAL = ("bool", "int32", "int64", "int96", "float32", "float64", "binary", "fixed")
_Fields: TypeAlias = "Mapping[int, _Fields]"
_NOTHING: _Fields = {}
# Of FileMetaData: the schema (type, name, children, converted and logical type of each element), rows, row groups.
_WANTED: _Fields = {
    2: {1: _NOTHING, 4: _NOTHING, 5: _NOTHING, 6: _NOTHING, 10: {1: _NOTHING}},
    3: _NOTHING,
    4: {3: _NOTHING},
}
_TEXT_TYPES = frozenset({0, 4, 19})  # UTF8, ENUM, JSON of ConvertedType


@attrs.frozen
class ParquetColumn:
    """A leaf column.

    ``path``: names from the top, joined by dots. ``type``: ``bool``, ``int32``, ``int64``, ``int96``,
    ``float32``, ``float64``, ``binary``, ``fixed`` or ``string``. ``is_nested``: it lies in a group or list.
    """

    path: str
    type: str
    is_nested: bool


@attrs.frozen
class ParquetFooter:
    """The footer of a file: its rows, the rows of each row group, and its leaf columns."""

    rows: int
    groups: tuple[int, ...]
    columns: tuple[ParquetColumn, ...]


def read_footer(source: RangeReader, *, most: int = MAX_FOOTER) -> ParquetFooter:
    """Return the footer of a file, by at most two reads at its end.

    Args:
        most: bytes of footer to read at most.

    Raises:
        Malformed: it is not a Parquet file, is encrypted, or its footer is larger than ``most``.
    """
    tail = source.read_at(max(source.size - 65_536, 0), 65_536)
    if len(tail) < 12 or tail[-4:] != b"PAR1":
        raise Malformed(_FORMAT, "it does not end with PAR1")
    length = int.from_bytes(tail[-8:-4], "little")
    if length > most or length + 12 > source.size:
        raise Malformed(_FORMAT, f"its footer would have {length:,} bytes")
    if length + 8 > len(tail):
        tail = source.read_at(source.size - 8 - length, length + 8)
    footer = _Thrift(tail[-8 - length : -8]).struct(_WANTED)
    rows, groups = footer.get(3), footer.get(4)
    if not isinstance(rows, int) or rows < 0 or not isinstance(groups, list):
        raise Malformed(_FORMAT, "its footer has no number of rows")
    counts = tuple(group.get(3, 0) if isinstance(group, dict) else 0 for group in groups)
    return ParquetFooter(rows, counts, tuple(_columns(footer.get(2))))


def _columns(schema: object) -> list[ParquetColumn]:
    """Return the leaves of the schema, which is a tree in depth-first order."""
    if not isinstance(schema, list) or not all(isinstance(element, dict) for element in schema):
        raise Malformed(_FORMAT, "its footer has no schema")
    columns: list[ParquetColumn] = []
    open_groups: list[tuple[str, int]] = []  # name and children left
    for position, element in enumerate(timed(schema, _FORMAT)):
        children = element.get(5) or 0
        name = element.get(4, b"")
        text = name.decode("utf-8", "replace") if isinstance(name, bytes) else ""
        if position:
            while open_groups and open_groups[-1][1] == 0:
                open_groups.pop()
            if open_groups:
                open_groups[-1] = (open_groups[-1][0], open_groups[-1][1] - 1)
        if children:
            if len(open_groups) > 100:
                raise Malformed(_FORMAT, "its columns are nested too deeply")
            open_groups.append((text if position else "", children))
            continue
        if position:
            parents = [group for group, _ in open_groups if group]
            columns.append(ParquetColumn(".".join((*parents, text)), _type_of(element), bool(parents)))
    return columns


def _type_of(element: dict[int, Any]) -> str:
    kind = element.get(1, -1)
    logical = element.get(10)
    is_text = element.get(6) in _TEXT_TYPES or (isinstance(logical, dict) and 1 in logical)
    if is_text:
        return "string"
    return _PHYSICAL[kind] if 0 <= kind < len(_PHYSICAL) else "binary"


class _Thrift:
    """Reads values of the Thrift compact protocol; structs become mappings by field number.

    What is not wanted is passed over: an empty struct has one byte in the file, and sixty as a mapping.
    """

    def __init__(self, data: bytes) -> None:
        self._data, self._at, self._left = data, 0, _MAX_STEPS
        self._kept = _MAX_KEPT

    def struct(self, wanted: _Fields, depth: int = 0) -> dict[int, Any]:
        """Return the wanted fields of a struct.

        Args:
            wanted: numbers of fields, with those that are wanted of their structs.
        """
        if depth > _MAX_DEPTH:
            raise Malformed(_FORMAT, "its footer is nested too deeply")
        fields: dict[int, Any] = {}
        number = 0
        while (head := self._byte()) != _STOP:
            delta, kind = head >> 4, head & 15
            number = number + delta if delta else self._zigzag()
            inner = wanted.get(number)
            value = kind == _TRUE if kind in (_TRUE, _FALSE) else self._value(kind, inner or {}, depth)
            if inner is not None:
                fields[number] = value
        return fields

    def _value(self, kind: int, wanted: _Fields, depth: int) -> Any:  # noqa: ANN401 - a Thrift value has any type
        if kind in (_TRUE, _FALSE):
            return self._byte() == _TRUE
        if kind == _BYTE:
            return self._byte()
        if kind in (4, 5, 6):
            return self._zigzag()
        if kind == _DOUBLE:
            return self._take(8)
        if kind == _BINARY:
            return self._take(self._varint())
        if kind in (_LIST, _SET):
            return self._list(wanted, depth)
        if kind == _MAP:
            return self._map(depth)
        if kind == _STRUCT:
            return self.struct(wanted, depth + 1)
        raise Malformed(_FORMAT, f"its footer has a value of the unknown type {kind}")

    def _list(self, wanted: _Fields, depth: int) -> Sequence[Any]:
        """Return the items of a list; none if nothing of them is wanted."""
        head = self._byte()
        count = head >> 4 if head >> 4 < 15 else self._varint()
        if count > len(self._data):
            raise Malformed(_FORMAT, f"its footer has a list of {count:,} items")
        if depth > _MAX_DEPTH:
            raise Malformed(_FORMAT, "its footer is nested too deeply")
        if not wanted:
            for _ in range(count):
                self._value(head & 15, wanted, depth + 1)
            return []
        self._kept -= count
        if self._kept < 0:
            raise Malformed(_FORMAT, f"its footer has more than {_MAX_KEPT:,} columns and row groups")
        return [self._value(head & 15, wanted, depth + 1) for _ in range(count)]

    def _map(self, depth: int) -> None:
        count = self._varint()
        if count > len(self._data) or depth > _MAX_DEPTH:
            raise Malformed(_FORMAT, f"its footer has a map of {count:,} items")
        kinds = self._byte() if count else 0
        for _ in range(count):
            self._value(kinds >> 4, {}, depth + 1)
            self._value(kinds & 15, {}, depth + 1)

    def _byte(self) -> int:
        self._left -= 1
        if self._at >= len(self._data) or self._left < 0:
            raise Malformed(_FORMAT, "its footer ends within a value or is too large")
        if self._left % _STEPS_PER_LOOK == 0 and is_out_of_time():
            raise Malformed(_FORMAT, "reading its footer takes too much time")
        self._at += 1
        return self._data[self._at - 1]

    def _take(self, length: int) -> bytes:
        if self._at + length > len(self._data):
            raise Malformed(_FORMAT, "its footer ends within a value")
        self._at += length
        return self._data[self._at - length : self._at]

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7
            if shift > 63:
                raise Malformed(_FORMAT, "its footer has a number of more than 64 bits")

    def _zigzag(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)

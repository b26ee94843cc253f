"""Range and conditional requests: pure functions of header values.

Source: RFC 9110, sections 8.8.3 (entity tags), 13 (conditions), 14 (ranges).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import attrs

from entrepot.errors import RangeNotSatisfiable

MAX_RANGES = 16
"""Maximum number of ranges in one request; above it, the header is ignored (RFC 9110, 14.2)."""

_SPEC = re.compile(r"(\d{0,19})-(\d{0,19})", re.ASCII)
_TAG = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"')


@attrs.frozen
class ByteRange:
    """Bytes ``start`` to ``stop`` (exclusive) of a file; never empty."""

    start: int
    stop: int

    @property
    def length(self) -> int:
        """Length of the range in bytes."""
        return self.stop - self.start

    def content_range(self, size: int) -> str:
        """Return the value of ``Content-Range`` for this part of a file of ``size`` bytes."""
        return f"bytes {self.start}-{self.stop - 1}/{size}"


def parse_range(header: str | None, size: int) -> tuple[ByteRange, ...] | None:
    """Return the parts of a file that a ``Range`` header requests; None means the whole file.

    Malformed headers, other units and more than 16 ranges are ignored. Ranges
    keep the requested order; if some overlap or touch, all are sorted and
    merged, so a response is never longer than the file.

    An empty file is sent whole if the range begins at its start: the browser
    client probes every file with ``bytes=0-0`` and cannot handle a 416.

    Raises:
        RangeNotSatisfiable: the header is well formed, but no range
                overlaps the file.

    Source: RFC 9110, section 14.1.2; for the empty file docs/protocols/hf_api.md, section 2.5.
    """
    if header is None:
        return None
    unit, equals, specs = header.partition("=")
    if not equals or unit.strip().lower() != "bytes" or specs.count(",") >= 2 * MAX_RANGES:
        return None
    bounds = _bounds(specs)
    if bounds is None or not 1 <= len(bounds) <= MAX_RANGES:
        return None
    if size == 0 and any(first in (0, None) for first, _ in bounds):
        return None
    wanted = [part for first, last in bounds if (part := _place(first, last, size))]
    if not wanted:
        raise RangeNotSatisfiable(size)
    return tuple(_joined(wanted))


def none_match(header: str | None, etag: str) -> bool:
    """Return whether ``If-None-Match`` allows the request (True without the header).

    Args:
        etag: the opaque tag of the file, without quotes.

    The comparison is weak: ``W/`` is ignored. ``*`` never allows the request.
    """
    if header is None:
        return True
    if header.strip() == "*":
        return False
    return all(tag != etag for _, tag in _tags(header))


def match(header: str | None, etag: str) -> bool:
    """Return whether ``If-Match`` allows the request (True without the header); weak tags never match."""
    if header is None or header.strip() == "*":
        return True
    return any(tag == etag for weak, tag in _tags(header) if not weak)


def range_applies(if_range: str | None, etag: str) -> bool:
    """Return whether ``Range`` applies, given ``If-Range``.

    Dates never match: files of a hub are identified by content, not by time.
    """
    if if_range is None:
        return True
    found = _TAG.fullmatch(if_range.strip())
    return bool(found and not found[1] and found[2] == etag)


def _bounds(specs: str) -> list[tuple[int | None, int | None]] | None:
    bounds: list[tuple[int | None, int | None]] = []
    for spec in specs.split(","):
        text = spec.strip(" \t")
        if not text:  # empty list elements are legal
            continue
        found = _SPEC.fullmatch(text)
        if not found or text == "-":
            return None
        first = int(found[1]) if found[1] else None
        last = int(found[2]) if found[2] else None
        if first is not None and last is not None and last < first:
            return None
        bounds.append((first, last))
    return bounds


def _place(first: int | None, last: int | None, size: int) -> ByteRange | None:
    if first is None:
        length = min(last or 0, size)
        return ByteRange(size - length, size) if length else None
    if first >= size:
        return None
    return ByteRange(first, size if last is None else min(last + 1, size))


def _joined(parts: list[ByteRange]) -> list[ByteRange]:
    ordered = sorted(parts, key=lambda part: part.start)
    joined = [ordered[0]]
    for part in ordered[1:]:
        if part.start <= joined[-1].stop:
            joined[-1] = ByteRange(joined[-1].start, max(joined[-1].stop, part.stop))
        else:
            joined.append(part)
    return parts if len(joined) == len(parts) else joined


def _tags(header: str) -> Iterator[tuple[bool, str]]:
    for found in _TAG.finditer(header):
        yield bool(found[1]), found[2]

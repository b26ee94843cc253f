"""Headers of tar archives: names and sizes of the members, in time that is linear in the bytes that are read.

``tarfile`` is not used for what others have uploaded: in Python before 3.11.10 and 3.12.6 it searches extended headers
with expressions that take time quadratic in their length (CVE-2024-6232), and nothing else in the process runs then.

Source: POSIX.1-2017, pax, "ustar Interchange Format" and "pax Header Block"; GNU tar, "Basic Tar Format".
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterator

import attrs

from entrepot.errors import Malformed
from entrepot.previews.files import SeekableFile
from entrepot.previews.time_limits import timed

BLOCK = 512
_NAME, _SIZE, _SUM, _PREFIX = slice(0, 100), slice(124, 136), slice(148, 156), slice(345, 500)
_KIND, _GNU_MORE, _GNU_REAL_SIZE, _MORE = 156, 482, slice(483, 495), 504
_OTHERS = (b"1", b"2", b"3", b"4", b"5", b"6")
_LONG_NAME, _PAX, _FOLDER, _SPARSE = b"L", (b"x", b"X"), b"5", b"S"
_BEFORE_OTHERS = (_LONG_NAME, b"K", *_PAX, b"g")
_LONGEST_NUMBER = 20
_SIGNED = struct.Struct("148b8x356b")


@attrs.frozen
class TarHeader:
    """The name, size and kind of one member, as the archive states them."""

    name: str
    size: int
    is_folder: bool


def read_headers(file: SeekableFile) -> Iterator[TarHeader]:
    """Yield the headers of an archive, up to its end or the first block that is not a header.

    Raises:
        Malformed: the first block is not a header, an extended header is damaged, or the headers have too many bytes.
    """
    name, stated, at = "", dict[str, str](), 0
    while True:
        file.seek(at)
        block = file.read(BLOCK)
        if len(block) < BLOCK or not any(block) or not _is_header(block):
            if at == 0 and any(block):
                raise Malformed("tar archive", "it does not begin with a header")
            return
        kind, size = block[_KIND : _KIND + 1], _number(block[_SIZE])
        at += BLOCK
        if kind == _LONG_NAME:
            name = _text(file.read(size))
        elif kind in _PAX:
            stated = _pax_records(file.read(size))
        if kind in _BEFORE_OTHERS:
            at += _padded(size)
            continue
        size = _decimal(stated["size"]) if "size" in stated else size
        if kind == _SPARSE:
            at += BLOCK * _more_blocks(file, block)
        header = _header_of(block, kind, name, stated, size)
        if kind not in _OTHERS:  # links, devices, folders and pipes have no content
            at += _padded(size)
        yield header
        name, stated = "", {}


def _header_of(block: bytes, kind: bytes, name: str, stated: dict[str, str], size: int) -> TarHeader:
    prefix, own = _text(block[_PREFIX]), _text(block[_NAME])
    if prefix and kind != _SPARSE and block[257:263] == b"ustar\0":
        own = f"{prefix}/{own}"
    found = stated.get("GNU.sparse.name") or stated.get("path") or name or own
    is_folder = kind == _FOLDER or (kind == b"\0" and found.endswith("/"))
    if kind == _SPARSE:
        size = _number(block[_GNU_REAL_SIZE])
    for key in ("GNU.sparse.size", "GNU.sparse.realsize"):
        size = _decimal(stated[key]) if key in stated else size
    return TarHeader(found.rstrip("/") if is_folder else found, 0 if is_folder else size, is_folder)


def _more_blocks(file: SeekableFile, block: bytes) -> int:
    """Return how many blocks with places of a sparse file follow its header."""
    more, found = block[_GNU_MORE], 0
    for _ in timed(itertools.count(), "tar archive"):
        if not more:
            break
        block = file.read(BLOCK)
        found += 1
        more = block[_MORE] if len(block) == BLOCK else 0
    return found


def _is_header(block: bytes) -> bool:
    try:
        stated = _number(block[_SUM])
    except Malformed:
        return False
    if stated == sum(block[:148]) + sum(block[156:]) + 8 * ord(" "):
        return True
    signed: int = sum(_SIGNED.unpack(block))
    return stated == signed + 8 * ord(" ")  # of very old archives


def _pax_records(data: bytes) -> dict[str, str]:
    """Return the records of an extended header: ``length key=value`` lines."""
    found: dict[str, str] = {}
    at = 0
    for _ in timed(itertools.count(), "tar archive"):
        if at >= len(data) or not data[at]:
            break
        space = data.find(b" ", at, at + _LONGEST_NUMBER)
        digits = data[at:space] if space > 0 else b""
        end = at + int(digits) if digits.isdigit() else 0
        key, equals, value = data[space + 1 : end - 1].partition(b"=")
        if not at < space < end <= len(data) or not equals or not key:
            raise Malformed("tar archive", "an extended header is damaged")
        found[key.decode("utf-8", "replace")] = value.decode("utf-8", "replace")
        at = end
    return found


def _number(field: bytes) -> int:
    """Return a number in octal digits, or in binary after a first byte of 128."""
    if field[0] & 0x80:
        if field[0] & 0x40:
            raise Malformed("tar archive", "a size is negative")
        return int.from_bytes(bytes([field[0] & 0x7F]) + field[1:], "big")
    digits = field.partition(b"\0")[0].strip()
    if not digits:
        return 0
    if digits.strip(b"01234567"):
        raise Malformed("tar archive", "a number is not in octal digits")
    return int(digits, 8)


def _decimal(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER):
        raise Malformed("tar archive", "a size is not a number")
    return int(text)


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode("utf-8", "surrogateescape")


def _padded(size: int) -> int:
    return -(-size // BLOCK) * BLOCK

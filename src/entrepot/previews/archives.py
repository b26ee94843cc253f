"""Lists of the members of zip and tar archives, and the beginnings of members."""

from __future__ import annotations

import bz2
import copy
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO, cast

import attrs

from entrepot.errors import Malformed
from entrepot.previews.files import MAX_READ, SeekableFile
from entrepot.previews.sources import RangeReader
from entrepot.previews.tar_headers import read_headers
from entrepot.previews.time_limits import is_out_of_time, within_time
from entrepot.previews.zip_directories import read_directory

MAX_MEMBERS = 10_000
"""Maximum number of members in a list."""

_MAX_HEADER, _MAX_HEADERS, _MAX_NAMES = 1 << 20, 24 << 20, 4 << 20
_MAX_LZMA_MEMORY = 128 << 20
_UNREADABLE = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError),
    *(NotImplementedError, RuntimeError, OSError, ValueError, Malformed),
)
"""What reading a member raises that is damaged, encrypted, or packed in a way that is not known."""


@attrs.frozen
class ArchiveMember:
    """A file or folder in an archive.

    ``name``: as stored, which may be absolute or contain ``..``; never use it as a path. ``size``: bytes
    when unpacked, as the archive claims; ``packed``: bytes in the archive, None if they are not packed apart.
    """

    name: str
    size: int
    packed: int | None
    is_folder: bool


@attrs.frozen
class ArchiveMembers:
    """The first members of an archive. ``is_complete``: False if there may be more."""

    members: tuple[ArchiveMember, ...]
    is_complete: bool


@attrs.frozen
class MemberBeginning:
    """The first bytes of a file in an archive, unpacked; none if ``is_readable`` is False."""

    name: str
    data: bytes
    is_readable: bool = True


def list_zip(source: RangeReader, *, most: int = MAX_MEMBERS) -> ArchiveMembers:
    """Return the members of a zip archive, from its directory at the end.

    Raises:
        Malformed: it is not a zip archive, or its directory is damaged.
    """
    found: list[ArchiveMember] = []
    left = _MAX_NAMES
    for it in within_time(read_directory(source)):
        found.append(ArchiveMember(it.name, it.size, it.packed, it.name.endswith("/")))
        left -= len(it.name)
        if len(found) > most or left <= 0:
            break
    is_complete = len(found) <= most and left > 0 and not is_out_of_time()
    return ArchiveMembers(tuple(found[:most]), is_complete)


def read_members(
    source: RangeReader, endings: tuple[str, ...], *, most: int, most_bytes: int, most_directory: int = MAX_READ
) -> Iterator[MemberBeginning]:
    """Yield the beginnings of those members of a zip archive whose name has one of some endings.

    Args:
        most: members at most.
        most_bytes: bytes of one member at most, unpacked, and packed.
        most_directory: bytes of the directory at most; a megabyte of it takes a tenth of a second.

    Raises:
        Malformed: it is not a zip archive, or its directory is larger.
    """
    with _open_zip(source, most_directory) as archive:
        wanted = [it for it in archive.infolist() if it.filename.endswith(endings)]
        for it in wanted[:most]:
            try:
                yield MemberBeginning(it.filename, _beginning_of(archive, it, most_bytes))
            except _UNREADABLE:
                yield MemberBeginning(it.filename, b"", is_readable=False)


def _beginning_of(archive: zipfile.ZipFile, member: zipfile.ZipInfo, most: int) -> bytes:
    """Return the first bytes of a member.

    Of bzip2 and LZMA, ``zipfile`` only reads the packed bytes: it would unpack them without a bound, 40 bytes to 40 MB.
    """
    if member.compress_type not in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        with archive.open(member) as file:
            return file.read(most)
    packed = copy.copy(member)
    packed.compress_type, packed.file_size = zipfile.ZIP_STORED, member.compress_size
    del packed.CRC  # that of the unpacked bytes
    with archive.open(packed) as file:
        data = file.read(most)
    if member.compress_type == zipfile.ZIP_BZIP2:
        return bz2.BZ2Decompressor().decompress(data, most)
    # Version and length have two bytes each, the properties five; behind them, a ``.lzma`` file has its size or -1.
    alone = data[4:9] + b"\xff" * 8 + data[9:]
    return lzma.LZMADecompressor(lzma.FORMAT_ALONE, _MAX_LZMA_MEMORY).decompress(alone, most)


def list_tar(source: RangeReader, *, most: int = MAX_MEMBERS) -> ArchiveMembers:
    """Return the first members of an uncompressed tar archive; its headers are spread over the file.

    Raises:
        Malformed: it is not a tar archive, or its first headers have more than 24 MiB.
    """
    file = SeekableFile(source, "tar archive", most_read=_MAX_HEADER, most=_MAX_HEADERS)
    found: list[ArchiveMember] = []
    left = _MAX_NAMES
    for it in within_time(read_headers(file)):
        found.append(ArchiveMember(it.name, it.size, None, it.is_folder))
        left -= len(it.name)
        if len(found) > most or left <= 0:
            break
    is_complete = len(found) <= most and left > 0 and not is_out_of_time()
    return ArchiveMembers(tuple(found[:most]), is_complete)


def _open_zip(source: RangeReader, most: int) -> zipfile.ZipFile:
    """Open an archive whose directory has at most so many bytes; of each, about ten become objects in memory."""
    try:
        return zipfile.ZipFile(cast("IO[bytes]", SeekableFile(source, "zip archive", most_read=most)))
    except (zipfile.BadZipFile, struct.error, ValueError, OverflowError, NotImplementedError) as error:
        raise Malformed("zip archive", str(error)) from error

"""Lists of the members of zip and tar archives, without unpacking them."""

from __future__ import annotations

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
    source: RangeReader, suffix: str, *, most: int, most_bytes: int, most_directory: int = MAX_READ
) -> Iterator[tuple[str, bytes]]:
    """Yield the beginnings of those members of a zip archive whose name ends with ``suffix``.

    Args:
        most: members at most.
        most_bytes: bytes of one member at most, unpacked.
        most_directory: bytes of the directory at most; a megabyte of it takes a tenth of a second.

    Raises:
        Malformed: it is not a zip archive, its directory is larger, or a member cannot be unpacked.
    """
    with _open_zip(source, most_directory) as archive:
        wanted = [it for it in archive.infolist() if it.filename.endswith(suffix)]
        for it in wanted[:most]:
            try:
                with archive.open(it) as member:
                    yield it.filename, member.read(most_bytes)
            except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError) as error:
                raise Malformed(
                    "zip archive", f"the member {it.filename[:100]!r} cannot be unpacked: {error}"
                ) from error


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

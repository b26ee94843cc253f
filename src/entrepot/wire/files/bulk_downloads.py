"""Many small files in one answer: a line of JSON that names them, then their bytes, one behind the other.

An extension of this hub's own, described in ``docs/compatibility.md``. The
line ends in a newline, which JSON never holds raw; sizes in it say where each
file begins and ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from entrepot.errors import Malformed

MEDIA_TYPE = "application/vnd.entrepot.contents"

MAX_PATHS = 1_000
"""Most paths in one question."""

MAX_FILE = 1 << 20
"""Largest file that is sent this way, in bytes."""

MAX_BYTES = 8 << 20
"""Most bytes of content in one answer."""


class BulkDownloadRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Which files are wanted, by their paths."""

    paths: list[str]


class BulkDownloadFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file of the answer; ``etag`` is the SHA-256 of large files, else the git object id."""

    path: str
    size: int
    etag: str


class BulkDownloadHeader(msgspec.Struct, frozen=True, kw_only=True):
    """The line before the bytes; ``left`` are the paths that have to be fetched one by one."""

    commit: str
    files: list[BulkDownloadFile]
    left: list[str]


def encode_contents(head: BulkDownloadHeader, contents: Sequence[bytes]) -> bytes:
    """The whole answer.

    Args:
        contents: of ``head.files``, in their order and of their sizes.
    """
    return b"".join((msgspec.json.encode(head), b"\n", *contents))


def read_contents(body: bytes) -> tuple[BulkDownloadHeader, Iterator[tuple[BulkDownloadFile, bytes]]]:
    """An answer, taken apart.

    Returns:
        The head, and each file with its bytes, in the order of the answer.

    Raises:
        Malformed: it is none, or it was cut; nothing has been given out then.
    """
    line, newline, rest = body.partition(b"\n")
    try:
        head = msgspec.json.decode(line, type=BulkDownloadHeader)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Malformed("answer with contents", str(error)) from None
    if not newline or any(file.size < 0 for file in head.files):
        raise Malformed("answer with contents", "its first line does not end, or tells a negative size")
    announced = sum(file.size for file in head.files)
    if announced != len(rest):
        raise Malformed("answer with contents", f"{announced:,} bytes announced, {len(rest):,} received")
    return head, _cut(head.files, rest)


def _cut(files: Sequence[BulkDownloadFile], data: bytes) -> Iterator[tuple[BulkDownloadFile, bytes]]:
    at = 0
    for file in files:
        yield file, data[at : at + file.size]
        at += file.size

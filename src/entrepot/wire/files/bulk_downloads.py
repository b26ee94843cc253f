"""Several small files in one response: a line of JSON that lists them, then their contents, concatenated.

An extension of this hub, described in ``docs/compatibility.md``. The line ends
in a newline, which JSON never contains unescaped; the sizes in it determine
where each file begins and ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from entrepot.errors import Malformed

MEDIA_TYPE = "application/vnd.entrepot.contents"

MAX_PATHS = 1_000
"""Maximum number of paths in one request."""

MAX_FILE = 1 << 20
"""Maximum size of a file in a bulk download, in bytes."""

MAX_BYTES = 8 << 20
"""Maximum number of content bytes in one response."""


class BulkDownloadRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The paths of the requested files."""

    paths: list[str]


class BulkDownloadFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file of the response; ``etag`` is the SHA-256 of a large file, else the git object id."""

    path: str
    size: int
    etag: str


class BulkDownloadHeader(msgspec.Struct, frozen=True, kw_only=True):
    """The line before the contents; ``left`` lists the paths that the client must download one by one."""

    commit: str
    files: list[BulkDownloadFile]
    left: list[str]


def encode_contents(head: BulkDownloadHeader, contents: Sequence[bytes]) -> bytes:
    """Return the whole response body.

    Args:
        contents: the contents of ``head.files``, in the same order; lengths equal the sizes.
    """
    return b"".join((msgspec.json.encode(head), b"\n", *contents))


def read_contents(body: bytes) -> tuple[BulkDownloadHeader, Iterator[tuple[BulkDownloadFile, bytes]]]:
    """Parse a response body.

    Returns:
        The header, and each file with its content, in the order of the response.

    Raises:
        Malformed: the body is invalid or truncated; no file is returned.
    """
    line, newline, rest = body.partition(b"\n")
    try:
        head = msgspec.json.decode(line, type=BulkDownloadHeader)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Malformed("answer with contents", str(error)) from None
    if not newline or any(file.size < 0 for file in head.files):
        raise Malformed("answer with contents", "its first line does not end, or states a negative size")
    announced = sum(file.size for file in head.files)
    if announced != len(rest):
        raise Malformed("answer with contents", f"{announced:,} bytes announced, {len(rest):,} received")
    return head, _cut(head.files, rest)


def _cut(files: Sequence[BulkDownloadFile], data: bytes) -> Iterator[tuple[BulkDownloadFile, bytes]]:
    at = 0
    for file in files:
        yield file, data[at : at + file.size]
        at += file.size

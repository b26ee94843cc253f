"""Many small large files in one request: a line of JSON that names them, then their bytes, one behind the other.

An extension of this hub's own, described in ``docs/compatibility.md``; the
way up to what ``wire/files/bulk_downloads.py`` is on the way down.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec

from entrepot.errors import Malformed

MEDIA_TYPE = "application/vnd.entrepot.files"

MAX_FILES = 1_000
"""Most files in one request."""

MAX_FILE = 1 << 20
"""Largest file that is taken this way, in bytes."""

MAX_BYTES = 8 << 20
"""Most bytes of content in one request."""

MAX_BODY = MAX_BYTES + 256 * MAX_FILES
"""Longest request, with its line of JSON."""


class BulkUploadFile(msgspec.Struct, frozen=True):
    """One file of the request; ``sha256`` is that of its content, in lower-case hex digits."""

    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    size: Annotated[int, msgspec.Meta(ge=1)]


class BulkUploadHeader(msgspec.Struct, frozen=True):
    """The line before the bytes."""

    files: list[BulkUploadFile]


class BulkUploadResponse(msgspec.Struct, frozen=True):
    """The SHA-256 of each file that the repository may use now."""

    stored: list[str]


_HEADS = msgspec.json.Decoder(BulkUploadHeader)


def encode_delivery(files: Sequence[BulkUploadFile], contents: Sequence[bytes]) -> bytes:
    """The whole request.

    Args:
        contents: of ``files``, in their order and of their sizes.
    """
    return b"".join((msgspec.json.encode(BulkUploadHeader(list(files))), b"\n", *contents))


def read_delivery(body: bytes) -> list[tuple[BulkUploadFile, memoryview]]:
    """A request, taken apart: each file with its bytes, which are not copied.

    Raises:
        Malformed: it is none, or not as long as its first line says.
    """
    end = body.find(b"\n")
    if end < 0:
        raise Malformed("delivery", "its first line does not end")
    try:
        head = _HEADS.decode(memoryview(body)[:end])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed("delivery", str(error)) from None
    announced, received = sum(file.size for file in head.files), len(body) - end - 1
    if announced != received:
        raise Malformed("delivery", f"{announced:,} bytes announced, {received:,} received")
    view, at = memoryview(body), end + 1
    found = []
    for file in head.files:
        found.append((file, view[at : at + file.size]))
        at += file.size
    return found

"""Several small LFS files in one request: a line of JSON that lists them, then their contents, concatenated.

An extension of this hub, described in ``docs/compatibility.md``; the
counterpart of ``wire/files/bulk_downloads.py`` for uploads.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec

from entrepot.errors import Malformed

MEDIA_TYPE = "application/vnd.entrepot.files"

MAX_FILES = 1_000
"""Maximum number of files in one request."""

MAX_FILE = 1 << 20
"""Maximum size of a file in a bulk upload, in bytes."""

MAX_BYTES = 8 << 20
"""Maximum number of content bytes in one request."""

MAX_BODY = MAX_BYTES + 256 * MAX_FILES
"""Maximum size of a request in bytes, including its line of JSON."""


class BulkUploadFile(msgspec.Struct, frozen=True):
    """One file of the request; ``sha256`` is the hash of its content, in lower-case hex digits."""

    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    size: Annotated[int, msgspec.Meta(ge=1)]


class BulkUploadHeader(msgspec.Struct, frozen=True):
    """The line before the contents."""

    files: list[BulkUploadFile]


class BulkUploadResponse(msgspec.Struct, frozen=True):
    """The SHA-256 of each file that commits to the repository may now reference."""

    stored: list[str]


_HEADS = msgspec.json.Decoder(BulkUploadHeader)


def encode_upload(files: Sequence[BulkUploadFile], contents: Sequence[bytes]) -> bytes:
    """Return the whole request body.

    Args:
        contents: the contents of ``files``, in the same order; lengths equal the sizes.
    """
    return b"".join((msgspec.json.encode(BulkUploadHeader(list(files))), b"\n", *contents))


def read_upload(body: bytes) -> list[tuple[BulkUploadFile, memoryview]]:
    """Parse a request body; return each file with its content, which is not copied.

    Raises:
        Malformed: the body is invalid, or its length differs from the sizes in its first line.
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

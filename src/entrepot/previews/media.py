"""Images, audio and video in cells of tables: what they are, by their first bytes, and where in a row they lie.

A cell says of its medium only that its bytes are here, or which file of the repository it is
(:data:`EMBEDDED`, :data:`IN_REPO`); the server makes URLs of it. Its name and its stated type count for nothing.

Source: docs/dataset-viewer.md, section "Images, audio and video".
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from typing import Any

from entrepot.errors import Malformed
from entrepot.previews.images import measure_image
from entrepot.previews.sources import BytesRangeReader

KINDS = frozenset({"Image", "Audio", "Video"})
"""Features whose cells are media."""

EMBEDDED = "embedded:"
"""Begins the ``src`` of a medium whose bytes are in the cell; its media type follows."""

IN_REPO = "file:"
"""Begins the ``src`` of a medium that is a file; its path follows."""

UNKNOWN = "application/octet-stream"
"""The media type of what a browser must not show."""

MAX_MEDIUM = 32 << 20
"""Bytes of a medium that are read from a cell."""

MAX_PARTS = 32
"""Steps from a cell to a medium within it."""

_MAX_PATH = 1_000
_BY_ENDING = {
    ".wav": "audio/wav",
    ".mp3": "audio/mpeg",
    ".ogg": "audio/ogg",
    ".opus": "audio/ogg",
    ".flac": "audio/flac",
    ".m4a": "audio/mp4",
}


def media_type(data: bytes) -> str:
    """Return the type of media by their first bytes; :data:`UNKNOWN` if a browser must not show them.

    Formats that can contain scripts are never known.
    """
    try:
        return f"image/{measure_image(BytesRangeReader(data)).format}"
    except Malformed:
        pass
    head = data[:16]
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return "audio/wav"
    if head[4:8] == b"ftyp":
        return "audio/mp4" if head[8:11] == b"M4A" else "video/mp4"
    for start, kind in ((b"OggS", "audio/ogg"), (b"fLaC", "audio/flac"), (b"ID3", "audio/mpeg")):
        if head.startswith(start):
            return kind
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return "video/webm"
    is_mp3 = len(head) > 2 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0 and head[1] & 0x06
    return "audio/mpeg" if is_mp3 else UNKNOWN


def medium_of(value: object, kind: str) -> Any:  # noqa: ANN401 - JSON
    """Return the cell of a medium: its ``src`` says where it is, None if that is nowhere."""
    data, path = _parts(value)
    src, form = None, UNKNOWN
    if data:
        form = media_type(data)
        src = f"{EMBEDDED}{form}"
    elif path and len(path) <= _MAX_PATH:
        form = _BY_ENDING.get(posixpath.splitext(path)[1].lower(), UNKNOWN)
        src = f"{IN_REPO}{path}"
    if kind == "Audio":
        return [{"src": src, "type": form}]
    if kind == "Video":
        return {"src": src}
    try:
        size = measure_image(BytesRangeReader(data or b""))
    except Malformed:
        return {"src": src, "height": None, "width": None}
    return {"src": src, "height": size.height, "width": size.width}


def is_medium(value: object, kind: object) -> bool:
    """Return whether a value of a table, in a column of a feature's type, is a medium."""
    return kind in KINDS and isinstance(value, Mapping | bytes | str)


def bytes_at(value: object, parts: Sequence[str]) -> bytes | None:
    """Return the bytes of a medium within a cell; None if there are none.

    Args:
        parts: the names of fields and the indices in lists that lead to it.
    """
    for part in parts:
        if isinstance(value, Mapping):
            value = value.get(part)
        elif isinstance(value, list) and part.isascii() and part.isdecimal() and len(part) < 10:
            value = value[int(part)] if int(part) < len(value) else None
        else:
            return None
    return _parts(value)[0]


def leave_out_bytes(value: Any) -> Any:  # noqa: ANN401 - any value of a table
    """Return a value in which the bytes of media (as ``datasets`` stores them) are replaced by their size and type."""
    if isinstance(value, list):
        return [leave_out_bytes(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    data = value.get("bytes")
    if value.keys() == {"bytes", "path"} and isinstance(data, bytes):
        return {**value, "bytes": f"{len(data):,} bytes of {media_type(data)}, left out"}
    return {name: leave_out_bytes(item) for name, item in value.items()}


def _parts(value: object) -> tuple[bytes | None, str | None]:
    """Return the bytes and the path of a medium; None for what it does not have."""
    if isinstance(value, bytes):
        return value, None
    if isinstance(value, str):
        return None, value
    if not isinstance(value, Mapping):
        return None, None
    data, path = value.get("bytes"), value.get("path")
    return data if isinstance(data, bytes) else None, path if isinstance(path, str) else None

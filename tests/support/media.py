"""Images and audio clips of a few bytes."""

from __future__ import annotations

import io
import json
import struct
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq


def png(width: int = 3, height: int = 2, shade: int = 0) -> bytes:
    """Return a grey picture."""
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = zlib.compress((b"\0" + bytes([shade]) * width) * height)
    parts = ((b"IHDR", head), (b"IDAT", pixels), (b"IEND", b""))
    chunks = [_chunk(kind, data) for kind, data in parts]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def wav(samples: int = 8) -> bytes:
    """Return silence."""
    form = struct.pack("<IHHIIHH", 16, 1, 1, 8000, 8000, 1, 8)
    body = b"WAVEfmt " + form + b"data" + struct.pack("<I", samples) + b"\x80" * samples
    return b"RIFF" + struct.pack("<I", len(body)) + body


def media_table(features: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Return a Parquet file of media, as ``datasets`` writes it: values have ``bytes`` and ``path``, also in lists."""
    medium = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    fields = [
        pa.field(name, medium if "feature" not in kind and "_type" in kind else pa.list_(medium))
        for name, kind in features.items()
    ]
    told = {"huggingface": json.dumps({"info": {"features": features}})}
    target = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(list(rows), schema=pa.schema(fields, metadata=told)), target)
    return target.getvalue()

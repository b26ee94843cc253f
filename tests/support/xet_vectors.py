"""Recorded uploads of a Xet client; ``origins`` in ``vectors.json`` gives their sources."""

from __future__ import annotations

import base64
import hashlib
import json
import pathlib
import struct
from collections.abc import Callable
from functools import cached_property
from typing import Any

import attrs

VECTORS = json.loads((pathlib.Path(__file__).parents[1] / "xet" / "vectors.json").read_text(encoding="utf-8"))


def stream(tag: bytes, size: int) -> bytes:
    """Return incompressible bytes: the concatenated digests of a tag and a counter."""
    blocks = (hashlib.sha256(tag + struct.pack("<Q", number)).digest() for number in range(size // 32 + 1))
    return b"".join(blocks)[:size]


CONTENTS: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "a": lambda: b"a",
    "hello": lambda: b"Hello World!",
    "bytes1024": lambda: bytes(range(256)) * 4,
    "zeros_8191": lambda: bytes(8191),
    "zeros_131072": lambda: bytes(131072),
    "zeros_131073": lambda: bytes(131073),
    "zeros_300000": lambda: bytes(300000),
    "sha_stream_1000000": lambda: stream(b"xet", 1_000_000),
    "sha_stream_1000000_ins1": lambda: b"!" + stream(b"xet", 1_000_000),
    "text_20000": lambda: "".join(f"line {i:08} of a deterministic text file\n" for i in range(20000)).encode(),
    "f32_ramp_100000": lambda: b"".join(struct.pack("<f", 0.001 * i) for i in range(100_000)),
    "bf16ish_200000": lambda: b"".join(bytes([c, 0x3C + (c >> 7)]) for c in stream(b"bf16", 200_000)),
}


class Upload:
    """One recorded upload of a client: the file, its chunks, its xorbs and its shard."""

    def __init__(self, vector: dict[str, Any]) -> None:
        self.name: str = vector["name"]
        self.vector = vector
        self.file_hash: str = vector["file_hash"]
        self.lengths: list[int] = [chunk["length"] for chunk in vector["file_chunks"]]
        self.shard: bytes = base64.b64decode(vector["shard"]["base64"])
        self.xorbs = [Sent(xorb) for xorb in vector["xorbs"]]

    @cached_property
    def content(self) -> bytes:
        content = CONTENTS[self.name]()
        assert hashlib.sha256(content).hexdigest() == self.vector["sha256"]
        return content


class Sent:
    """One recorded xorb of a client; ``data`` is None if it is too long to store."""

    def __init__(self, vector: dict[str, Any]) -> None:
        self.hash: str = vector["xorb_hash"]
        self.data = base64.b64decode(vector["serialized_base64"]) if "serialized_base64" in vector else None
        self.sha256: str = vector["serialized_sha256"]
        self.size: int = vector["serialized_len"]
        self.ends: list[int] = [chunk["serialized_end"] for chunk in vector["chunks"]]
        self.lengths: list[int] = [chunk["length"] for chunk in vector["chunks"]]
        self.schemes: list[int] = [chunk["scheme"] for chunk in vector["chunks"]]
        self.hashes: list[str] = [chunk["hash"] for chunk in vector["chunks"]]


UPLOADS = {case["name"]: Upload(case) for case in VECTORS["end_to_end"]["cases"]}


@attrs.frozen
class Damage:
    """One way to damage bytes; the test decides how hypothesis draws it."""

    at: float
    value: int
    kept: float

    def of(self, data: bytes) -> bytes:
        spoilt = bytearray(data)
        if spoilt:
            spoilt[int(self.at * (len(spoilt) - 1))] ^= self.value
        return bytes(spoilt[: round(len(spoilt) * self.kept)])

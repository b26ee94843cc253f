from __future__ import annotations

import hashlib
import random
from itertools import pairwise

import attrs
import pytest

from entrepot.errors import BlobUnreadable
from entrepot.hub.files import content_chunks
from entrepot.xet import chunk_ends, chunk_hash


@attrs.define
class Bytes:
    """A content in memory, which may be shorter than it says."""

    data: bytes
    size: int = attrs.field(default=attrs.Factory(lambda self: len(self.data), takes_self=True))

    def read_at(self, offset: int, length: int) -> bytes:
        return self.data[offset : offset + length]

    def close(self) -> None:
        pass


@pytest.mark.parametrize("size", [0, 1, 8192, 131_072, 131_073, 1 << 20, (1 << 20) + 1, 3_500_000])
@pytest.mark.parametrize("kind", ["noise", "zeros"])
def test_the_chunks_are_those_of_the_whole_content(kind: str, size: int) -> None:
    data = random.Random(size).randbytes(size) if kind == "noise" else bytes(size)
    digest = hashlib.sha256()
    found = [chunk for part in content_chunks.content_chunks(Bytes(data), digest) for chunk in part]
    ends = chunk_ends(data)
    expected = [(chunk_hash(data[start:end]), start, end - start) for start, end in pairwise([0, *ends])]
    assert found == expected
    assert digest.digest() == hashlib.sha256(data).digest()


def test_segments_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content_chunks, "_SEGMENT", 10)
    found = list(content_chunks.content_chunks(Bytes(bytes(4 << 20)), hashlib.sha256()))
    assert [len(part) for part in found if part] == [16, 16]


def test_a_content_that_ends_early_is_unreadable() -> None:
    with pytest.raises(BlobUnreadable, match="it ends at"):
        list(content_chunks.content_chunks(Bytes(bytes(1000), size=2000), hashlib.sha256()))

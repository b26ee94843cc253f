"""Reads the chunks of a stored content in one pass, with little memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

from entrepot.storage.contents import Content, fill
from entrepot.xet import MAX_CHUNK_BYTES, Chunker, chunk_hash

_PIECE = 1 << 20
_SEGMENT = 65_536


class StreamHasher(Protocol):
    """Hashes pieces as they are read."""

    def update(self, data: memoryview, /) -> None:
        """Hash the next piece."""


class ContentChunk(NamedTuple):
    """A chunk of a content: its raw hash, and its position."""

    raw: bytes
    offset: int
    length: int


def content_chunks(content: Content, digest: StreamHasher) -> Iterator[list[ContentChunk]]:
    """Yield the chunks of a content in order, some gigabytes at a time, and an empty list after each piece read.

    Args:
        digest: hashes all of the content.

    Raises:
        BlobUnreadable: the content cannot be read, or is shorter than it says.
    """
    chunker, segment = Chunker(), list[ContentChunk]()
    # One buffer for the whole content: pieces that are freed and allocated again would be faulted in each time.
    buffer = memoryview(bytearray(min(content.size, _PIECE) + MAX_CHUNK_BYTES))
    start = held = 0  # the offset of the first byte in the buffer, and the number of bytes that wait for their end
    for offset in range(0, content.size, _PIECE):
        piece = buffer[held : held + min(_PIECE, content.size - offset)]
        fill(content, offset, piece)
        digest.update(piece)
        ends = chunker.feed(piece)
        if offset + len(piece) >= content.size:
            ends += chunker.finish()
        base, filled = start, held + len(piece)
        for end in ends:
            raw = chunk_hash(buffer[start - base : end - base])
            segment.append(ContentChunk(raw, start, end - start))
            start = end
        held = filled - (start - base)
        buffer[:held] = bytes(buffer[start - base : filled])
        if len(segment) >= _SEGMENT:
            yield segment
            segment = []
        else:
            yield []
    if segment:
        yield segment

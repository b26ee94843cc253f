"""Readers of objects: sequential reads use long requests, reads of chunks use the cache."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from entrepot.blobs.resources import Closing
from entrepot.blobs.s3.block_cache import BLOCK, BlockCache
from entrepot.blobs.s3.buckets import ObjectStream, S3Bucket, S3ObjectStat
from entrepot.errors import StoreUnavailable

_FIRST_WINDOW = 1 << 20
_WINDOW_GROWTH = 8
"""How much longer the next request is: few requests for a whole file, little to send for one that is abandoned."""
_LONGEST_WINDOW = 64 << 20
_SINGLE = 1 << 20
_LEAST_PIECE = 256 << 10


class S3Reader(Closing):
    """A reader of one object; threads may share it.

    Args:
        cache: where blocks of the object are kept; None: it is read once, in order, as files are.
    """

    def __init__(self, bucket: S3Bucket, found: S3ObjectStat, cache: BlockCache | None) -> None:
        self._bucket = bucket
        self._found = found
        self._cache = cache
        self._lock = threading.Lock()
        self._held: bytes | memoryview = b""
        self._held_at = 0
        self._source: ObjectStream | None = None
        self._window = 0
        self._is_open = True

    @property
    def size(self) -> int:
        """The number of bytes under the key."""
        return self._found.size

    def read_at(self, offset: int, length: int) -> bytes:
        """Return up to ``length`` bytes from ``offset``; fewer only at the end of the blob.

        Raises:
            ValueError: the offset or length is negative, or the reader is closed.
            BlobMissing, BlobUnreadable, StoreUnavailable: the store cannot read them.
        """
        stop = self._check(offset, length)
        if stop <= offset:
            return b""
        if self._cache is not None:
            return self._read_cached(self._cache, offset, stop)
        with self._lock:
            return self._read_ahead(offset, stop)

    def stream(self, offset: int, length: int) -> Iterator[bytes]:
        """Yield the same bytes as :meth:`read_at`, in pieces of several megabytes, each one request.

        Raises:
            As :meth:`read_at`.
        """
        stop = self._check(offset, length)
        return self._pieces(offset, stop)

    def close(self) -> None:
        """Release the bytes; idempotent."""
        self._is_open = False
        self._held, self._source = b"", None

    def _pieces(self, offset: int, stop: int) -> Iterator[bytes]:
        for at in range(offset, stop, BLOCK):
            self._check(at, 0)
            yield bytes(self._bucket.read(self._found.key, at, min(stop, at + BLOCK)))

    def _check(self, offset: int, length: int) -> int:
        if not self._is_open:
            raise ValueError("the reader is closed")
        if offset < 0 or length < 0:
            raise ValueError(f"cannot read {length} bytes at {offset}")
        return min(offset + length, self._found.size)

    def _read_ahead(self, offset: int, stop: int) -> bytes:
        """Return bytes from memory, or from a request, which is longer each time if they are read in order."""
        begin, pieces = self._held_at, list[bytes | memoryview]()
        if begin <= offset < begin + len(self._held):
            pieces.append(memoryview(self._held)[offset - begin : stop - begin])
            offset += len(pieces[0])
        while offset < stop:
            self._held, self._held_at = self._piece_at(offset, stop), offset
            pieces.append(self._held if len(self._held) <= stop - offset else memoryview(self._held)[: stop - offset])
            offset += len(pieces[-1])
        return bytes(pieces[0]) if len(pieces) == 1 else b"".join(pieces)  # no copy if that is all bytes of a request

    def _piece_at(self, offset: int, stop: int) -> bytes | memoryview:
        """Return bytes that begin at an offset, from the request that is under way, or from a new one."""
        end = self._held_at + len(self._held)
        length = max(stop - offset, _LEAST_PIECE)
        if self._source is not None and offset == end:
            try:
                piece = self._source.read(length)
            except StoreUnavailable:  # slow peers keep requests open for longer than stores may like: begin another one
                piece = b""
            if piece:
                return piece
        self._source = None
        is_in_order = bool(end) and offset == end
        self._window = min(max(self._window * _WINDOW_GROWTH, _FIRST_WINDOW), _LONGEST_WINDOW) if is_in_order else 0
        until = min(max(stop, offset + self._window), self._found.size)
        if until - offset <= _SINGLE:
            return self._bucket.read(self._found.key, offset, until)
        self._source = self._bucket.stream(self._found.key, offset, until)
        return self._source.read(length)

    def _read_cached(self, cache: BlockCache, offset: int, stop: int) -> bytes:
        pieces: list[bytes | memoryview] = []
        for number in range(offset // BLOCK, (stop - 1) // BLOCK + 1):
            begin, end = number * BLOCK, min(self._found.size, (number + 1) * BLOCK)
            first, last = max(offset, begin) - begin, min(stop, end) - begin
            # The version is part of the name: bytes that were repaired under the same key are other bytes.
            name = f"{self._found.key} {self._found.version} {number}"
            piece: bytes | memoryview | None = cache.find(name, first, last)
            if piece is None:
                block = self._bucket.read(self._found.key, begin, end)
                cache.put(name, block)
                piece = block[first:last]
            pieces.append(piece)
        return bytes(pieces[0]) if len(pieces) == 1 else b"".join(pieces)

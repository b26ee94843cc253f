"""Integrity of downloaded bytes: SHA-256 for large files, git blob id for all others."""

from __future__ import annotations

import contextlib
import hashlib
import os
import queue
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from entrepot.errors import DownloadDamaged
from entrepot.names import is_oid, is_sha256

PIECE = 256 << 10
"""Buffer size in bytes for receiving, writing and hashing: small enough to stay in the CPU's cache."""

_SPACES = 4
_THREAD_FROM = 8 << 20


class StreamDigest(Protocol):
    """A digest of a stream of bytes."""

    def update(self, data: bytes | memoryview, /) -> object:
        """Add the next bytes."""

    def hexdigest(self) -> str:
        """Return the digest of all bytes so far, in hex."""


class BufferDigest(Protocol):
    """A digest that also provides the buffers in which bytes are received."""

    def space(self) -> memoryview:
        """Return a buffer of ``PIECE`` bytes; pass it to :meth:`update` when filled, and do not use it afterwards."""

    def update(self, data: bytes | memoryview, /) -> object:
        """Add the next bytes: any bytes, or the beginning of a :meth:`space`, which may be empty."""


class _NoDigest:
    """Stands in for tags that are not derived from the content: only the length can be checked."""

    def __init__(self, tag: str) -> None:
        self._tag = tag

    def update(self, data: bytes | memoryview, /) -> None:
        pass

    def hexdigest(self) -> str:
        return self._tag


def names_content(etag: str) -> bool:
    """Return whether a tag is derived from the content: a SHA-256 or a git blob id."""
    return is_oid(etag) or is_sha256(etag)


def digest_of(etag: str, size: int | None) -> StreamDigest:
    """Return a digest whose result must be ``etag`` if the content is intact.

    Args:
        etag: 64 hex digits are a SHA-256, 40 hex digits a git blob id;
            other tags cannot be checked.
        size: size of the whole content in bytes, part of a git blob id; None: unknown.
    """
    if is_sha256(etag):
        return hashlib.sha256()
    if is_oid(etag) and size is not None:
        return hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
    return _NoDigest(etag)


def is_intact(data: bytes, etag: str) -> bool:
    """Return whether the bytes match the tag."""
    digest = digest_of(etag, len(data))
    digest.update(data)
    return digest.hexdigest() == etag


def etag_of(path: Path, like: str) -> str:
    """Return the tag of a local file, of the same kind as the tag ``like``.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb", buffering=0) as file:
        digest = digest_of(like, os.fstat(file.fileno()).st_size)
        while piece := file.read(PIECE):
            digest.update(piece)
    return digest.hexdigest()


def check(what: str, etag: str, received: StreamDigest) -> None:
    """Check the digest of received content.

    Raises:
        DownloadDamaged: the digest is not the expected tag.
    """
    found = received.hexdigest()
    if found != etag:
        raise DownloadDamaged(what, etag, found)


@contextlib.contextmanager
def hashed_in_thread(digest: StreamDigest, size: int | None) -> Iterator[BufferDigest]:
    """Update the digest in a separate thread inside the ``with``, to overlap hashing with receiving.

    Call ``hexdigest`` of ``digest`` itself, and only after the ``with``. Small
    content is hashed in the calling thread, because a thread costs more.
    """
    if size is not None and size < _THREAD_FROM:
        yield _InlineDigest(digest, size)
        return
    aside = _ThreadDigest(digest)
    try:
        yield aside
    finally:
        aside.finish()


class _InlineDigest:
    """Updates the digest in the calling thread, with a single buffer."""

    def __init__(self, digest: StreamDigest, size: int) -> None:
        self._space = memoryview(bytearray(min(PIECE, size + 1)))
        self.update = digest.update

    def space(self) -> memoryview:
        return self._space


class _ThreadDigest:
    """A thread that updates a digest."""

    def __init__(self, digest: StreamDigest) -> None:
        self._digest = digest
        self._waiting: queue.Queue[bytes | memoryview | None] = queue.Queue(maxsize=_SPACES)
        self._free: queue.Queue[memoryview] = queue.Queue()
        for _ in range(_SPACES):
            self._free.put(memoryview(bytearray(PIECE)))
        self._thread = threading.Thread(target=self._feed, name="hashing", daemon=True)
        self._thread.start()

    def space(self) -> memoryview:
        return self._free.get()

    def update(self, data: bytes | memoryview, /) -> None:
        self._waiting.put(data)

    def finish(self) -> None:
        self._waiting.put(None)
        self._thread.join()

    def _feed(self) -> None:
        while (data := self._waiting.get()) is not None:
            self._digest.update(data)
            if isinstance(data, memoryview):
                self._free.put(memoryview(data.obj))

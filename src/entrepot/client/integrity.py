"""Whether bytes are those that a repository names: by SHA-256 for large files, by git id for all others."""

from __future__ import annotations

import contextlib
import hashlib
import os
import queue
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from entrepot.errors import DownloadDamaged

PIECE = 256 << 10
"""Bytes that are received, written and hashed at once: small enough to stay in the CPU's cache meanwhile."""

_SPACES = 4
_ASIDE_FROM = 8 << 20
_GIT_ID = re.compile(r"[0-9a-f]{40}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class StreamDigest(Protocol):
    """Bytes on their way, being summed up."""

    def update(self, data: bytes | memoryview, /) -> object:
        """Take the next bytes."""

    def hexdigest(self) -> str:
        """The sum of all bytes so far, in hex."""


class BufferDigest(Protocol):
    """A digest that also lends the memory in which bytes are received."""

    def space(self) -> memoryview:
        """``PIECE`` bytes to be filled, and then to be given to :meth:`update`, which ends the loan."""

    def update(self, data: bytes | memoryview, /) -> object:
        """Take the next bytes: any, or the beginning of a :meth:`space`, however little of it."""


class _NoDigest:
    """For tags that say nothing about the content: nothing can be checked but the length."""

    def __init__(self, tag: str) -> None:
        self._tag = tag

    def update(self, data: bytes | memoryview, /) -> None:
        pass

    def hexdigest(self) -> str:
        return self._tag


def names_content(etag: str) -> bool:
    """Whether a tag is made of the content: a SHA-256 or a git id."""
    return _GIT_ID.fullmatch(etag) is not None or _SHA256.fullmatch(etag) is not None


def digest_of(etag: str, size: int | None) -> StreamDigest:
    """What sums up content so that the result must be ``etag``.

    Args:
        etag: 64 hex digits, the SHA-256; 40 hex digits, the id git gives the
            content; anything else cannot be checked.
        size: of the whole content, which a git id includes; None: unknown.
    """
    if _SHA256.fullmatch(etag):
        return hashlib.sha256()
    if _GIT_ID.fullmatch(etag) and size is not None:
        return hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
    return _NoDigest(etag)


def is_intact(data: bytes, etag: str) -> bool:
    """Whether these are the bytes that the tag names."""
    digest = digest_of(etag, len(data))
    digest.update(data)
    return digest.hexdigest() == etag


def etag_of(path: Path, like: str) -> str:
    """The tag of a local file, made in the way in which another one was made.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb", buffering=0) as file:
        digest = digest_of(like, os.fstat(file.fileno()).st_size)
        while piece := file.read(PIECE):
            digest.update(piece)
    return digest.hexdigest()


def check(what: str, etag: str, received: StreamDigest) -> None:
    """Refuse content that is not what was promised.

    Raises:
        DownloadDamaged: it has another digest.
    """
    found = received.hexdigest()
    if found != etag:
        raise DownloadDamaged(what, etag, found)


@contextlib.contextmanager
def summed_aside(digest: StreamDigest, size: int | None) -> Iterator[BufferDigest]:
    """The digest, fed in a thread of its own inside the ``with``, so that hashing and receiving overlap.

    ``hexdigest`` may be asked for after the ``with`` only, of ``digest``
    itself. Small content is summed up on the spot: a thread costs more.
    """
    if size is not None and size < _ASIDE_FROM:
        yield _Here(digest, size)
        return
    aside = _Aside(digest)
    try:
        yield aside
    finally:
        aside.finish()


class _Here:
    """Sums up at once, so that one space is enough."""

    def __init__(self, digest: StreamDigest, size: int) -> None:
        self._space = memoryview(bytearray(min(PIECE, size + 1)))
        self.update = digest.update

    def space(self) -> memoryview:
        return self._space


class _Aside:
    """A thread that feeds a digest."""

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

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

PIECE = 1 << 20
_ASIDE_FROM = 8 << 20
_GIT_ID = re.compile(r"[0-9a-f]{40}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Digest(Protocol):
    """Bytes on their way, being summed up."""

    def update(self, data: bytes, /) -> object:
        """Take the next bytes."""

    def hexdigest(self) -> str:
        """The sum of all bytes so far, in hex."""


class _NoDigest:
    """For tags that say nothing about the content: nothing can be checked but the length."""

    def __init__(self, tag: str) -> None:
        self._tag = tag

    def update(self, data: bytes, /) -> None:
        pass

    def hexdigest(self) -> str:
        return self._tag


def names_content(etag: str) -> bool:
    """Whether a tag is made of the content: a SHA-256 or a git id."""
    return _GIT_ID.fullmatch(etag) is not None or _SHA256.fullmatch(etag) is not None


def digest_of(etag: str, size: int | None) -> Digest:
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


def check(what: str, etag: str, received: Digest) -> None:
    """Refuse content that is not what was promised.

    Raises:
        DownloadDamaged: it has another digest.
    """
    found = received.hexdigest()
    if found != etag:
        raise DownloadDamaged(what, etag, found)


@contextlib.contextmanager
def summed_aside(digest: Digest, size: int | None) -> Iterator[Digest]:
    """The digest, fed in a thread of its own inside the ``with``, so that hashing and receiving overlap.

    ``hexdigest`` may be asked for after the ``with`` only, of ``digest``
    itself. Small content is summed up on the spot: a thread costs more.
    """
    if size is not None and size < _ASIDE_FROM:
        yield digest
        return
    aside = _Aside(digest)
    try:
        yield aside
    finally:
        aside.finish()


class _Aside:
    """A thread that feeds a digest, a megabyte at a time: handing over costs more than hashing a small piece."""

    def __init__(self, digest: Digest) -> None:
        self._digest = digest
        self._gathered: list[bytes] = []
        self._size = 0
        self._waiting: queue.Queue[list[bytes] | None] = queue.Queue(maxsize=16)
        self._thread = threading.Thread(target=self._feed, name="hashing", daemon=True)
        self._thread.start()

    def update(self, data: bytes, /) -> None:
        self._gathered.append(data)
        self._size += len(data)
        if self._size >= PIECE:
            self._hand_over()

    def hexdigest(self) -> str:
        raise RuntimeError("the digest is known when all has been fed")

    def finish(self) -> None:
        self._hand_over()
        self._waiting.put(None)
        self._thread.join()

    def _hand_over(self) -> None:
        self._waiting.put(self._gathered)
        self._gathered, self._size = [], 0

    def _feed(self) -> None:
        while (gathered := self._waiting.get()) is not None:
            self._digest.update(b"".join(gathered))

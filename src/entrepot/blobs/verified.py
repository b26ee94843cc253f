"""The verified way in: nothing becomes visible before its digest is proven.

Stores trust what they are given, so that they stay small; whoever receives
bytes from outside goes through here.
"""

from __future__ import annotations

import hashlib
from types import TracebackType
from typing import Self

from entrepot.blobs.interfaces import Blobs, Sink
from entrepot.errors import ContentMismatch
from entrepot.names import Sha256


class VerifiedSink:
    """A sink that publishes only the announced bytes; it is a ``Sink`` itself."""

    def __init__(self, sink: Sink, sha256: Sha256, size: int) -> None:
        self._sink = sink
        self._sha256 = sha256
        self._size = size
        self._received = 0
        self._digest = hashlib.sha256()

    def write(self, data: bytes | memoryview) -> None:
        """Hash and append bytes; large pieces release the interpreter lock.

        Raises:
            ContentMismatch: more bytes than announced; nothing is kept.
            StoreFull, StoreUnavailable: nothing is kept.
        """
        view = memoryview(data).cast("B")
        if self._received + len(view) > self._size:
            self.discard()
            raise ContentMismatch("size", str(self._size), f"at least {self._received + len(view)}")
        self._sink.write(view)
        self._digest.update(view)
        self._received += len(view)

    def publish(self) -> bool:
        """Publish when size and digest are the announced ones; False when the key already had bytes.

        Raises:
            ContentMismatch: they are not; nothing is kept.
            StoreFull, StoreUnavailable: nothing is kept.
        """
        if self._received != self._size:
            self.discard()
            raise ContentMismatch("size", str(self._size), str(self._received))
        if self._digest.hexdigest() != self._sha256:
            self.discard()
            raise ContentMismatch("sha256", self._sha256, self._digest.hexdigest())
        return self._sink.publish()

    def discard(self) -> None:
        """Drop what was not published; may be called again, and after publish."""
        self._sink.discard()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.discard()


def receive_verified(blobs: Blobs, key: str, sha256: Sha256, size: int) -> VerifiedSink:
    """Begin to receive announced bytes, hashed once, while they arrive.

    Args:
        key: where they will be.
        sha256: their announced digest.
        size: their announced length in bytes.

    Raises:
        InvalidName: no key looks like this.
        StoreFull: there is no room for them.
    """
    return VerifiedSink(blobs.receive(key, size), sha256, size)

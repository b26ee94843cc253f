"""Verified uploads: nothing becomes visible before its digest is checked.

Stores trust the bytes they are given, which keeps them simple. Code that
receives bytes from outside uses this module.
"""

from __future__ import annotations

import hashlib

from entrepot.blobs.interfaces import Blobs, Sink
from entrepot.blobs.resources import Discarding
from entrepot.errors import ContentMismatch
from entrepot.names import Sha256


class VerifiedSink(Discarding):
    """A sink that publishes only the announced bytes; it implements ``Sink``."""

    def __init__(self, sink: Sink, sha256: Sha256, size: int) -> None:
        self._sink = sink
        self._sha256 = sha256
        self._size = size
        self._received = 0
        self._digest = hashlib.sha256()

    def write(self, data: bytes | memoryview) -> None:
        """Hash and append bytes; hashing large pieces releases the interpreter lock.

        Raises:
            ContentMismatch: there are more bytes than announced; nothing is kept.
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
        """Publish if size and digest are the announced ones; return False if the key already had bytes.

        Raises:
            ContentMismatch: size or digest is wrong; nothing is kept.
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
        """Drop unpublished bytes; idempotent, and harmless after publish."""
        self._sink.discard()


def receive_verified(blobs: Blobs, key: str, sha256: Sha256, size: int) -> VerifiedSink:
    """Begin to receive announced bytes, which are hashed while they arrive.

    Args:
        key: the key of the bytes.
        sha256: their announced digest.
        size: their announced length in bytes.

    Raises:
        InvalidName: the key is not valid.
        StoreFull: there is no space for them.
    """
    return VerifiedSink(blobs.receive(key, size), sha256, size)

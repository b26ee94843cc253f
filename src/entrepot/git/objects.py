"""Kinds and ids of git objects."""

from __future__ import annotations

import enum
import hashlib

from entrepot.errors import ContentMismatch
from entrepot.names import Oid


class Kind(enum.StrEnum):
    """The kind of a git object; the value is the word in its header."""

    COMMIT = "commit"
    TREE = "tree"
    BLOB = "blob"
    TAG = "tag"


EMPTY_TREE = Oid("4b825dc642cb6eb9a060e54bf8d69288fbee4904")
"""Id of the tree without entries. Source: ``git hash-object -t tree /dev/null``."""


def oid_of(kind: Kind, content: bytes) -> Oid:
    """Return the id of an object with this content.

    Args:
        content: without git's header.

    Source: git, Documentation/gitformat-pack.adoc and ``object-file.c``: the
    SHA-1 of ``kind SP decimal-size NUL content``.
    """
    digest = hashlib.sha1(b"%s %d\x00" % (kind.value.encode(), len(content)), usedforsecurity=False)
    digest.update(content)
    return Oid(digest.hexdigest())


class BlobHasher:
    """A hasher that computes the id of a file object incrementally.

    Args:
        size: the number of bytes, which git's header contains.
    """

    __slots__ = ("_digest", "_received", "_size")

    def __init__(self, size: int) -> None:
        self._size = size
        self._received = 0
        self._digest = hashlib.sha1(b"blob %d\x00" % size, usedforsecurity=False)

    def update(self, data: bytes | bytearray | memoryview) -> None:
        """Add the next bytes."""
        self._received += memoryview(data).nbytes
        self._digest.update(data)

    def oid(self) -> Oid:
        """Return the id of all bytes added.

        Raises:
            ContentMismatch: the number of bytes is not the announced size.
        """
        if self._received != self._size:
            raise ContentMismatch("size", str(self._size), str(self._received))
        return Oid(self._digest.hexdigest())

"""Reading of chunks: from the outbox or the bucket, verified, with other copies of a xorb as a last resort."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from entrepot.errors import ChunkMissing, ContentDamaged, ContentMismatch, LimitExceeded, Malformed
from entrepot.names import XetHash
from entrepot.workspace.stores.buckets import Data
from entrepot.workspace.stores.chunk_stores import ChunkStore
from entrepot.workspace.stores.formats.index_objects import Pack
from entrepot.workspace.stores.formats.keys import pack_key, parse_pack_key
from entrepot.workspace.stores.outbox import Outbox
from entrepot.xet import MAX_XORB_BYTES, XorbIndex, open_chunks, parse_xorb

_ATTEMPTS = 2
"""Bytes that are wrong on their way are right at the second attempt."""


class PackReader:
    """Reads chunks of packs; safe to use from several threads.

    Args:
        outbox: asked before the bucket, if there is one.
    """

    def __init__(self, store: ChunkStore, outbox: Outbox | None) -> None:
        self._store = store
        self._outbox = outbox
        self._copy_lock = threading.Lock()
        self._count_lock = threading.Lock()
        self._copy: tuple[XetHash, Data, XorbIndex] | None = None
        self.bytes_received = 0

    def read(self, pack: Pack, start: int, end: int) -> list[memoryview]:
        """Return the chunks ``start`` to ``end`` (exclusive) of a pack, each verified by its hash.

        Raises:
            ChunkMissing: no copy of the pack is there.
            ContentDamaged: every copy of the pack is damaged.
        """
        found = self._read_local(pack, start, end)
        if found is not None:
            return found
        first, last = pack.index.offset(start), pack.index.offset(end)
        key = pack_key(pack.hash, pack.layout)
        is_there = False
        for _ in range(_ATTEMPTS):
            data = self._store.bucket.read(key, first, last)
            if data is None:
                break
            is_there = True
            self._count(len(data))
            try:
                return open_chunks(data, pack.index, start, end)
            except (Malformed, ContentMismatch):
                continue
        return self._read_copy(pack, start, end, is_there=is_there)

    def _read_local(self, pack: Pack, start: int, end: int) -> list[memoryview] | None:
        data = self._outbox.open_pack(pack.hash, pack.layout) if self._outbox else None
        if data is None:
            return None
        try:
            part = memoryview(data)[pack.index.offset(start) : pack.index.offset(end)]
            return open_chunks(part, pack.index, start, end)
        except (Malformed, ContentMismatch):
            return None  # the bucket may have a good copy

    def _read_copy(self, pack: Pack, start: int, end: int, *, is_there: bool) -> list[memoryview]:
        """Read from a serialization with another layout; its positions are read from the chunks themselves."""
        key = pack_key(pack.hash, pack.layout)
        with self._copy_lock:
            if self._copy is None or self._copy[0] != pack.hash:
                self._copy = self._find_copy(pack)
            copy = self._copy
        if copy is None:
            raise ContentDamaged(self._store.storage, (key,)) if is_there else ChunkMissing(self._store.storage, (key,))
        _, data, index = copy
        return open_chunks(memoryview(data)[index.offset(start) : index.offset(end)], index, start, end)

    def _find_copy(self, pack: Pack) -> tuple[XetHash, Data, XorbIndex] | None:
        for key in find_layouts(self._store, pack.hash):
            if key == pack_key(pack.hash, pack.layout):
                continue
            try:
                found = self._store.bucket.get(key, MAX_XORB_BYTES)
                if found is not None:
                    self._count(len(found.data))
                    return pack.hash, found.data, parse_xorb(found.data, pack.hash)
            except (Malformed, ContentMismatch, LimitExceeded):
                continue
        return None

    def _count(self, size: int) -> None:
        with self._count_lock:
            self.bytes_received += size


def find_layouts(store: ChunkStore, xorb: XetHash) -> Iterator[str]:
    """Yield the keys of all serializations of a xorb.

    Raises:
        StorageRefused: the credentials may not list the bucket.
    """
    for found in store.bucket.list(pack_key(xorb, "")):
        if parse_pack_key(found.key) is not None:
            yield found.key

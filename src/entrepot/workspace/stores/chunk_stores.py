"""A chunk store: a bucket, and the folder where its indexes are cached."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterable
from pathlib import Path

from entrepot.blobs.resources import Closing
from entrepot.errors import (
    ChunkMissing,
    ContentDamaged,
    ContentMismatch,
    LimitExceeded,
    Malformed,
    RecordMissing,
    StorageUnreachable,
    StoreTooNew,
)
from entrepot.workspace.stores.buckets import Bucket
from entrepot.workspace.stores.formats.index_objects import MAX_INDEX_BYTES, IndexObject
from entrepot.workspace.stores.formats.keys import FORMAT, PROBES, index_key
from entrepot.workspace.stores.formats.records import (
    FORMAT as SUPPORTED,
)
from entrepot.workspace.stores.formats.records import (
    FoundRecord,
    StoreFormat,
    decode_json,
    encode_json,
    find_record,
)
from entrepot.workspace.stores.index_cache import IndexCache
from entrepot.workspace.stores.knowledge import Knowledge
from entrepot.workspace.stores.values import VersionRef

_SMALL = 1 << 16
_IDENTITY = "store-id"


class ChunkStore(Closing):
    """Versions in a bucket; safe to use from several threads. As a context manager it closes.

    Args:
        bucket: the objects of the store, below its prefix.
        legacy: the same bucket without prefix, where objects of the old format are.
        storage: how messages name it, for example ``s3h://data``.
        indexes: the folder of cached indexes of this very store.
        threads: transfers at the same time.
    """

    def __init__(self, bucket: Bucket, legacy: Bucket, *, storage: str, indexes: Path, threads: int) -> None:
        self.bucket = bucket
        self.legacy = legacy
        self.storage = storage
        self.threads = threads
        self.cache = IndexCache(indexes)

    @property
    def indexes(self) -> Path:
        """The folder of cached indexes of this store, for ``pack_files``; it depends on the configuration only."""
        return self.cache.folder

    def check_access(self, *, is_write: bool) -> None:
        """Check that the bucket answers and that its format is known, and, to write, that this format may be written.

        Creates ``format.json`` in an empty store if ``is_write``.

        Raises:
            StorageRefused: the credentials are refused.
            BucketMissing: the bucket does not exist.
            StoreTooNew: a newer version has written to the store.
            StorageUnreachable: the storage does not answer.
        """
        found = self._format()
        if found is None and is_write:
            self.bucket.put_new(FORMAT, encode_json(StoreFormat(SUPPORTED, str(uuid.uuid4()))))
            found = self._format()
            if found is None:
                raise StorageUnreachable(self.storage, "an object that was just written cannot be found")
        if found is not None:
            if found.format > SUPPORTED:
                raise StoreTooNew(self.storage, found.format)
            self._recognise(found.store)

    def probe(self) -> None:
        """Write, read and delete a small object; raises as :meth:`check_access`."""
        key, data = f"{PROBES}{uuid.uuid4()}", os.urandom(64)
        self.bucket.put_new(key, data)
        try:
            found = self.bucket.get(key, _SMALL)
            if found is None or bytes(found.data) != data:
                raise StorageUnreachable(self.storage, "an object that was just written cannot be read back")
        finally:
            self.bucket.delete(key)

    def find_record(self, ref: VersionRef) -> FoundRecord | None:
        """Return the root record of a version, or None if the store has none.

        Raises:
            ContentDamaged: it cannot be read.
        """
        try:
            return find_record(self.bucket, ref)
        except (Malformed, LimitExceeded) as error:
            raise ContentDamaged(self.storage, (f"the root record of {ref.name} {ref.number} ({error})",)) from error

    def get_record(self, ref: VersionRef) -> FoundRecord:
        """Return the root record of a version.

        Raises:
            RecordMissing: the store has none.
            ContentDamaged: it cannot be read.
        """
        found = self.find_record(ref)
        if found is None:
            raise RecordMissing(self.storage, f"{ref.entity_type} {ref.name} {ref.number}")
        return found

    def get_index(self, name: str) -> IndexObject:
        """Return an index, from the cache if it is there.

        Raises:
            ChunkMissing, ContentDamaged: the store does not have it, or not as it was written.
        """
        known = self.cache.find(name)
        if known is not None:
            return known
        key = index_key(name)
        try:
            found = self.bucket.get(key, MAX_INDEX_BYTES)
            if found is None:
                raise ChunkMissing(self.storage, (key,))
            return self.cache.put(name, found.data)
        except (ContentMismatch, Malformed, LimitExceeded) as error:
            self.cache.drop(name)
            raise ContentDamaged(self.storage, (key,)) from error

    def learn(self, names: Iterable[str]) -> Knowledge:
        """Return the combined content of these indexes; raises as :meth:`get_index`."""
        known = Knowledge()
        for name in names:
            known.add(name, self.get_index(name))
        return known

    def close(self) -> None:
        """Release connections; idempotent."""
        closing = getattr(self.bucket, "close", None)
        if closing is not None:
            closing()

    def _format(self) -> StoreFormat | None:
        found = self.bucket.get(FORMAT, _SMALL)
        if found is None:
            return None
        try:
            return decode_json(found.data, StoreFormat, FORMAT)
        except Malformed as error:
            raise ContentDamaged(self.storage, (f"{FORMAT} ({error.reason})",)) from error

    def _recognise(self, identity: str) -> None:
        """Discard cached indexes if the store was created again under the same name: their packs no longer exist."""
        path = self.cache.folder / _IDENTITY
        with contextlib.suppress(FileNotFoundError):
            known = path.read_text(encoding="utf-8", errors="replace")
            if known == identity:
                return
            if known:
                self.cache.clear()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(identity, encoding="utf-8")

"""Buckets of S3-compatible services, Azure and memory, through obstore."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import AlreadyExistsError, PreconditionError

from entrepot.blobs.s3.answers import FAILURES, is_bucket_absent, is_out_of_range, is_refused, is_unconditional
from entrepot.errors import LimitExceeded
from entrepot.workspace.stores.buckets.faults import translate
from entrepot.workspace.stores.buckets.interfaces import Data, ObjectStat, StoredObject

if TYPE_CHECKING:
    from obstore.store import ObjectStore

_PAGE = 1000


class RemoteBucket:
    """A bucket that obstore can reach; obstore repeats calls that fail for a while.

    Args:
        store: the store of obstore.
        storage: how messages name the bucket, for example ``s3h://data``.
        credentials: how messages name the credentials, for example ``profile 'default'``; no secret.
    """

    def __init__(self, store: ObjectStore, storage: str, credentials: str) -> None:
        self._store = store
        self._storage = storage
        self._credentials = credentials

    def put_new(self, key: str, data: Data) -> bool:
        """See :class:`Bucket`."""
        with self._translated():
            try:
                obstore.put(self._store, key, data, mode="create", use_multipart=False)
            except AlreadyExistsError:
                return False
            except FAILURES as error:
                if not is_unconditional(error):
                    raise
                # A race is harmless: other writers of this key write the same bytes.
                obstore.put(self._store, key, data, use_multipart=False)
        return True

    def put_large(self, key: str, path: Path) -> None:
        """See :class:`LargeObjects`."""
        with path.open("rb") as file, self._translated():
            obstore.put(self._store, key, file)

    def replace(self, key: str, data: Data, version: str) -> bool:
        """See :class:`Bucket`."""
        with self._translated():
            try:
                obstore.put(self._store, key, data, mode={"e_tag": version}, use_multipart=False)
            except (PreconditionError, FileNotFoundError) as error:
                if is_bucket_absent(error):
                    raise
                return False
            except FAILURES as error:
                if not is_unconditional(error):
                    raise
                obstore.put(self._store, key, data, use_multipart=False)
        return True

    def get(self, key: str, limit: int) -> StoredObject | None:
        """See :class:`Bucket`."""
        with self._translated():
            try:
                found = obstore.get(self._store, key)
                if found.meta["size"] > limit:
                    raise LimitExceeded(f"the object {key}", limit, "another program may have written it")
                return StoredObject(memoryview(found.bytes()), found.meta["e_tag"] or "")
            except FileNotFoundError as error:
                self._absent(error)
                return None

    def read(self, key: str, start: int, end: int) -> Data | None:
        """See :class:`Bucket`."""
        if start >= end:
            return b""
        with self._translated():
            try:
                return memoryview(obstore.get_range(self._store, key, start=start, end=end))
            except FileNotFoundError as error:
                self._absent(error)
                return None
            except FAILURES as error:
                if is_out_of_range(error):
                    return b""
                raise

    def stat(self, key: str) -> ObjectStat | None:
        """See :class:`Bucket`."""
        with self._translated():
            try:
                found = obstore.head(self._store, key)
            except FileNotFoundError as error:
                self._absent(error)
                return None
            except FAILURES as error:
                if is_refused(error):
                    return None  # without the right to list, S3 answers 403 for an object that does not exist
                raise
        return ObjectStat(key, found["size"], found["last_modified"].timestamp())

    def list(self, prefix: str) -> Iterator[ObjectStat]:
        """See :class:`Bucket`."""
        folder, _, begin = prefix.rpartition("/")
        with self._translated():
            for page in obstore.list(self._store, folder or None, chunk_size=_PAGE):
                for found in page:
                    if found["path"].startswith(prefix) or not begin:
                        yield ObjectStat(found["path"], found["size"], found["last_modified"].timestamp())

    def delete(self, key: str) -> None:
        """See :class:`Bucket`."""
        with self._translated(), contextlib.suppress(FileNotFoundError):
            obstore.delete(self._store, key)

    def _absent(self, error: FileNotFoundError) -> None:
        if is_bucket_absent(error):
            raise error

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except FAILURES as error:
            raise translate(error, self._storage, self._credentials) from error

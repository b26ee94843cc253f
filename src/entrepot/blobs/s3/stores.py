"""Blobs as objects of a bucket, under the keys that they have in a local folder."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path

from entrepot.blobs.interfaces import Stat
from entrepot.blobs.keys import RESERVED, check_key, check_prefix
from entrepot.blobs.local import LocalBlobs
from entrepot.blobs.s3.block_cache import BlockCache
from entrepot.blobs.s3.buckets import MAX_BYTES, S3Bucket, S3ObjectStat
from entrepot.blobs.s3.parts import S3Parts, S3PartSink
from entrepot.blobs.s3.readers import S3Reader
from entrepot.blobs.s3.sinks import S3OpenSink, S3Sink
from entrepot.blobs.verified import receive_verified
from entrepot.errors import BlobMissing, StoreFull
from entrepot.names import Sha256

_CACHED = "xorbs/"
_KNOWN_S = 120.0
"""How long the size of an object is taken from memory; blobs do not change."""
_MAX_KNOWN = 20_000


class S3Blobs:
    """A store in a bucket, with all optional capabilities.

    Any number of servers may use one bucket.

    Args:
        bucket: where the objects are.
        scratch: a local folder for bytes on their way in, and for the cache; may be deleted while no server runs.
        cache_bytes: how much of ``scratch`` blocks of chunks may take.
    """

    def __init__(self, bucket: S3Bucket, scratch: Path, cache_bytes: int) -> None:
        self._bucket = bucket
        self._spool = LocalBlobs(scratch / "spool", fsync=False)
        self._cache = BlockCache(scratch / "blocks", cache_bytes)
        self._parts = S3Parts(
            bucket,
            lambda key, size: S3Sink(bucket, self._spool, key, size, replaces=True),
            lambda key, sha256, size: receive_verified(self, key, sha256, size),
        )
        self._known: OrderedDict[str, tuple[float, S3ObjectStat]] = OrderedDict()
        self._lock = threading.Lock()

    def receive(self, key: str, expected_size: int | None = None) -> S3Sink:
        """Begin to store bytes under a key, without verifying them.

        Raises:
            InvalidName: the key is not valid.
            StoreFull: an object cannot have ``expected_size`` bytes, or the scratch folder is full.
        """
        check_key(key)
        if expected_size is not None and expected_size > MAX_BYTES:
            raise StoreFull(f"{key} needs {expected_size:,} bytes; an object in S3 has at most {MAX_BYTES:,}")
        return S3Sink(self._bucket, self._spool, key, expected_size)

    def receive_unnamed(self, expected_size: int | None = None) -> S3OpenSink:
        """Begin to receive bytes whose key is chosen when they are published; until then they are on the local disk.

        Raises:
            StoreFull: the scratch folder has no space for ``expected_size`` bytes.
        """
        return S3OpenSink(self._bucket, self._spool, expected_size)

    def open(self, key: str) -> S3Reader:
        """Open the bytes of a key for reading.

        Raises:
            BlobMissing: the key has none. If another server has deleted them within the last
                minutes, this is raised by the first read instead.
        """
        check_key(key)
        now = time.monotonic()
        with self._lock:
            known = self._known.get(key)
        if known is not None and now - known[0] < _KNOWN_S:
            found: S3ObjectStat | None = known[1]
        else:
            found = self._bucket.stat(key)
        if found is None:
            raise BlobMissing(key)
        self._remember(key, found, now)
        return S3Reader(self._bucket, found, self._cache if key.startswith(_CACHED) else None)

    def open_stored(self, key: str) -> S3Reader:
        """Open the bytes of a key as they are in the bucket now, past the cache.

        Raises:
            BlobMissing: the key has none.
        """
        found = self._bucket.stat(check_key(key))
        if found is None:
            raise BlobMissing(key)
        with self._lock:
            self._known.pop(key, None)  # if the object was replaced, its cached blocks are no longer used
        return S3Reader(self._bucket, found, None)

    def url_of(self, key: str, first: int, last: int, *, now_s: int, seconds: int) -> str | None:
        """Return a URL that serves the bytes ``first`` to ``last`` of a key for a time; None if none can be signed."""
        return self._bucket.url_of(check_key(key), first, last, now_s=now_s, seconds=seconds)

    def stat(self, key: str) -> Stat | None:
        """Return the metadata of a key's bytes, or None if it has none; always asks the bucket."""
        found = self._bucket.stat(check_key(key))
        return None if found is None else Stat(key, found.size, found.modified_ms)

    def delete(self, key: str) -> bool:
        """Delete a key and its bytes; return False if it had none."""
        with self._lock:
            self._known.pop(check_key(key), None)
        if self._bucket.stat(key) is None:
            return False
        self._bucket.delete(key)
        return True

    def list(self, prefix: str) -> Iterator[Stat]:
        """Yield every key that begins with the text ``prefix``, in no particular order.

        Raises:
            InvalidName: no key can begin with it.
        """
        return self._listed(check_prefix(prefix))

    def begin_parts(self, upload: str, size: int) -> None:
        """Record an upload; idempotent.

        Raises:
            InvalidName, StoreFull, Refused: see :class:`~entrepot.blobs.interfaces.Multipart`.
        """
        self._parts.begin(upload, size)

    def open_part(self, upload: str, offset: int, length: int) -> S3PartSink:
        """Begin to receive the bytes ``offset … offset + length`` of an upload.

        Raises:
            ThingNotFound, ContentMismatch, Busy: see :class:`~entrepot.blobs.interfaces.Multipart`.
        """
        return self._parts.open(upload, offset, length)

    def seal_parts(self, upload: str, key: str, sha256: Sha256, size: int) -> bool:
        """Verify the whole upload and publish it under ``key``, and return whether the key is new.

        Every byte is read and written once.

        Raises:
            ThingNotFound, ContentMismatch, Busy: see :class:`~entrepot.blobs.interfaces.Multipart`.
        """
        return self._parts.seal(upload, check_key(key), sha256, size)

    def abort_parts(self, upload: str) -> None:
        """Discard an upload if it exists."""
        self._parts.abort(upload)

    def list_parts_uploads(self) -> Iterator[Stat]:
        """Yield every upload that is neither sealed nor aborted."""
        return self._parts.uploads()

    def sweep_incoming(self, older_than_ms: int, *, now_ms: int, is_rehearsal: bool = False) -> Sequence[Stat]:
        """Delete temporary files that a crash has left on the local disk, and return them.

        What a crash leaves in the bucket is an unfinished multipart upload, which a lifecycle
        rule of the bucket removes, or a part, which :meth:`list_parts_uploads` lists.
        """
        return self._spool.sweep_incoming(older_than_ms, now_ms=now_ms, is_rehearsal=is_rehearsal)

    def _listed(self, prefix: str) -> Iterator[Stat]:
        for found in self._bucket.list(prefix):
            if not found.key.startswith(f"{RESERVED}/"):
                yield Stat(found.key, found.size, found.modified_ms)

    def _remember(self, key: str, found: S3ObjectStat, now: float) -> None:
        with self._lock:
            if key not in self._known or now - self._known[key][0] >= _KNOWN_S:
                self._known[key] = (now, found)
                self._known.move_to_end(key)
            while len(self._known) > _MAX_KNOWN:
                self._known.popitem(last=False)

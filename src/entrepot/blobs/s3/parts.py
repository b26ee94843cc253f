"""Multipart uploads: each part is an object of its own until all are verified, in order, into the blob.

    incoming/parts/<upload>/begun-<size>             the upload exists
    incoming/parts/<upload>/<offset>-<length>        a part; sent again, it is replaced

The service's own multipart uploads cannot be read before they are complete, so they would
show bytes under the final key whose digest no one has checked.
"""

from __future__ import annotations

import contextlib
import threading
import zlib
from collections import Counter
from collections.abc import Callable, Iterator

from entrepot.blobs.interfaces import Stat
from entrepot.blobs.keys import RESERVED, check_upload
from entrepot.blobs.resources import Closing
from entrepot.blobs.s3.block_cache import BLOCK
from entrepot.blobs.s3.buckets import MAX_BYTES, S3Bucket, S3ObjectStat
from entrepot.blobs.s3.sinks import S3Sink
from entrepot.blobs.verified import VerifiedSink
from entrepot.errors import BlobMissing, Busy, ContentMismatch, Refused, StoreFull, ThingNotFound
from entrepot.names import Sha256

_FOLDER = f"{RESERVED}/parts/"
_BEGUN = "begun-"


class S3PartSink(Closing):
    """One part; see :class:`~entrepot.blobs.interfaces.PartSink`."""

    def __init__(self, sink: S3Sink, length: int, end: Callable[[], None]) -> None:
        self._sink = sink
        self._length = length
        self._end = end
        self._received = 0
        self._sum = 0
        self._is_open = True

    def write(self, data: bytes | memoryview) -> None:
        """Append bytes to the part.

        Raises:
            ContentMismatch: there are more bytes than the length of the part; the sink is closed.
            StoreFull, StoreUnavailable: the sink is closed; send the part again.
        """
        view = memoryview(data).cast("B")
        if self._received + len(view) > self._length:
            self.close()
            raise ContentMismatch("part size", str(self._length), f"at least {self._received + len(view)}")
        self._sink.write(view)
        self._sum = zlib.crc32(view, self._sum)
        self._received += len(view)

    def finish(self) -> str:
        """Make the part durable and return its etag: length and CRC-32, 20 hex digits.

        Raises:
            ContentMismatch: there are fewer bytes than the length of the part; send it again.
        """
        try:
            if self._received != self._length:
                raise ContentMismatch("part size", str(self._length), str(self._received))
            self._sink.publish()
        finally:
            self.close()
        return f"{self._length:012x}{self._sum:08x}"

    def close(self) -> None:
        """Abandon the part; idempotent, and harmless after finish."""
        self._sink.discard()
        if self._is_open:
            self._is_open = False
            self._end()


class S3Parts:
    """Uploads in parts to one bucket. Any number of processes may receive parts of one upload.

    Args:
        receive: returns a sink for a key of the bucket, which replaces the bytes that the key has.
        publish: returns a verified sink for a blob.
    """

    def __init__(
        self,
        bucket: S3Bucket,
        receive: Callable[[str, int], S3Sink],
        publish: Callable[[str, Sha256, int], VerifiedSink],
    ) -> None:
        self._bucket = bucket
        self._receive = receive
        self._publish = publish
        self._lock = threading.Lock()
        self._receiving: Counter[str] = Counter()
        self._sealing: set[str] = set()

    def begin(self, upload: str, size: int) -> None:
        """Record an upload.

        Raises:
            StoreFull, Refused: see the interface.
        """
        if size < 0:
            raise ValueError(f"an upload cannot have {size} bytes")
        if size > MAX_BYTES:
            raise StoreFull(f"upload {upload} needs {size:,} bytes; an object in S3 has at most {MAX_BYTES:,}")
        known = self._size(upload)
        if known is None:
            self._bucket.put_new(f"{self._folder(upload)}{_BEGUN}{size}", b"")
        elif known != size:
            raise Refused(f"the upload {upload} was begun with another size")

    def open(self, upload: str, offset: int, length: int) -> S3PartSink:
        """Begin to receive a part.

        Raises:
            ThingNotFound, ContentMismatch, Busy: see the interface.
        """
        if offset < 0 or length < 0:
            raise ValueError(f"a part cannot have {length} bytes at {offset}")
        size = self._get_size(upload)
        if offset + length > size:
            raise ContentMismatch("part end", f"at most {size}", str(offset + length))
        with self._lock:
            if upload in self._sealing:
                raise Busy(f"the upload {upload}")
            self._receiving[upload] += 1
        try:
            sink = self._receive(f"{self._folder(upload)}{offset:016}-{length}", length)
        except BaseException:
            self._received(upload)
            raise
        return S3PartSink(sink, length, lambda: self._received(upload))

    def seal(self, upload: str, key: str, sha256: Sha256, size: int) -> bool:
        """Read and verify the parts in order, publish the whole, and remove the upload; return whether the key is new.

        Raises:
            ThingNotFound, ContentMismatch, Busy: see the interface.
        """
        announced = self._get_size(upload)
        with self._claimed(upload):
            try:
                if announced != size:
                    raise ContentMismatch("size", str(size), str(announced))
                is_new = self._join(upload, key, sha256, size)
            except ContentMismatch:
                self.abort(upload)
                raise
            except BlobMissing:
                raise Busy(f"the upload {upload}") from None  # another process seals or aborts it
            self.abort(upload)
            return is_new

    def abort(self, upload: str) -> None:
        """Delete the objects of an upload; the one that marks its existence goes last."""
        found = [stat.key for stat in self._bucket.list(self._folder(upload))]
        for key in sorted(found, key=lambda key: _BEGUN in key):
            self._bucket.delete(key)

    def uploads(self) -> Iterator[Stat]:
        """Yield every upload: its id, its announced size, and the time of the last part."""
        found: dict[str, list[S3ObjectStat]] = {}
        for stat in self._bucket.list(_FOLDER):
            found.setdefault(stat.key.split("/")[2], []).append(stat)
        for upload, stats in found.items():
            sizes = [_announced(stat.key) for stat in stats]
            size = next((size for size in sizes if size is not None), 0)
            yield Stat(upload, size, max(stat.modified_ms for stat in stats))

    def _join(self, upload: str, key: str, sha256: Sha256, size: int) -> bool:
        parts = sorted(stat.key for stat in self._bucket.list(self._folder(upload)) if _announced(stat.key) is None)
        with self._publish(key, sha256, size) as sink:
            at = 0
            for part in parts:
                offset, length = (int(number) for number in part.rpartition("/")[2].split("-"))
                if offset != at:
                    raise ContentMismatch("sha256", sha256, f"no part at {at}")
                for start in range(0, length, BLOCK):
                    sink.write(self._bucket.read(part, start, min(length, start + BLOCK)))
                at += length
            return sink.publish()

    def _folder(self, upload: str) -> str:
        return f"{_FOLDER}{check_upload(upload)}/"

    def _size(self, upload: str) -> int | None:
        found = next(self._bucket.list(f"{self._folder(upload)}{_BEGUN}"), None)
        return None if found is None else _announced(found.key)

    def _get_size(self, upload: str) -> int:
        size = self._size(upload)
        if size is None:
            raise ThingNotFound("upload", upload)
        return size

    @contextlib.contextmanager
    def _claimed(self, upload: str) -> Iterator[None]:
        with self._lock:
            if upload in self._sealing or self._receiving[upload]:
                raise Busy(f"the upload {upload}")
            self._sealing.add(upload)
        try:
            yield
        finally:
            with self._lock:
                self._sealing.discard(upload)

    def _received(self, upload: str) -> None:
        with self._lock:
            self._receiving[upload] -= 1
            if not self._receiving[upload]:
                del self._receiving[upload]


def _announced(key: str) -> int | None:
    name = key.rpartition("/")[2]
    return int(name.removeprefix(_BEGUN)) if name.startswith(_BEGUN) else None

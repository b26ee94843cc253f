"""Sinks of a bucket: small objects wait on the local disk, large ones are sent while they arrive."""

from __future__ import annotations

from entrepot.blobs.interfaces import OpenSink
from entrepot.blobs.keys import check_key
from entrepot.blobs.local import LocalBlobs
from entrepot.blobs.resources import Discarding
from entrepot.blobs.s3.buckets import S3Bucket
from entrepot.blobs.s3.uploads import StreamedUpload
from entrepot.errors import ContentMismatch

SINGLE = 16 << 20
"""Up to this size an object is one request; larger ones need no local disk."""


class S3Sink(Discarding):
    """An upload in progress; see :class:`~entrepot.blobs.interfaces.Sink`.

    Args:
        replaces: whether the bytes replace those that the key has, as those of a part do.
    """

    def __init__(
        self, bucket: S3Bucket, spool: LocalBlobs, key: str, expected_size: int | None, *, replaces: bool = False
    ) -> None:
        self._bucket = bucket
        self._key = key
        self._expected_size = expected_size
        self._replaces = replaces
        self._received = 0
        self._is_open = True
        is_large = expected_size is not None and expected_size > SINGLE
        self._upload = StreamedUpload(bucket, key, expected_size) if is_large else None
        self._draft: OpenSink | None = None if is_large else spool.receive_unnamed(expected_size)

    def write(self, data: bytes | memoryview) -> None:
        """Append bytes.

        Raises:
            StoreFull, StoreUnavailable: nothing is kept, the sink is closed.
            ValueError: the sink is closed.
        """
        self._check_open()
        view = memoryview(data).cast("B")
        try:
            if self._draft is not None and self._received + len(view) > SINGLE:
                self._begin_upload(self._draft)
            if self._draft is not None:
                self._draft.write(view)
            elif self._upload is not None:
                self._upload.write(bytes(view))
        except BaseException:
            self.discard()
            raise
        self._received += len(view)

    def publish(self) -> bool:
        """Make the bytes durable and visible; return False if the key already had bytes.

        Raises:
            ContentMismatch, StoreFull, StoreUnavailable: nothing is kept.
            ValueError: the sink is closed.
        """
        self._check_open()
        try:
            if self._expected_size not in (None, self._received):
                raise ContentMismatch("size", str(self._expected_size), str(self._received))
            if self._upload is None:
                assert self._draft is not None
                return self._put(self._draft.view())
            # Multipart uploads have no condition everywhere, so this looks first. A race is
            # harmless: bytes are verified before they get here, so both writers have the same.
            if not self._replaces and self._bucket.stat(self._key) is not None:
                return False
            self._upload.finish()
            return True
        finally:
            self.discard()

    def discard(self) -> None:
        """Drop unpublished bytes; idempotent, and harmless after publish."""
        self._is_open = False
        if self._upload is not None:
            self._upload.abort()
        if self._draft is not None:
            self._draft.discard()

    def _put(self, data: memoryview) -> bool:
        if self._replaces:
            self._bucket.put(self._key, data)
            return True
        return self._bucket.put_new(self._key, data)

    def _begin_upload(self, draft: OpenSink) -> None:
        self._upload, self._draft = StreamedUpload(self._bucket, self._key, self._expected_size), None
        try:
            if self._received:
                self._upload.write(bytes(draft.view()))
        finally:
            draft.discard()

    def _check_open(self) -> None:
        if not self._is_open:
            raise ValueError("the sink is closed")


class S3OpenSink(Discarding):
    """Bytes that can be read back before they are sent; see :class:`~entrepot.blobs.interfaces.OpenSink`."""

    def __init__(self, bucket: S3Bucket, spool: LocalBlobs, expected_size: int | None) -> None:
        self._bucket = bucket
        self._expected_size = expected_size
        self._received = 0
        self._draft = spool.receive_unnamed(expected_size)

    def write(self, data: bytes | memoryview) -> None:
        """Append bytes.

        Raises:
            StoreFull, StoreUnavailable: nothing is kept, the sink is closed.
            ValueError: the sink is closed.
        """
        self._draft.write(data)
        self._received += memoryview(data).nbytes

    def view(self) -> memoryview:
        """Return everything written so far, mapped into memory.

        Raises:
            StoreUnavailable: the file cannot be mapped.
            ValueError: the sink is closed.
        """
        return self._draft.view()

    def publish(self) -> bool:
        """Raise: bytes without a key are published with :meth:`publish_as`."""
        raise ValueError("the bytes have no key yet")

    def publish_as(self, key: str, size: int) -> bool:
        """Publish the first ``size`` bytes under a key, and return whether the key is new.

        Raises:
            InvalidName: the key is not valid; the sink stays open.
            ContentMismatch, StoreFull, StoreUnavailable: nothing is kept.
            ValueError: the sink is closed, or has fewer bytes.
        """
        data = self._draft.view()
        if size > self._received:
            raise ValueError(f"the sink has {self._received} bytes, not {size}")
        check_key(key)
        try:
            if size == self._received and self._expected_size not in (None, size):
                raise ContentMismatch("size", str(self._expected_size), str(size))
            return self._bucket.put_new(key, data[:size])
        finally:
            self.discard()

    def discard(self) -> None:
        """Drop unpublished bytes; idempotent, and harmless after publish."""
        self._draft.discard()

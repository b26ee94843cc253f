"""Readers and sinks of a local store: each blob is one file."""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable, Iterator

from entrepot.blobs.durable import Disk, remove
from entrepot.blobs.faults import store_fault
from entrepot.blobs.resources import Closing, Discarding
from entrepot.errors import BlobUnreadable, ContentMismatch

_STREAMED = 1 << 20


class LocalReader(Closing):
    """A reader of one file; threads may share it."""

    def __init__(self, key: str, fd: int) -> None:
        self._key = key
        self._fd = fd
        self._size = os.fstat(fd).st_size

    @property
    def size(self) -> int:
        """The number of bytes under the key."""
        return self._size

    @property
    def file_key(self) -> str:
        """The key, which is the path of the file in the folder of the store."""
        return self._key

    def read_at(self, offset: int, length: int) -> bytes:
        """Return up to ``length`` bytes from ``offset``; fewer only at the end of the blob.

        Raises:
            ValueError: the offset or length is negative, or the reader is closed.
            BlobUnreadable: the disk cannot read the bytes.
        """
        if self._fd < 0:
            raise ValueError("the reader is closed")
        if offset < 0 or length < 0:
            raise ValueError(f"cannot read {length} bytes at {offset}")
        wanted = max(0, min(length, self._size - offset))
        pieces: list[bytes] = []
        while wanted:
            try:
                piece = os.pread(self._fd, wanted, offset)
            except OSError as error:
                raise store_fault(error, self._key) from error
            if not piece:
                raise BlobUnreadable(self._key, f"the file ends at {offset}, expected {self._size} bytes")
            pieces.append(piece)
            wanted -= len(piece)
            offset += len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def read_into(self, offset: int, buffer: memoryview) -> None:
        """Fill the whole buffer with the bytes from ``offset``.

        Raises:
            ValueError: the offset is negative, or the reader is closed.
            BlobUnreadable: the disk cannot read the bytes, or there are fewer.
        """
        if self._fd < 0:
            raise ValueError("the reader is closed")
        if offset < 0:
            raise ValueError(f"cannot read at {offset}")
        while buffer:
            try:
                count = os.preadv(self._fd, [buffer], offset)
            except OSError as error:
                raise store_fault(error, self._key) from error
            if not count:
                raise BlobUnreadable(self._key, f"the file ends at {offset}, expected {len(buffer)} bytes more")
            buffer, offset = buffer[count:], offset + count

    def stream(self, offset: int, length: int) -> Iterator[bytes]:
        """Yield the same bytes as :meth:`read_at`, a megabyte at a time.

        Raises:
            As :meth:`read_at`.
        """
        stop = min(offset + length, max(self._size, offset))
        if offset < 0 or length < 0:
            raise ValueError(f"cannot read {length} bytes at {offset}")
        return (self.read_at(at, min(_STREAMED, stop - at)) for at in range(offset, stop, _STREAMED))

    def close(self) -> None:
        """Close the file; idempotent."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


class LocalSink(Discarding):
    """A temporary file that becomes a blob; see :class:`~entrepot.blobs.interfaces.Sink`."""

    def __init__(self, disk: Disk, key: str, target: str, expected_size: int | None) -> None:
        self._disk = disk
        self._key = key
        self._target = target
        self._expected_size = expected_size
        self._received = 0
        self._fd, self._path = disk.create_temporary()

    def write(self, data: bytes | memoryview) -> None:
        """Append bytes.

        Raises:
            StoreFull, StoreUnavailable: nothing is kept, the sink is closed.
            ValueError: the sink is closed.
        """
        self._check_open()
        view = memoryview(data).cast("B")
        try:
            while view:
                written = os.write(self._fd, view)
                self._received += written
                view = view[written:]
        except OSError as error:
            self.discard()
            raise store_fault(error, self._key) from error

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
            self._disk.sync_file(self._fd)
            return self._disk.place(self._path, self._target)
        except OSError as error:
            raise store_fault(error, self._key) from error
        finally:
            self.discard()

    def discard(self) -> None:
        """Drop unpublished bytes; idempotent, and harmless after publish."""
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            remove(self._path)  # before the lock goes with the descriptor
            os.close(fd)

    def _check_open(self) -> None:
        if self._fd < 0:
            raise ValueError("the sink is closed")


class LocalOpenSink(LocalSink):
    """A temporary file that can be read back; see :class:`~entrepot.blobs.interfaces.OpenSink`."""

    def __init__(self, disk: Disk, place: Callable[[str], str], expected_size: int | None) -> None:
        """Create a temporary file; ``place`` returns the path of a key, or raises InvalidName."""
        super().__init__(disk, "(not named yet)", "", expected_size)
        self._place = place

    def view(self) -> memoryview:
        """Return everything written so far, mapped into memory.

        Raises:
            StoreUnavailable: the file cannot be mapped.
            ValueError: the sink is closed.
        """
        self._check_open()
        if not self._received:
            return memoryview(b"")
        try:
            return memoryview(mmap.mmap(self._fd, self._received, prot=mmap.PROT_READ))
        except OSError as error:
            raise store_fault(error, self._key) from error

    def publish_as(self, key: str, size: int) -> bool:
        """Publish the first ``size`` bytes under a key, and return whether the key is new.

        Raises:
            InvalidName: the key is not valid; the sink stays open.
            ContentMismatch, StoreFull, StoreUnavailable: nothing is kept.
            ValueError: the sink is closed, or has fewer bytes.
        """
        self._check_open()
        if size > self._received:
            raise ValueError(f"the sink has {self._received} bytes, not {size}")
        self._target, self._key = self._place(key), key
        if size < self._received:
            try:
                os.ftruncate(self._fd, size)
            except OSError as error:
                raise store_fault(error, key) from error
            self._expected_size = None
        return self.publish()

"""Multipart uploads on a local disk: one sparse file, written in place, linked when complete.

Writers of parts hold a shared lock on the file, sealing holds an exclusive one,
so no late writer can change bytes that were already verified. The locks are
released when their process ends.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import zlib
from collections.abc import Iterator

from entrepot.blobs.durable import Disk, free_bytes, modified_ms, remove, still_named
from entrepot.blobs.faults import store_fault
from entrepot.blobs.interfaces import Stat
from entrepot.blobs.keys import check_upload
from entrepot.blobs.resources import Closing
from entrepot.errors import Busy, ContentMismatch, Refused, StoreFull, ThingNotFound
from entrepot.names import Sha256

READ_SIZE = 1 << 20


class LocalPartSink(Closing):
    """One part, written at its offset; see :class:`~entrepot.blobs.interfaces.PartSink`."""

    def __init__(self, disk: Disk, upload: str, fd: int, offset: int, length: int) -> None:
        self._disk = disk
        self._upload = upload
        self._fd = fd
        self._offset = offset
        self._length = length
        self._received = 0
        self._sum = 0

    def write(self, data: bytes | memoryview) -> None:
        """Append bytes to the part.

        Raises:
            ContentMismatch: there are more bytes than the length of the part; the sink is closed.
            StoreFull, StoreUnavailable: the sink is closed; send the part again.
        """
        self._check_open()
        view = memoryview(data).cast("B")
        if self._received + len(view) > self._length:
            self.close()
            raise ContentMismatch("part size", str(self._length), f"at least {self._received + len(view)}")
        self._sum = zlib.crc32(view, self._sum)
        try:
            while view:
                written = os.pwrite(self._fd, view, self._offset + self._received)
                self._received += written
                view = view[written:]
        except OSError as error:
            self.close()
            raise store_fault(error, self._upload) from error

    def finish(self) -> str:
        """Make the part durable and return its etag: length and CRC-32, 20 hex digits.

        A weak checksum is enough: sealing verifies the whole file with SHA-256.

        Raises:
            ContentMismatch: there are fewer bytes than the length of the part; send it again.
        """
        self._check_open()
        try:
            if self._received != self._length:
                raise ContentMismatch("part size", str(self._length), str(self._received))
            self._disk.sync_file(self._fd)
        except OSError as error:
            raise store_fault(error, self._upload) from error
        finally:
            self.close()
        return f"{self._length:012x}{self._sum:08x}"

    def close(self) -> None:
        """Abandon the part; idempotent, and harmless after finish."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def _check_open(self) -> None:
        if self._fd < 0:
            raise ValueError("the part is closed")


class LocalParts:
    """Staging files of a local store: ``incoming/parts/<upload>``."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._folder = os.path.join(disk.incoming, "parts")
        disk.make_folder(self._folder)

    def begin(self, upload: str, size: int) -> None:
        """Create a sparse file of ``size`` bytes; it takes no disk space yet.

        An upload that was sealed, but kept its name because of a crash, begins anew.

        Raises:
            StoreFull: the disk has less free space than this.
            Refused: the upload was begun with another size.
        """
        path = self._path(upload)
        if size < 0:
            raise ValueError(f"an upload cannot have {size} bytes")
        try:
            self._forget_sealed(upload)
            if not os.path.lexists(path):
                if size > free_bytes(self._disk.incoming):
                    raise StoreFull(f"upload {upload} needs {size:,} bytes")
                self._reserve(path, size)
            if os.stat(path, follow_symlinks=False).st_size != size:
                raise Refused(f"the upload {upload} was begun with another size")
        except OSError as error:
            raise store_fault(error, upload) from error

    def open(self, upload: str, offset: int, length: int) -> LocalPartSink:
        """Begin to receive a part.

        Raises:
            ThingNotFound, ContentMismatch, Busy, Refused: see the interface.
        """
        if offset < 0 or length < 0:
            raise ValueError(f"a part cannot have {length} bytes at {offset}")
        fd = self._open_locked(upload, os.O_RDWR, fcntl.LOCK_SH)
        try:
            status = os.fstat(fd)
            if status.st_nlink > 1:  # a crash happened between the link and the end of sealing
                raise Refused(f"the upload {upload} is already sealed")
            if offset + length > status.st_size:
                raise ContentMismatch("part end", f"at most {status.st_size}", str(offset + length))
        except BaseException:
            os.close(fd)
            raise
        return LocalPartSink(self._disk, upload, fd, offset, length)

    def seal(self, upload: str, target: str, sha256: Sha256, size: int) -> bool:
        """Verify the staging file, link it to ``target``, and remove the upload; return whether ``target`` is new.

        Raises:
            ThingNotFound, ContentMismatch, Busy: see the interface.
        """
        path = self._path(upload)
        fd = self._open_locked(upload, os.O_RDWR, fcntl.LOCK_EX)
        try:
            _verify(fd, sha256, size)
            self._disk.sync_file(fd)
            return self._disk.place(path, target)
        except ContentMismatch:
            remove(path)
            raise
        except OSError as error:
            raise store_fault(error, upload) from error
        finally:
            os.close(fd)

    def abort(self, upload: str) -> None:
        """Remove the staging file if it exists."""
        try:
            remove(self._path(upload))
        except OSError as error:
            raise store_fault(error, upload) from error

    def uploads(self) -> Iterator[Stat]:
        """Yield every staging file: its upload id, announced size and last modification."""
        try:
            names = os.listdir(self._folder)
        except OSError as error:
            raise store_fault(error, "parts") from error
        for name in names:
            try:
                status = os.stat(os.path.join(self._folder, name), follow_symlinks=False)
            except FileNotFoundError:
                continue
            yield Stat(name, status.st_size, modified_ms(status))

    def _path(self, upload: str) -> str:
        return os.path.join(self._folder, check_upload(upload))

    def _reserve(self, path: str, size: int) -> None:
        # The file gets its name together with its size, so no caller sees an incomplete one.
        fd, temporary = self._disk.create_temporary()
        try:
            os.ftruncate(fd, size)
            self._disk.sync_file(fd)
            self._disk.place(temporary, path)
        finally:
            remove(temporary)
            os.close(fd)

    def _forget_sealed(self, upload: str) -> None:
        path = self._path(upload)
        try:
            if os.stat(path, follow_symlinks=False).st_nlink == 1:
                return
            fd = self._open_locked(upload, os.O_RDWR, fcntl.LOCK_EX)
        except (FileNotFoundError, ThingNotFound, Busy):
            return  # there is none, or it is just being sealed
        try:
            remove(path)
        finally:
            os.close(fd)

    def _open_locked(self, upload: str, flags: int, lock: int) -> int:
        path = self._path(upload)
        try:
            fd = os.open(path, flags | os.O_NOFOLLOW)
        except FileNotFoundError:
            raise ThingNotFound("upload", upload) from None
        except OSError as error:
            raise store_fault(error, upload) from error
        try:
            fcntl.flock(fd, lock | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            raise Busy(f"the upload {upload}") from None
        if not still_named(fd, path):  # sealed or aborted between open and lock
            os.close(fd)
            raise ThingNotFound("upload", upload)
        return fd


def _verify(fd: int, sha256: Sha256, size: int) -> None:
    actual_size = os.fstat(fd).st_size
    if actual_size != size:
        raise ContentMismatch("size", str(size), str(actual_size))
    digest = hashlib.sha256()
    offset = 0
    while piece := os.pread(fd, READ_SIZE, offset):
        digest.update(piece)
        offset += len(piece)
    if digest.hexdigest() != sha256:
        raise ContentMismatch("sha256", sha256, digest.hexdigest())

"""Blobs as files in one folder: ``root/<key>``, unfinished ones in ``root/incoming``."""

from __future__ import annotations

import builtins
import fcntl
import os
import pathlib
import stat
from collections.abc import Iterator, Sequence

from entrepot.blobs.durable import Disk, free_bytes, modified_ms, remove
from entrepot.blobs.faults import store_fault
from entrepot.blobs.interfaces import Stat
from entrepot.blobs.keys import RESERVED, check_key, check_prefix
from entrepot.blobs.local_files import LocalOpenSink, LocalReader, LocalSink
from entrepot.blobs.local_groups import LocalGroupItem, publish_group
from entrepot.blobs.local_parts import LocalParts, LocalPartSink
from entrepot.errors import BlobMissing, EntrepotError, StoreFull
from entrepot.names import Sha256


class LocalBlobs:
    """A store in a local folder, with all optional capabilities.

    Any number of threads, processes and hosts may use one folder if ``flock``
    works between them on its file system.

    Args:
        root: the folder; created if absent (mode 0700).
        fsync: False only if losing recent uploads in a power failure is acceptable (tests).

    Raises:
        StoreFull, StoreUnavailable: the folder cannot be created.
    """

    def __init__(self, root: pathlib.Path, *, fsync: bool = True) -> None:
        self._root = os.path.abspath(root)
        try:
            self._disk = Disk(self._root, os.path.join(self._root, RESERVED), fsync=fsync)
            self._parts = LocalParts(self._disk)
        except OSError as error:
            raise store_fault(error, self._root) from error

    def receive(self, key: str, expected_size: int | None = None) -> LocalSink:
        """Begin to store bytes under a key, without verifying them.

        Raises:
            InvalidName: the key is not valid.
            StoreFull: there is no space for ``expected_size`` bytes.
        """
        target = self._path(key)
        if expected_size is not None and expected_size > self.free_bytes():
            raise StoreFull(f"{key} needs {expected_size:,} bytes")
        try:
            return LocalSink(self._disk, key, target, expected_size)
        except OSError as error:
            raise store_fault(error, key) from error

    def can_put_group(self) -> bool:
        """Return whether :meth:`put_group` is cheaper than publishing blobs one by one."""
        return self._disk.can_flush_together

    def put_group(self, items: Sequence[tuple[str, bytes]]) -> builtins.list[bool | EntrepotError]:
        """Store trusted bytes under several keys, each completely or not at all.

        Raises:
            InvalidName: a key is not valid; nothing was stored.
            StoreFull: there is no space for all of them; nothing was stored.
        """
        group = [LocalGroupItem(key, self._path(key), data) for key, data in items]
        size = sum(len(data) for _, data in items)
        if size > self.free_bytes():
            raise StoreFull(f"{len(group)} blobs need {size:,} bytes")
        return publish_group(self._disk, group)

    def receive_unnamed(self, expected_size: int | None = None) -> LocalOpenSink:
        """Begin to receive bytes whose key is chosen when they are published.

        Raises:
            StoreFull: there is no space for ``expected_size`` bytes.
        """
        if expected_size is not None and expected_size > self.free_bytes():
            raise StoreFull(f"an upload needs {expected_size:,} bytes")
        try:
            return LocalOpenSink(self._disk, self._path, expected_size)
        except OSError as error:
            raise store_fault(error, "an upload") from error

    def open(self, key: str) -> LocalReader:
        """Open the bytes of a key for reading.

        Raises:
            BlobMissing: the key has none.
        """
        try:
            fd = os.open(self._path(key), os.O_RDONLY | os.O_NOFOLLOW)
        except (FileNotFoundError, NotADirectoryError):
            raise BlobMissing(key) from None
        except OSError as error:
            raise store_fault(error, key) from error
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            raise BlobMissing(key)
        return LocalReader(key, fd)

    def stat(self, key: str) -> Stat | None:
        """Return the metadata of a key's bytes, or None if it has none."""
        return self._stat(key, self._path(key))

    def delete(self, key: str) -> bool:
        """Delete a key and its bytes; return False if it had none. Open readers stay valid."""
        path = self._path(key)
        if self._stat(key, path) is None:
            return False
        try:
            return remove(path)
        except OSError as error:
            raise store_fault(error, key) from error

    def list(self, prefix: str) -> Iterator[Stat]:
        """Yield every key that begins with the text ``prefix``, in no particular order.

        Raises:
            InvalidName: no key can begin with it.
        """
        folder, _, _ = check_prefix(prefix).rpartition("/")
        return self._walk(f"{folder}/" if folder else "", prefix)

    def path_of(self, key: str) -> str:
        """Return the absolute path of the file that holds the bytes of a key; read only.

        Raises:
            BlobMissing: the key has none.
        """
        path = self._path(key)
        if self._stat(key, path) is None:
            raise BlobMissing(key)
        return path

    def begin_parts(self, upload: str, size: int) -> None:
        """Create a sparse file for an upload; idempotent.

        Raises:
            InvalidName, StoreFull, Refused: see :class:`~entrepot.blobs.interfaces.Multipart`.
        """
        self._parts.begin(upload, size)

    def open_part(self, upload: str, offset: int, length: int) -> LocalPartSink:
        """Begin to receive the bytes ``offset … offset + length`` of an upload.

        Raises:
            ThingNotFound, ContentMismatch, Busy, Refused: see
                :class:`~entrepot.blobs.interfaces.Multipart`.
        """
        return self._parts.open(upload, offset, length)

    def seal_parts(self, upload: str, key: str, sha256: Sha256, size: int) -> bool:
        """Verify the whole upload and publish it under ``key``, without copying it; return whether the key is new.

        Raises:
            ThingNotFound, ContentMismatch, Busy: see
                :class:`~entrepot.blobs.interfaces.Multipart`.
        """
        return self._parts.seal(upload, self._path(key), sha256, size)

    def abort_parts(self, upload: str) -> None:
        """Discard an upload if it exists, including parts that are being received."""
        self._parts.abort(upload)

    def list_parts_uploads(self) -> Iterator[Stat]:
        """Yield every upload that is neither sealed nor aborted; ``modified_ms`` is the time of the last write."""
        return self._parts.uploads()

    def sweep_incoming(self, older_than_ms: int, *, now_ms: int, is_rehearsal: bool = False) -> tuple[Stat, ...]:
        """Delete temporary files that a crash has left behind, and return them.

        A file is deleted if nothing was written to it for ``older_than_ms`` and no
        process has it open for writing (which would hold its lock). Multipart
        uploads stay: abort them by id. ``is_rehearsal``: it is only returned.
        """
        swept: builtins.list[Stat] = []
        try:
            with os.scandir(self._disk.incoming) as entries:
                for entry in entries:
                    found = self._stat(entry.name, entry.path) if entry.name.endswith(".tmp") else None
                    if found is None or now_ms - found.modified_ms < older_than_ms:
                        continue
                    if _remove_abandoned(entry.path, is_rehearsal=is_rehearsal):
                        swept.append(found)
        except OSError as error:
            raise store_fault(error, RESERVED) from error
        return tuple(swept)

    def free_bytes(self) -> int:
        """Return the free space on the disk, in bytes."""
        try:
            return free_bytes(self._root)
        except OSError as error:
            raise store_fault(error, self._root) from error

    def _path(self, key: str) -> str:
        return os.path.join(self._root, check_key(key))

    def _stat(self, key: str, path: str) -> Stat | None:
        try:
            status = os.stat(path, follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise store_fault(error, key) from error
        return Stat(key, status.st_size, modified_ms(status)) if stat.S_ISREG(status.st_mode) else None

    def _walk(self, folder: str, prefix: str) -> Iterator[Stat]:
        """Yield the files below ``folder`` ("" or ending in "/"), iteratively: stores are flat and wide."""
        folders = [folder]
        while folders:
            folder = folders.pop()
            try:
                entries = builtins.list(os.scandir(os.path.join(self._root, folder)))
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as error:
                raise store_fault(error, folder) from error
            for entry in entries:
                key = folder + entry.name
                if entry.is_dir(follow_symlinks=False):
                    if key != RESERVED and (key.startswith(prefix) or prefix.startswith(f"{key}/")):
                        folders.append(f"{key}/")
                elif key.startswith(prefix) and (found := self._stat(key, entry.path)):
                    yield found


def _remove_abandoned(path: str, *, is_rehearsal: bool) -> bool:
    """Delete a temporary file unless another process has it locked; return whether this call deleted it, or would."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return is_rehearsal or remove(path)
    except BlockingIOError:
        return False
    finally:
        os.close(fd)

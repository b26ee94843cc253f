"""Durable publication of files.

Every publication takes these steps in order: write the bytes, fsync the file,
link it to its final name (which never replaces a file), fsync the folder,
remove the temporary name. A group of files takes them together, with one flush
of the file system for all files, and another one for all folders.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import itertools
import os
import pathlib
import secrets
import stat
from collections.abc import Callable, Iterator, Set

from entrepot.blobs.flushes import FileSystemFlush

_NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS})


class Disk:
    """A folder tree in which files are published durably and never replaced.

    Thread-safe; several processes may work on one tree.
    """

    def __init__(self, root: str, incoming: str, *, fsync: bool) -> None:
        self.root = root
        self.incoming = incoming
        self._fsync = fsync
        # Folders whose names this process has made durable. That a folder exists is
        # not enough: the process that created it may not have synced it yet.
        self._durable: set[str] = {root}
        self._make_root()
        self.make_folder(incoming)
        self._flush = FileSystemFlush(root)

    @property
    def can_flush_together(self) -> bool:
        """Whether :meth:`flushing` can be used now; if not, flush files and folders one by one."""
        return not self._fsync or self._flush.is_usable

    @contextlib.contextmanager
    def flushing(self) -> Iterator[Callable[[], None]]:
        """Return a function that makes all bytes and names durable that were written in the block before."""
        if not self._fsync:
            yield lambda: None
            return
        with self._flush.begun() as flush:
            yield flush

    def create_temporary(self) -> tuple[int, str]:
        """Create a file of mode 0600, locked while it is open; return its descriptor and path."""
        path = os.path.join(self.incoming, f"{secrets.token_hex(16)}.tmp")
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        # The sweeper deletes only files that it can lock, so it never deletes one that is being written.
        fcntl.flock(fd, fcntl.LOCK_SH)
        return fd, path

    def place(self, source: str, target: str) -> bool:
        """Link a finished file to its final name and remove the temporary name.

        Returns:
            False if the target exists; it is not replaced.

        Guarantees: the target is durable on return, in both cases.

        Raises:
            OSError: a system call failed; the source may still exist.
        """
        folder = os.path.dirname(target)
        self.make_folder(folder)
        try:
            fresh = self._link(source, target)
        except FileNotFoundError:
            # Another process has removed empty folders since this process created them.
            self._durable = {self.root}
            self.make_folder(folder)
            fresh = self._link(source, target)
        self.sync_folder(folder)
        remove(source)
        return fresh

    def link_unflushed(self, source: str, target: str, made: set[str]) -> bool:
        """Link a finished file to its final name, and leave it to the caller to flush (see :meth:`flushing`).

        Args:
            made: collects the folders whose names have to be flushed; give them to :meth:`note_durable` afterwards.

        Returns:
            False if the target exists; it is not replaced.
        """
        folder = os.path.dirname(target)
        self._make_unflushed(folder, made)
        try:
            return self._link(source, target)
        except FileNotFoundError:
            # As in :meth:`place`: another process has removed empty folders.
            self._durable = {self.root}
            made.clear()
            self._make_unflushed(folder, made)
            return self._link(source, target)

    def note_durable(self, made: Set[str]) -> None:
        """Remember folders that were flushed."""
        self._durable |= made

    def _make_root(self) -> None:
        """Create the root and its missing parents, and flush the name of each, so that a crash loses none of them."""
        paths = [pathlib.PurePath(self.root), *pathlib.PurePath(self.root).parents]
        missing = list(itertools.takewhile(lambda path: not os.path.isdir(path), paths))
        os.makedirs(self.root, 0o700, exist_ok=True)
        for path in reversed(missing):
            self.sync_folder(str(path.parent))

    def _make_unflushed(self, path: str, made: set[str]) -> None:
        if path in self._durable or path in made:
            return
        self._make_unflushed(os.path.dirname(path), made)
        _make_if_missing(path)
        made.add(path)

    def make_folder(self, path: str) -> None:
        """Create a folder below the root, with its parents, durably (mode 0700)."""
        if path in self._durable:
            return
        parent = os.path.dirname(path)
        self.make_folder(parent)
        _make_if_missing(path)
        self.sync_folder(parent)
        self._durable.add(path)

    def sync_file(self, fd: int) -> None:
        """Flush the bytes of a file to the disk."""
        if self._fsync:
            os.fsync(fd)

    def sync_folder(self, path: str) -> None:
        """Flush the names in a folder to the disk."""
        if not self._fsync:
            return
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(fd)
        except OSError as error:
            if error.errno != errno.EINVAL:  # some network file systems cannot sync a folder
                raise
        finally:
            os.close(fd)

    def _link(self, source: str, target: str) -> bool:
        try:
            os.link(source, target)
        except FileExistsError:
            if not stat.S_ISREG(os.lstat(target).st_mode):
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), target) from None
            return False
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            return self._rename(source, target)
        return True

    def _rename(self, source: str, target: str) -> bool:
        """Publish by renaming, where links are not supported; a lock makes checking and moving one step."""
        lock = os.open(os.path.join(self.incoming, "rename.lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if os.path.isdir(target):
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), target)
            if os.path.lexists(target):
                return False
            os.rename(source, target)
            return True
        finally:
            os.close(lock)


def _make_if_missing(path: str) -> None:
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        if not os.path.isdir(path):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path) from None


def remove(path: str) -> bool:
    """Remove a name; return False if it does not exist."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return False
    return True


def free_bytes(path: str) -> int:
    """Return the free space for this user on the file system of ``path``, in bytes."""
    status = os.statvfs(path)
    return status.f_bavail * status.f_frsize


def still_named(fd: int, path: str) -> bool:
    """Return whether ``path`` is still a name of the open file."""
    try:
        named = os.stat(path, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return os.path.samestat(os.fstat(fd), named)


def modified_ms(status: os.stat_result) -> int:
    """Return the time of the last modification, in milliseconds since 1970."""
    return status.st_mtime_ns // 1_000_000

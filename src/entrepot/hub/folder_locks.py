"""The lock of the server that uses a data folder, and errors for a folder on a full disk."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from entrepot.errors import DataFolderError, StoreFull

_NAME: Final = "serve.lock"
_MOVE: Final = b" move"
_LEAST_BYTES: Final = 128 * 1024
"""Least free space that an empty database and its write-ahead log need, in bytes."""
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


@contextlib.contextmanager
def hold_server_lock(folder: Path, *, is_moving: bool = False) -> Iterator[None]:
    """Hold the lock of a server on a data folder inside the ``with``; ``is_moving``: it is that of a move of the hub.

    The supervising process of a server holds the lock for its worker processes;
    ``entrepot worker`` and the commands of ``entrepot`` do not take it, because
    they may run beside a server. The operating system releases the lock when the
    process ends. On a file system without locks the server runs without one.

    Raises:
        DataFolderError: another server or a move holds the lock, or the file cannot be created.
    """
    path = folder / _NAME
    try:
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise folder_error(folder, error) from error
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DataFolderError(str(folder), _holder(lock)) from None
        except OSError as error:
            if error.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.EINVAL, errno.ENOSYS):
                raise folder_error(folder, error) from error
        with contextlib.suppress(OSError):  # the process id only improves the message; a full disk may refuse it
            os.ftruncate(lock, 0)
            os.pwrite(lock, b"%d%s\n" % (os.getpid(), _MOVE if is_moving else b""), 0)
        yield
    finally:
        os.close(lock)


def folder_error(folder: Path, error: OSError) -> DataFolderError:
    """Return the error for a failed system call on a data folder."""
    if error.errno in _FULL:
        return _no_space(folder)
    return DataFolderError(str(folder), error.strerror or str(error))


@contextlib.contextmanager
def opening(folder: Path) -> Iterator[None]:
    """Translate errors while a folder is opened inside the ``with`` into errors that name the folder.

    Raises:
        DataFolderError: a system call failed, or the disk is full.
    """
    try:
        yield
    except StoreFull as error:
        raise _no_space(folder) from error
    except DataFolderError as error:
        # SQLite reports a file that cannot grow as "disk I/O error".
        if _is_full(folder):
            raise _no_space(folder) from error
        raise
    except OSError as error:
        raise folder_error(folder, error) from error


def _is_full(folder: Path) -> bool:
    try:
        disk = os.statvfs(folder)
    except OSError:
        return False
    return disk.f_bavail * disk.f_frsize < _LEAST_BYTES


def _no_space(folder: Path) -> DataFolderError:
    return DataFolderError(str(folder), f"no space left on {folder}; free some room and start again")


def _holder(lock: int) -> str:
    """Say who holds a lock, and what to do."""
    text = os.pread(lock, 32, 0).strip()
    number = text.removesuffix(_MOVE)
    process = f" (process {number.decode()})" if number.isdigit() else ""
    if text.endswith(_MOVE):
        return f"'entrepot admin migrate'{process} copies the hub; wait until that has finished"
    return f"another server{process} serves it; stop that one first"

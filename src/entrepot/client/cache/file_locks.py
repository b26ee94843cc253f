"""Locks between processes, held on a file; they serialise downloads of the same content.

A lock is released when its process ends, even if it is killed, so nothing
needs to be cleaned up. Lock files are kept: removing one while another process
waits for it would let two processes hold the lock.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

_UNSUPPORTED = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP})
_HELD: dict[str, threading.Lock] = {}
_HELD_GUARD = threading.Lock()


@contextlib.contextmanager
def locked(path: Path) -> Iterator[bool]:
    """Wait for a lock and hold it inside the ``with``.

    The lock excludes both other processes and other threads of this process.

    Args:
        path: a file used only for this lock; it and its folders are created.

    Yields:
        Whether the lock is held: False if the file system does not support locks
        (some network shares), so the caller can fall back to private file names.

    Raises:
        OSError: the file cannot be created.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # On some systems locks belong to the process, so threads need an additional lock.
    with _HELD_GUARD:
        lock = _HELD.setdefault(os.path.abspath(path), threading.Lock())
    with lock:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            yield lock_file(descriptor)
        finally:
            os.close(descriptor)  # also releases the lock


def lock_file(descriptor: int, *, waits: bool = True) -> bool:
    """Lock an open file until it is closed; return whether it was locked.

    Args:
        waits: wait for another holder; False returns immediately on POSIX systems.

    Returns:
        False if the file system does not support locks, or if another process or thread holds the lock.

    Raises:
        OSError: the lock failed for another reason.
    """
    try:
        if sys.platform == "win32":
            _lock_on_windows(descriptor)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if waits else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno in _UNSUPPORTED:
            return False
        raise
    return True


def _lock_on_windows(descriptor: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        while True:  # LK_LOCK fails after ten seconds
            with contextlib.suppress(OSError):
                msvcrt.locking(descriptor, msvcrt.LK_LOCK, 1)
                return

"""Locks between processes, held on a file: two downloads of the same bytes take turns.

A lock vanishes with the process that holds it, however that ends, so a kill
leaves nothing to clean up. Lock files stay: removing one while somebody
waits for it would let two in.
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
    """Wait until nobody else holds the lock, and hold it inside the ``with``.

    Threads of this process take turns as well as processes do.

    Args:
        path: a file for nothing else; it and its folders are made.

    Yields:
        Whether the lock is held: False where the file system knows no locks
        (some network shares), so that the caller can do with private names.

    Raises:
        OSError: the file cannot be made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Locks of some systems belong to the process, so threads need one of their own.
    with _HELD_GUARD:
        turn = _HELD.setdefault(os.path.abspath(path), threading.Lock())
    with turn:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            yield lock_file(descriptor)
        finally:
            os.close(descriptor)  # and with it the lock


def lock_file(descriptor: int, *, waits: bool = True) -> bool:
    """Lock an open file until it is closed; whether that was possible.

    Args:
        waits: wait for another holder; False gives up instead, on POSIX systems.

    Returns:
        False where the file system knows no locks, or another holder has it.

    Raises:
        OSError: the system refuses for another reason.
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

        while True:  # LK_LOCK gives up after ten seconds
            with contextlib.suppress(OSError):
                msvcrt.locking(descriptor, msvcrt.LK_LOCK, 1)
                return

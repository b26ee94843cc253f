"""The operating system's errors in the words of the hub."""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Iterator

from entrepot.errors import BlobUnreadable, EntrepotError, InvalidName, StoreFull, StoreUnavailable

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
"""The numbers of errors that mean: no room, or no quota."""

_FULL_TEXT = re.compile(r"No space left on device|Disk quota exceeded", re.IGNORECASE)
# 117 is EUCLEAN, "structure needs cleaning", which has a name on Linux only.
_DAMAGED = frozenset({errno.EIO, errno.EBADMSG, 117})
_SHAPE = frozenset({errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG})


def store_fault(error: OSError, key: str) -> EntrepotError:
    """The error to raise for a failed system call on ``key``.

    Returns:
        StoreFull: no room or no quota.
        BlobUnreadable: the disk is damaged (EIO and the like).
        InvalidName: the key is a folder of another key, the reverse, or too
            long for this file system.
        StoreUnavailable: everything else (permissions, too many open files).
    """
    reason = os.strerror(error.errno) if error.errno else str(error)
    if error.errno in FULL:
        return StoreFull(f"{key}: {reason}")
    if error.errno in _DAMAGED:
        return BlobUnreadable(key, reason)
    if error.errno in _SHAPE:
        return InvalidName("blob key", key, f"the local store cannot hold it beside the other keys ({reason})")
    return StoreUnavailable(key, reason)


def says_full(text: str) -> bool:
    """Return whether a program failed because the disk is full, by what it printed (in the C locale)."""
    return _FULL_TEXT.search(text) is not None


@contextlib.contextmanager
def full_disk_told(what: str) -> Iterator[None]:
    """Raise :class:`StoreFull` for an ``OSError`` that means a full disk; any other error passes unchanged.

    Args:
        what: what needed room, such as ``the clone cache``.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise StoreFull(f"{what}: {os.strerror(error.errno)}") from error

"""Translation of operating system errors into the project's errors."""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Iterator

from entrepot.errors import BlobUnreadable, EntrepotError, InvalidName, StoreFull, StoreUnavailable

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
"""The error numbers for a full disk or an exceeded disk quota."""

_FULL_TEXT = re.compile(r"No space left on device|Disk quota exceeded", re.IGNORECASE)
# 117 is EUCLEAN, "structure needs cleaning", which has a name on Linux only.
_DAMAGED = frozenset({errno.EIO, errno.EBADMSG, 117})
_SHAPE = frozenset({errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG})


def store_fault(error: OSError, key: str) -> EntrepotError:
    """Return the error to raise for a failed system call on ``key``.

    Returns:
        StoreFull: the disk is full or its quota is exceeded.
        BlobUnreadable: the disk is damaged (EIO and the like).
        InvalidName: the key is a folder of another key, another key is a folder
            of it, or it is too long for this file system.
        StoreUnavailable: any other error (permissions, too many open files).
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
    """Return whether the output of a failed program (in the C locale) reports a full disk."""
    return _FULL_TEXT.search(text) is not None


@contextlib.contextmanager
def reporting_full_disk(what: str) -> Iterator[None]:
    """Convert an ``OSError`` that means a full disk into :class:`StoreFull`; others pass through unchanged.

    Args:
        what: what needed the space, such as ``the mirror``.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise StoreFull(f"{what}: {os.strerror(error.errno)}") from error

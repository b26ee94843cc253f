"""The operating system's errors in the words of the hub."""

from __future__ import annotations

import errno
import os

from entrepot.errors import BlobUnreadable, EntrepotError, InvalidName, StoreFull, StoreUnavailable

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
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
    if error.errno in _FULL:
        return StoreFull(f"{key}: {reason}")
    if error.errno in _DAMAGED:
        return BlobUnreadable(key, reason)
    if error.errno in _SHAPE:
        return InvalidName("blob key", key, f"the local store cannot hold it beside the other keys ({reason})")
    return StoreUnavailable(key, reason)

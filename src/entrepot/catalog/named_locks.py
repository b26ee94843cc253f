"""The names of what a writing transaction locks.

A transaction names every thing whose rows it checks before it writes them, or whose changes must
happen one after the other. Two transactions that share a name run one after the other; transactions
without a common name may run at the same time.

SQLite has one writer at a time and ignores the names; other databases do not.
"""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Iterable

import attrs

_BUCKETS = 64
"""Locks of contents share this many numbers, so that a transaction about thousands of files holds few locks."""


class LockClass(enum.IntEnum):
    """Kinds of things that can be locked, in the order in which a transaction takes its locks."""

    HUB = 1
    NAMESPACE = 2
    REPO = 3
    FILE = 4
    XORB = 5
    JOB = 6
    AUDIT = 7


@attrs.frozen(order=True)
class Lock:
    """The name of one lock. Values sort in the order in which locks are taken, which excludes deadlocks."""

    kind: LockClass
    number: int = 0
    """Identifies the thing among those of its kind: at most 31 bits. Different things may share a number."""

    @staticmethod
    def hub() -> Lock:
        """Return the lock of what exists once in the hub: its metadata, its accounts' names, its sweeps."""
        return Lock(LockClass.HUB)

    @staticmethod
    def namespace(namespace_id: int) -> Lock:
        """Return the lock of a namespace: its account, members, tokens and quotas, and its repositories' names."""
        return Lock(LockClass.NAMESPACE, namespace_id % 2**31)

    @staticmethod
    def repo(repo_id: int) -> Lock:
        """Return the lock of a repository: its row, refs, objects, discussions and links to files."""
        return Lock(LockClass.REPO, repo_id % 2**31)

    @staticmethod
    def file(sha256: str) -> Lock:
        """Return the lock of a large file: whether its bytes are kept, and in which form."""
        return Lock(LockClass.FILE, int(sha256[:8], 16) % _BUCKETS)

    @staticmethod
    def xorb(xorb_hash: str) -> Lock:
        """Return the lock of a xorb."""
        return Lock(LockClass.XORB, int(xorb_hash[:8], 16) % _BUCKETS)

    @staticmethod
    def job(key: str) -> Lock:
        """Return the lock of what jobs with one key do, such as the deliveries of a webhook."""
        return Lock(LockClass.JOB, int.from_bytes(hashlib.blake2b(key.encode(), digest_size=4).digest()) % 2**31)

    @staticmethod
    def audit() -> Lock:
        """Return the lock of the audit log, whose rows form one chain."""
        return Lock(LockClass.AUDIT)


def in_order(locks: Iterable[Lock]) -> tuple[Lock, ...]:
    """Return the locks in the order in which they have to be taken, each once."""
    return tuple(sorted(set(locks)))

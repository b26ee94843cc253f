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

from entrepot.names import RepoRef

_BUCKETS = 256
"""Locks of contents share this many numbers, so that a transaction about thousands of files holds few locks."""


class LockClass(enum.IntEnum):
    """The kinds of objects that can be locked, in the order in which a transaction takes its locks."""

    NOTHING = 0
    HUB = 1
    NAMESPACE = 2
    REPO = 3
    FILE = 4
    XORB = 5
    JOB = 6
    AUDIT = 7
    QUOTA = 8


@attrs.frozen(order=True)
class Lock:
    """The name of one lock. Values sort in the order in which locks are taken, which excludes deadlocks."""

    kind: LockClass
    number: int = 0
    """Identifies the thing among those of its kind: 31 bits, which different things may share. -1: no lock."""

    @staticmethod
    def nothing() -> Lock:
        """Return no lock: for transactions whose statements are each atomic, such as those on the job queue."""
        return Lock(LockClass.NOTHING, -1)

    @staticmethod
    def hub() -> Lock:
        """Return the lock of the hub as a whole: its metadata, and everything that belongs to accounts."""
        return Lock(LockClass.HUB)

    @staticmethod
    def namespace(namespace_id: int) -> Lock:
        """Return the lock of a namespace: the names of its repositories, and how many they are."""
        return Lock(LockClass.NAMESPACE, namespace_id % 2**31)

    @staticmethod
    def namespace_named(name: str) -> Lookup:
        """Return the lock of the namespace that has a name when the transaction begins."""
        return Lookup(LockClass.NAMESPACE, name)

    @staticmethod
    def repo(repo_id: int) -> Lock:
        """Return the lock of a repository: its row, refs, objects, discussions and links to files."""
        return Lock(LockClass.REPO, repo_id % 2**31)

    @staticmethod
    def repo_at(ref: RepoRef) -> Lookup:
        """Return the lock of the repository that has a name when the transaction begins."""
        return Lookup(LockClass.REPO, ref)

    @staticmethod
    def repo_with_uid(uid: str) -> Lookup:
        """Return the lock of the repository with a permanent id."""
        return Lookup(LockClass.REPO, uid)

    @staticmethod
    def new_repo() -> Lock:
        """Return the lock of a repository that the transaction creates: no other transaction can know it yet."""
        return Lock(LockClass.REPO, -1)

    @staticmethod
    def file(sha256: str) -> Lock:
        """Return the lock of a large file: whether its bytes are kept, and in which form."""
        return Lock(LockClass.FILE, int(sha256[:8], 16) % _BUCKETS)

    @staticmethod
    def xorb(xet_hash: str) -> Lock:
        """Return the lock of a xorb, or of a file in chunks, which have names of the same kind."""
        return Lock(LockClass.XORB, int(xet_hash[:8], 16) % _BUCKETS)

    @staticmethod
    def all_xorbs() -> tuple[Lock, ...]:
        """Return the locks of every xorb and of every file in chunks."""
        return tuple(Lock(LockClass.XORB, number) for number in range(_BUCKETS))

    @staticmethod
    def job(key: str) -> Lock:
        """Return the lock of what jobs with one key do, such as the deliveries of a webhook."""
        return Lock(LockClass.JOB, int.from_bytes(hashlib.blake2b(key.encode(), digest_size=4).digest()) % 2**31)

    @staticmethod
    def audit() -> Lock:
        """Return the lock of the audit log, whose rows form one chain."""
        return Lock(LockClass.AUDIT)

    @staticmethod
    def quota(namespace_id: int) -> Lock:
        """Return the lock of the bytes that a namespace uses, for :meth:`Write.check_last` only."""
        return Lock(LockClass.QUOTA, namespace_id % 2**31)


@attrs.frozen
class Lookup:
    """The lock of a named object, whose row id is looked up when the transaction begins.

    The name is looked up again after the lock was taken, because the thing may have been renamed in
    between. A name that nothing has is locked against being taken: by the lock of the namespace
    that a repository would be in, or by the lock of the hub.
    """

    kind: LockClass
    name: RepoRef | str


AnyLock = Lock | Lookup


def in_order(locks: Iterable[Lock]) -> tuple[Lock, ...]:
    """Return the locks in the order in which they have to be taken, each once."""
    return tuple(sorted(lock for lock in set(locks) if lock.number >= 0))

"""JSON of the Git LFS locking API: requests of the client and responses of the hub.

Source: git-lfs, docs/api/locking.md. Clients fail on ``null`` where they
expect a list, and treat a missing ``next_cursor`` as the last page.
"""

from __future__ import annotations

from msgspec import UNSET, Struct, UnsetType

from entrepot.wire.files.lfs import LfsRef


class LockRequest(Struct, frozen=True):
    """A path to lock; ``ref`` is the client's current branch."""

    path: str
    ref: LfsRef | None = None


class VerifyRequest(Struct, frozen=True):
    """A request for all locks, sent before a push; with ``limit`` 0 the hub chooses the page size."""

    cursor: str = ""
    limit: int = 0
    ref: LfsRef | None = None


class UnlockRequest(Struct, frozen=True):
    """A lock to release; ``force`` also releases the lock of another user."""

    force: bool = False
    ref: LfsRef | None = None


class LockOwner(Struct, frozen=True):
    """The owner of a lock."""

    name: str


class LockInfo(Struct, frozen=True):
    """One lock; ``locked_at`` is ISO 8601 with ``Z``, with a resolution of one second."""

    id: str
    path: str
    locked_at: str
    owner: LockOwner


class LockResponse(Struct, frozen=True):
    """A lock that was created or released, or that conflicts with the request; in that case ``message`` says so."""

    lock: LockInfo
    message: str | UnsetType = UNSET


class LockList(Struct, frozen=True):
    """One page of locks."""

    locks: list[LockInfo]
    next_cursor: str | UnsetType = UNSET


class VerifiedLocks(Struct, frozen=True):
    """One page of locks, divided into those of the caller and those of other users."""

    ours: list[LockInfo]
    theirs: list[LockInfo]
    next_cursor: str | UnsetType = UNSET

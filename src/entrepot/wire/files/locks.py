"""Locks of git-lfs as JSON: what a client asks and what the hub answers.

Source: git-lfs, docs/api/locking.md. A client fails on ``null`` where a list
is expected, and takes a missing ``next_cursor`` for the end.
"""

from __future__ import annotations

from msgspec import UNSET, Struct, UnsetType

from entrepot.wire.files.lfs import LfsRef


class LockRequest(Struct, frozen=True):
    """A path to be locked; ``ref`` is the branch the client is on."""

    path: str
    ref: LfsRef | None = None


class VerifyRequest(Struct, frozen=True):
    """A question for all locks, before a push; ``limit`` 0 leaves the number to the hub."""

    cursor: str = ""
    limit: int = 0
    ref: LfsRef | None = None


class UnlockRequest(Struct, frozen=True):
    """A lock to be released, also if it is somebody else's when ``force`` is true."""

    force: bool = False
    ref: LfsRef | None = None


class LockOwner(Struct, frozen=True):
    """Who holds a lock."""

    name: str


class LockInfo(Struct, frozen=True):
    """One lock; ``locked_at`` is ISO 8601 with ``Z``, to the second."""

    id: str
    path: str
    locked_at: str
    owner: LockOwner


class LockResponse(Struct, frozen=True):
    """A lock that was made, released, or is in the way; then ``message`` says so."""

    lock: LockInfo
    message: str | UnsetType = UNSET


class LockList(Struct, frozen=True):
    """One page of locks."""

    locks: list[LockInfo]
    next_cursor: str | UnsetType = UNSET


class VerifiedLocks(Struct, frozen=True):
    """One page of locks, those of the caller and those of others."""

    ours: list[LockInfo]
    theirs: list[LockInfo]
    next_cursor: str | UnsetType = UNSET

"""Locks on files: who holds them, and which changes by others they forbid.

A lock is taken on a path of a repository, on all its branches. Until it is
released, no one else can change that path or anything below it, neither by a
push nor by a commit over HTTP.

Source: git-lfs, docs/api/locking.md.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Sequence

import attrs

from entrepot.catalog import Read
from entrepot.catalog.repos import locks
from entrepot.catalog.repos.locks import LfsLock as LfsLock
from entrepot.errors import LimitExceeded, NotAllowed, Refused, ThingNotFound, shown
from entrepot.hub import access
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.names import Oid, RefName, RepoPath, RepoRef
from entrepot.storage import objects
from entrepot.storage.trees import Trees

MAX_PAGE = 1_000
"""Maximum number of locks in one page."""

MAX_LOCKS = 2_000
"""Maximum number of locks of one user in a repository: every commit of another user compares all of their paths."""


@attrs.frozen
class LockPage:
    """A page of locks, and the cursor of the next page if there is one."""

    locks: Sequence[LfsLock]
    next: str | None


@attrs.frozen
class LockResult:
    """The lock on a path; ``is_new``: the caller has just taken it."""

    lock: LfsLock
    is_new: bool


@attrs.frozen
class LockVerification:
    """A page of locks, and the account that requests it."""

    ours: Sequence[LfsLock]
    theirs: Sequence[LfsLock]
    next: str | None


def take(hub: HubContext, caller: MaybeCaller, ref: RepoRef, path: RepoPath, branch: RefName | None) -> LockResult:
    """Lock a path for the caller, or return the existing lock.

    Args:
        branch: stored, without effect.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled, LoginRequired, NotAllowed: no access.
        LimitExceeded: the caller has too many locks there.
    """
    with hub.write(access.lock(hub, caller, ref, access.committable)) as tx:
        row, author = access.committable(tx, caller, ref)
        there = locks.at_path(tx, row.id, path)
        if there is not None:
            return LockResult(there, is_new=False)
        if locks.count_of(tx, row.id, author.account.id) >= MAX_LOCKS:
            raise LimitExceeded(
                "the number of your locks in this repository", MAX_LOCKS, "lock a folder, or unlock some"
            )
        uid = locks.add(tx, row.id, path, branch, author.account.id, hub.now_ms())
        made = locks.find(tx, row.id, uid)
    assert made is not None
    return LockResult(made, is_new=True)


def search(
    hub: HubContext, caller: MaybeCaller, ref: RepoRef, *, path: str, uid: str, cursor: str, limit: int
) -> LockPage:
    """Return the locks of a repository, filtered by path and id if these are not empty.

    Args:
        cursor: ``next`` of the previous page, or empty.
        limit: 1 to 1,000.

    Raises:
        RepoNotFound, RepoMoved, GatedRepo, RepoDisabled: no access.
    """
    with hub.read() as tx:
        row = access.readable(tx, caller, ref)
        if not path and not uid:
            return _page(tx, row.id, cursor, limit)
        found = locks.find(tx, row.id, uid) if uid else locks.at_path(tx, row.id, RepoPath(path))
    is_meant = found is not None and path in ("", found.path)
    return LockPage([found] if found is not None and is_meant else [], None)


def verify(hub: HubContext, caller: MaybeCaller, ref: RepoRef, *, cursor: str, limit: int) -> LockVerification:
    """Return the locks that matter for a push of the caller: their own and those of others.

    Args:
        cursor: ``next`` of the previous page, or empty.
        limit: of both lists together, 1 to 1,000.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled, LoginRequired, NotAllowed: no access.
    """
    with hub.read() as tx:
        row, author = access.committable(tx, caller, ref)
        page = _page(tx, row.id, cursor, limit)
    ours = [lock for lock in page.locks if lock.owner_id == author.account.id]
    return LockVerification(ours, [lock for lock in page.locks if lock.owner_id != author.account.id], page.next)


def release(hub: HubContext, caller: MaybeCaller, ref: RepoRef, uid: str, *, by_force: bool) -> LfsLock:
    """Delete a lock, and return it.

    Args:
        by_force: also delete a lock of another user.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled, LoginRequired: no access.
        NotAllowed: the caller may not write, or does not own the lock.
        ThingNotFound: the lock does not exist.
    """
    check = access.writable if by_force else access.committable
    with hub.write(access.lock(hub, caller, ref, check)) as tx:
        row, author = check(tx, caller, ref)
        lock = locks.find(tx, row.id, uid)
        if lock is None:
            raise ThingNotFound("lock", uid)
        if lock.owner_id != author.account.id and not by_force:
            raise NotAllowed(f"{shown(lock.path)} is locked by {lock.owner}; 'git lfs unlock --force' breaks the lock")
        locks.remove(tx, lock.uid)
    return lock


def refusal(lock: LfsLock) -> str:
    """Return the message for a change that a lock forbids."""
    path = shown(lock.path)
    return f"{path} is locked by {lock.owner}; ask them to unlock it, or run: git lfs unlock --force {path}"


def check_move(hub: HubContext, tx: Read, repo_id: int, account_id: int, before: Collection[Oid], after: Oid) -> None:
    """Raise if a ref is about to get other content at a path that another user has locked.

    Call it under the lock of the repository: taking a git-lfs lock needs the same one, so none is taken in between.

    Args:
        before: the commits whose content the ref may have at each path; if empty, it may have any content.
        after: the new commit; its objects must be stored already.

    Raises:
        Refused: at a locked path, the new commit differs from all others.
    """
    held = locks.of_others(tx, repo_id, account_id) if before else []
    if not held:
        return
    trees = Trees(hub.store, tx, repo_id)
    old, new = ([objects.root_of(hub.store, tx, repo_id, oid) for oid in oids] for oids in (before, [after]))

    @functools.cache
    def may_differ(path: RepoPath) -> bool:
        return trees.find(new[0], path) not in [trees.find(root, path) for root in old]

    for lock in held:
        # Most locks are in folders that do not change at all.
        if may_differ(RepoPath(lock.path.partition("/")[0])) and may_differ(lock.path):
            raise Refused(refusal(lock))


def ask_ahead(tx: Read, repo_id: int, account_id: int) -> None:
    """Announce that :func:`check_move` will be called."""
    locks.ask_ahead_of_others(tx, repo_id, account_id)


def _page(tx: Read, repo_id: int, cursor: str, limit: int) -> LockPage:
    found = locks.page(tx, repo_id, after=cursor, limit=limit + 1)
    return LockPage(found[:limit], found[limit - 1].uid if len(found) > limit else None)

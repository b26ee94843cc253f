"""Queries on LFS file locks: at most one for each path of a repository."""

from __future__ import annotations

import attrs
import sqlalchemy as sa

from entrepot.catalog import tables
from entrepot.catalog.database import Read, Write
from entrepot.catalog.prepared import Prepared
from entrepot.catalog.repos.commits import path_key
from entrepot.names import RefName, RepoPath, Uid, new_uid

_K = tables.lfs_locks
_NS = tables.namespaces

# Statements are built once: building one costs more than running it, and every commit checks for locks.
_SELECT = sa.select(_K.c.uid, _K.c.path, _K.c.ref, _K.c.owner_id, _NS.c.name, _K.c.locked_ms).join(
    _NS, _NS.c.id == _K.c.owner_id
)
_HERE = _K.c.repo_id == sa.bindparam("repo")
_BY_UID = _SELECT.where(_HERE & (_K.c.uid == sa.bindparam("uid")))
_BY_PATH = _SELECT.where(_HERE & (_K.c.path_key == sa.bindparam("key")))
_OF_OTHERS = Prepared(_SELECT.where(_HERE & (_K.c.owner_id != sa.bindparam("account"))).order_by(_K.c.uid))
_COUNT = sa.select(sa.func.count()).select_from(_K).where(_HERE & (_K.c.owner_id == sa.bindparam("account")))
_PAGE = (
    _SELECT.where(_HERE & (_K.c.uid > sa.bindparam("after")))
    .order_by(_K.c.uid)
    .limit(sa.bindparam("number", type_=sa.Integer))
)


@attrs.frozen
class LfsLock:
    """A path that only its owner may change; ``ref`` is the branch that the owner gave, and restricts nothing."""

    uid: Uid
    path: RepoPath
    ref: RefName | None
    owner_id: int
    owner: str
    locked_ms: int


def add(tx: Write, repo_id: int, path: RepoPath, ref: RefName | None, owner_id: int, now_ms: int) -> Uid:
    """Record a lock and return its id; the caller must have checked in this transaction that the path is unlocked."""
    uid = new_uid()
    tx.sql.execute(
        sa.insert(_K).values(
            uid=uid,
            repo_id=repo_id,
            path_key=path_key(path),
            path=path,
            ref=ref,
            owner_id=owner_id,
            locked_ms=now_ms,
        )
    )
    return uid


def find(tx: Read, repo_id: int, uid: str) -> LfsLock | None:
    """Return the lock with this id if it is in this repository, else None."""
    row = tx.sql.execute(_BY_UID, {"repo": repo_id, "uid": uid}).first()
    return LfsLock(*row) if row else None


def at_path(tx: Read, repo_id: int, path: RepoPath) -> LfsLock | None:
    """Return the lock on a path, or None."""
    row = tx.sql.execute(_BY_PATH, {"repo": repo_id, "key": path_key(path)}).first()
    return LfsLock(*row) if row else None


def page(tx: Read, repo_id: int, *, after: str = "", limit: int) -> list[LfsLock]:
    """Return one page of the locks of a repository, oldest first (accurate to the second).

    Args:
        after: the id of the last lock of the previous page.
    """
    return [LfsLock(*row) for row in tx.sql.execute(_PAGE, {"repo": repo_id, "after": after, "number": limit})]


def of_others(tx: Read, repo_id: int, account_id: int) -> list[LfsLock]:
    """Return the locks of a repository that are owned by other accounts than this one."""
    return [LfsLock(*row) for row in _OF_OTHERS.all(tx, {"repo": repo_id, "account": account_id})]


def ask_ahead_of_others(tx: Read, repo_id: int, account_id: int) -> None:
    """Announce that :func:`of_others` will be called."""
    _OF_OTHERS.ask_ahead(tx, {"repo": repo_id, "account": account_id})


def count_of(tx: Read, repo_id: int, account_id: int) -> int:
    """Return how many locks of a repository an account owns."""
    return tx.sql.execute(_COUNT, {"repo": repo_id, "account": account_id}).scalar_one()


def remove(tx: Write, uid: Uid) -> None:
    """Delete a lock."""
    tx.sql.execute(sa.delete(_K).where(_K.c.uid == uid))

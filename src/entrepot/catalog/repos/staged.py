"""Queries on staged changes: what users have put on branches without committing it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import attrs
import sqlalchemy as sa

from entrepot.catalog import tables
from entrepot.catalog.database import Read, Write
from entrepot.catalog.lists import slices
from entrepot.catalog.repos.commits import path_key
from entrepot.names import Oid, RefName, RepoPath, Sha256

ADD, DELETE, CLEAR = "add", "delete", "clear"
"""The changes: add a file, delete a file, delete a folder with its content.

A folder may be deleted and a file added at its path: these are two changes, all others of a path replace each other.
"""

_S = tables.staged
_NS = tables.namespaces
_COLUMNS = [_S.c.id, _S.c.path, _S.c.op, _S.c.oid, _S.c.sha256, _S.c.size, _S.c.staged_ms, _NS.c.name]
_ON_BRANCH = (_S.c.repo_id == sa.bindparam("repo")) & (_S.c.ref == sa.bindparam("branch"))
_MINE = _ON_BRANCH & (_S.c.user_id == sa.bindparam("user"))
_FRESH = _S.c.staged_ms >= sa.bindparam("since")
_SELECT = sa.select(*_COLUMNS).outerjoin(_NS, _NS.c.id == _S.c.user_id).order_by(_S.c.id)
# Statements are built once: building one costs more than running it.
_ALL_MINE = _SELECT.where(_MINE & _FRESH)
_PAGE = _SELECT.where(_ON_BRANCH & _FRESH & (_S.c.id > sa.bindparam("after"))).limit(
    sa.bindparam("number", type_=sa.Integer)
)
_MY_PAGE = _PAGE.where(_S.c.user_id == sa.bindparam("user"))
_IDS = sa.select(_S.c.id).where(_MINE & _FRESH).order_by(_S.c.id)
_PATHS = sa.select(_S.c.path, _S.c.op).where(_MINE)
_COUNT = sa.select(sa.func.count()).where(_MINE)
_REMOVE = sa.delete(_S).where(_MINE & _S.c.path_key.in_(sa.bindparam("keys", expanding=True)))
_REMOVE_ADDED = _REMOVE.where(_S.c.op == ADD)
_DROP_OLD = sa.delete(_S).where(_MINE & (_S.c.staged_ms < sa.bindparam("since")))
_DROP_MINE = sa.delete(_S).where(_MINE)
_DROP = sa.delete(_S).where(_ON_BRANCH)
_HELD = sa.select(_S.c.oid, _S.c.ref, _S.c.path).where((_S.c.repo_id == sa.bindparam("repo")) & _S.c.oid.is_not(None))


@attrs.frozen
class StagedRow:
    """A staged change; ``oid`` is the file object (None: a deletion), ``user`` the account's name, if it exists."""

    id: int
    path: RepoPath
    op: str
    oid: Oid | None
    sha256: Sha256 | None
    size: int
    staged_ms: int
    user: str | None


@attrs.frozen
class Area:
    """The staged changes of one user on one branch; those from before ``since_ms`` have ended."""

    repo_id: int
    ref: RefName
    user_id: int
    since_ms: int = 0

    def names(self) -> Mapping[str, object]:
        """Return the area as parameters of a statement."""
        return {"repo": self.repo_id, "branch": self.ref, "user": self.user_id, "since": self.since_ms}


def everything(tx: Read, area: Area) -> list[StagedRow]:
    """Return all changes of an area, in the order of staging."""
    return [StagedRow(*row) for row in tx.sql.execute(_ALL_MINE, area.names())]


def ids(tx: Read, area: Area) -> list[int]:
    """Return the row ids of the changes of an area, ascending; a path that is staged again gets another id."""
    return list(tx.sql.execute(_IDS, area.names()).scalars())


def page(tx: Read, area: Area, *, of_all: bool, after: int, limit: int) -> list[StagedRow]:
    """Return one page of changes in the order of staging.

    Args:
        of_all: those of all users on the branch.
        after: the id of the last change of the previous page, 0 for the first page.
    """
    names = {**area.names(), "after": after, "number": limit}
    return [StagedRow(*row) for row in tx.sql.execute(_PAGE if of_all else _MY_PAGE, names)]


def paths(tx: Read, area: Area) -> list[tuple[RepoPath, str]]:
    """Return path and kind of the changes of an area, in no particular order."""
    return [(path, op) for path, op in tx.sql.execute(_PATHS, area.names())]


def count(tx: Read, area: Area) -> int:
    """Return the number of changes of an area, including those that have ended."""
    return tx.sql.execute(_COUNT, area.names()).scalar_one()


def put(tx: Write, area: Area, rows: Sequence[StagedRow], now_ms: int) -> None:
    """Stage changes, each instead of an earlier one of its path; id, time and user of the rows are ignored."""
    remove(tx, area, [(row.path, row.op) for row in rows])
    values = [
        {
            "repo_id": area.repo_id,
            "ref": area.ref,
            "user_id": area.user_id,
            "path_key": _key_of(row.path, row.op),
            "path": row.path,
            "op": row.op,
            "oid": row.oid,
            "sha256": row.sha256,
            "size": row.size,
            "staged_ms": now_ms,
        }
        for row in rows
    ]
    if values:
        tx.sql.execute(sa.insert(_S), values)


def remove(tx: Write, area: Area, gone: Sequence[tuple[RepoPath, str]]) -> None:
    """Drop the changes with the given paths and kinds; additions and deletions of a file count as one kind."""
    _remove(tx, area, _REMOVE, [_key_of(path, op) for path, op in gone])


def remove_added(tx: Write, area: Area, gone: Sequence[RepoPath]) -> None:
    """Drop the additions of the given paths."""
    _remove(tx, area, _REMOVE_ADDED, [_key_of(path, ADD) for path in gone])


def drop_old(tx: Write, area: Area) -> None:
    """Drop the changes of an area that have ended."""
    tx.sql.execute(_DROP_OLD, area.names())


def drop(tx: Write, area: Area, *, of_all: bool = False) -> int:
    """Drop all changes of an area, or with ``of_all`` those of all users on its branch; return their number."""
    return tx.sql.execute(_DROP if of_all else _DROP_MINE, area.names()).rowcount


def held(tx: Read, repo_id: int) -> Iterator[tuple[Oid, RefName, RepoPath]]:
    """Yield (file object, branch, path) of every staged addition of a repository."""
    for row in tx.sql.execute(_HELD, {"repo": repo_id}):
        yield row.oid, row.ref, row.path


def ended(tx: Read, before_ms: int) -> list[tuple[int, int]]:
    """Return (repository, number) of the changes that were staged before a time."""
    query = sa.select(_S.c.repo_id, sa.func.count()).where(_S.c.staged_ms < before_ms).group_by(_S.c.repo_id)
    return [(repo_id, number) for repo_id, number in tx.sql.execute(query)]


def drop_ended(tx: Write, repo_id: int, before_ms: int) -> None:
    """Drop the changes of a repository that were staged before a time."""
    tx.sql.execute(sa.delete(_S).where((_S.c.repo_id == repo_id) & (_S.c.staged_ms < before_ms)))


def _remove(tx: Write, area: Area, statement: sa.Delete, keys: Sequence[str]) -> None:
    for batch in slices(keys):
        tx.sql.execute(statement, {**area.names(), "keys": batch})


def _key_of(path: RepoPath, op: str) -> str:
    return path_key(RepoPath(f"{path}/") if op == CLEAR else path)

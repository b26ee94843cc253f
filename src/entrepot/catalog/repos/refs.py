"""Queries on refs: only refs make commits reachable."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from entrepot.catalog import tables
from entrepot.catalog.database import Read, Write
from entrepot.catalog.lists import slices
from entrepot.catalog.prepared import Prepared, PreparedWrite
from entrepot.catalog.repos import repositories
from entrepot.names import Oid, RefName, RepoRef

_T = tables.refs
# Statements are built once: building one costs more than running it on cached pages.
_FIND = Prepared(
    sa.select(_T.c.oid).where((_T.c.repo_id == sa.bindparam("repo")) & (_T.c.name == sa.bindparam("called")))
)
# An expanding list would be rendered into the text of the statement at every call.
_MAX_NAMES = 4
_IS_CALLED = _T.c.name.in_([sa.bindparam(f"called{i}") for i in range(_MAX_NAMES)])
_FIND_MANY = Prepared(sa.select(_T.c.name, _T.c.oid).where((_T.c.repo_id == sa.bindparam("repo")) & _IS_CALLED))
# A repository that does not exist has no refs; they are looked up nevertheless, because that takes time.
_FIND_MANY_BY_NAME = Prepared(
    sa.select(_T.c.repo_id, _T.c.name, _T.c.oid).where(
        (_T.c.repo_id == sa.func.coalesce(repositories.ID_BY_NAME.scalar_subquery(), 0)) & _IS_CALLED
    )
)
_LOW: sa.BindParameter[str] = sa.bindparam("low", type_=sa.String)
_BELOW = Prepared(
    sa.select(_T.c.name)
    .where((_T.c.repo_id == sa.bindparam("repo")) & (_T.c.name > _LOW) & (_T.c.name < sa.bindparam("high")))
    # Some databases sort names that differ in case together.
    .where(sa.func.substr(_T.c.name, 1, sa.func.length(_LOW)) == _LOW)
    .order_by(_T.c.name)
    .limit(1)
)
_ALL = sa.select(_T.c.name, _T.c.oid).where(_T.c.repo_id == sa.bindparam("repo")).order_by(_T.c.name)
_ADD = PreparedWrite(lambda _dialect: sa.insert(_T), ["repo_id", "name", "oid", "updated_ms"])
_MOVE = PreparedWrite(
    lambda _dialect: (
        sa.update(_T)
        .where((_T.c.repo_id == sa.bindparam("repo")) & (_T.c.name == sa.bindparam("called")))
        .where(_T.c.oid == sa.bindparam("was"))
        .values(oid=sa.bindparam("becomes"), updated_ms=sa.bindparam("now"))
    )
)

_REMOVE = PreparedWrite(
    lambda _dialect: (
        sa.delete(_T)
        .where((_T.c.repo_id == sa.bindparam("repo")) & (_T.c.name == sa.bindparam("called")))
        .where(_T.c.oid == sa.bindparam("was"))
    )
)

_S = tables.staged
_UNSTAGE = PreparedWrite(
    lambda _dialect: sa.delete(_S).where((_S.c.repo_id == sa.bindparam("repo")) & (_S.c.ref == sa.bindparam("called")))
)


def find(tx: Read, repo_id: int, name: RefName) -> Oid | None:
    """Return the object id of a ref, or None."""
    found: Oid | None = _FIND.scalar(tx, {"repo": repo_id, "called": name})
    return found


def find_many(tx: Read, repo_id: int, names: list[RefName]) -> dict[RefName, Oid]:
    """Return the object ids of the given refs, without absent ones."""
    found: dict[RefName, Oid] = {}
    for batch in slices(names, _MAX_NAMES):
        found.update((name, oid) for name, oid in _FIND_MANY.all(tx, {"repo": repo_id, **_called(batch)}))
    return found


def ask_ahead(tx: Read, repo_id: int, name: RefName) -> None:
    """Announce that :func:`find` will look for a ref."""
    _FIND.ask_ahead(tx, {"repo": repo_id, "called": name})


def ask_ahead_many(tx: Read, ref: RepoRef, names: list[RefName]) -> None:
    """Announce that :func:`find_many` will be called with these names for a repository, if it exists."""
    for batch in slices(names, _MAX_NAMES):
        called = _called(batch)
        values = {**repositories.names_of(ref), **called}
        _FIND_MANY_BY_NAME.ask_ahead_for(tx, values, _FIND_MANY, completed="repo", known=called)


def _called(batch: Sequence[RefName]) -> dict[str, RefName]:
    return {f"called{i}": batch[min(i, len(batch) - 1)] for i in range(_MAX_NAMES)}


def everything(tx: Read, repo_id: int) -> list[tuple[RefName, Oid]]:
    """Return all refs of a repository, by name."""
    return [(name, oid) for name, oid in tx.sql.execute(_ALL, {"repo": repo_id})]


def find_related(tx: Read, repo_id: int, name: RefName) -> RefName | None:
    """Return a ref below or above a name, of which git can hold only one (``refs/heads/a`` and ``refs/heads/a/b``)."""
    folders = name.split("/")
    above = [RefName("/".join(folders[:depth])) for depth in range(3, len(folders))]
    found = next(iter(find_many(tx, repo_id, above)), None)
    # The character after "/" is "0".
    return found or _BELOW.scalar(tx, {"repo": repo_id, "low": f"{name}/", "high": f"{name}0"})


def copy_all(tx: Write, source_id: int, target_id: int, now_ms: int) -> None:
    """Create the refs of one repository in another one that has none, except the heads of pull requests."""
    here = (_T.c.repo_id == source_id) & ~_T.c.name.startswith("refs/pr/")
    copies = sa.select(sa.literal(target_id), _T.c.name, _T.c.oid, sa.literal(now_ms)).where(here)
    tx.sql.execute(sa.insert(_T).from_select(["repo_id", "name", "oid", "updated_ms"], copies))


def has_moved_since(tx: Read, repo_id: int, time_ms: int) -> bool:
    """Return whether a ref of a repository was created or has moved at a time or later."""
    here = (_T.c.repo_id == repo_id) & (_T.c.updated_ms >= time_ms)
    return tx.sql.execute(sa.select(_T.c.name).where(here).limit(1)).first() is not None


def page(
    tx: Read, repo_id: int, prefix: str, *, part: str = "", after: str = "", limit: int
) -> list[tuple[RefName, Oid]]:
    """Return a page of the refs whose names begin with a prefix, by name.

    Args:
        part: only those whose names contain this text after the prefix, in this case.
        after: the last name of the previous page.
    """
    here = (_T.c.repo_id == repo_id) & _T.c.name.startswith(prefix, autoescape=True) & (_T.c.name > after)
    query = sa.select(_T.c.name, _T.c.oid).where(here).order_by(_T.c.name).limit(limit)
    if part:
        query = query.where(sa.func.substr(_T.c.name, len(prefix) + 1).contains(part, autoescape=True))
    return [(name, oid) for name, oid in tx.sql.execute(query)]


def swap(tx: Write, repo_id: int, name: RefName, old: Oid | None, new: Oid | None, now_ms: int) -> bool:
    """Move a ref from ``old`` to ``new``, where None means absent; staged changes end with their branch.

    Returns:
        False, with nothing changed, if the ref is not at ``old``.
    """
    if old is None:
        if new is None or find(tx, repo_id, name) is not None:
            return False
        _ADD.run(tx, {"repo_id": repo_id, "name": name, "oid": new, "updated_ms": now_ms})
        return True
    if new is None:
        is_gone = bool(_REMOVE.run(tx, {"repo": repo_id, "called": name, "was": old}))
        if is_gone:
            _UNSTAGE.run(tx, {"repo": repo_id, "called": name})
        return is_gone
    values = {"repo": repo_id, "called": name, "was": old, "becomes": new, "now": now_ms}
    return bool(_MOVE.run(tx, values))

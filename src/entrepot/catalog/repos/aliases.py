"""Queries on aliases: names without a namespace that refer to repositories.

An alias is a redirect whose key has no slash. It follows a repository that is
renamed, and ends when the repository is deleted.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import sqlalchemy as sa

from entrepot.catalog import tables
from entrepot.catalog.database import Read, Write
from entrepot.catalog.repos import repositories
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.names import RepoType

_A = tables.redirects
_ORDER = (_A.c.type, _A.c.path_key)
_IS_ALIAS = _A.c.path_key.not_like("%/%")


@attrs.frozen
class AliasRow:
    """An alias in lower case, and the repository it refers to."""

    name: str
    repo: RepoRow


def search(
    tx: Read, kind: RepoType | None = None, *, after: tuple[str, str] = ("", ""), limit: int
) -> Sequence[AliasRow]:
    """Return a page of the aliases of a repository type, or of all aliases, by type and name.

    Args:
        after: type and name of the last alias of the previous page.
    """
    repos = tables.repos
    query = sa.select(_A.c.path_key, _A.c.repo_id).join(repos, repos.c.id == _A.c.repo_id).order_by(*_ORDER)
    query = query.where(_IS_ALIAS & repos.c.deleted_ms.is_(None)).limit(limit)
    query = query.where(sa.tuple_(*_ORDER) > sa.tuple_(*map(sa.literal, after)))
    if kind is not None:
        query = query.where(_A.c.type == kind.value)
    rows = tx.sql.execute(query).all()
    found = repositories.by_ids(tx, [row.repo_id for row in rows])
    return [AliasRow(row.path_key, found[row.repo_id]) for row in rows if row.repo_id in found]


def is_taken(tx: Read, name: str) -> bool:
    """Return whether a repository type has an alias with this name."""
    query = sa.select(_A.c.repo_id).where(_A.c.path_key == name.lower()).limit(1)
    return tx.sql.execute(query).first() is not None


def put(tx: Write, kind: RepoType, name: str, repo_id: int) -> None:
    """Create an alias for a repository, or redirect an existing alias to it."""
    remove(tx, kind, name)
    tx.sql.execute(sa.insert(_A).values(type=kind.value, path_key=name.lower(), repo_id=repo_id))


def remove(tx: Write, kind: RepoType, name: str) -> bool:
    """Delete an alias; return whether it existed."""
    query = sa.delete(_A).where((_A.c.type == kind.value) & (_A.c.path_key == name.lower()))
    return tx.sql.execute(query).rowcount > 0

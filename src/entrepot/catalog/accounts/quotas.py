"""Queries on quotas, and on how much of them namespaces use."""

from __future__ import annotations

from typing import Any

import attrs
import sqlalchemy as sa

from entrepot.catalog import community_tables, file_tables, tables
from entrepot.catalog.database import Read, Write
from entrepot.catalog.prepared import Prepared

_Q = community_tables.quotas
_R = tables.repos
_BELOW = sa.select(tables.namespaces.c.id).where(tables.namespaces.c.parent_id == sa.bindparam("namespace"))
_HERE = (_R.c.namespace_id == sa.bindparam("namespace")) | _R.c.namespace_id.in_(_BELOW.correlate(None))
_HERE &= _R.c.deleted_ms.is_(None)
# Statements are built once: the first runs before every upload.
_FIND = Prepared(
    sa.select(_Q.c.max_bytes, _Q.c.max_repos, _Q.c.max_file_bytes).where(_Q.c.namespace_id == sa.bindparam("namespace"))
)
_COUNT = sa.select(sa.func.count()).select_from(_R).where(_HERE)


def _bytes_in(table: sa.Table) -> sa.Select[Any]:
    query = sa.select(sa.func.coalesce(sa.func.sum(table.c.size), 0)).select_from(_R)
    return query.join(table, table.c.repo_id == _R.c.id)


_BYTES = [_bytes_in(table) for table in (file_tables.file_links, tables.objects, file_tables.bucket_files)]


@attrs.frozen
class QuotaRow:
    """The quota of one namespace; None means the default from the settings of the hub, 0 means no limit."""

    max_bytes: int | None = None
    max_repos: int | None = None
    max_file_bytes: int | None = None


def find(tx: Read, namespace_id: int) -> QuotaRow:
    """Return the quota of a namespace; every field is None if none is set."""
    row = _FIND.first(tx, {"namespace": namespace_id})
    return QuotaRow(*row) if row else QuotaRow()


def put(tx: Write, namespace_id: int, quota: QuotaRow) -> None:
    """Set the quota of a namespace, replacing an earlier one."""
    tx.sql.execute(sa.delete(_Q).where(_Q.c.namespace_id == namespace_id))
    if quota != QuotaRow():
        tx.sql.execute(sa.insert(_Q).values(namespace_id=namespace_id, **attrs.asdict(quota)))


def count_repos(tx: Read, namespace_id: int) -> int:
    """Return the number of repositories of an account, including those in its folders."""
    return tx.sql.execute(_COUNT, {"namespace": namespace_id}).scalar_one()


def bytes_of_namespace(tx: Read, namespace_id: int) -> int:
    """Return the bytes of large files, git objects and buckets in all repositories of an account and of its folders.

    Content that two of them share counts twice.
    """
    wanted = {"namespace": namespace_id}
    return sum(int(tx.sql.execute(query.where(_HERE), wanted).scalar_one()) for query in _BYTES)


def bytes_of_repo(tx: Read, repo_id: int) -> int:
    """Return the bytes of large files and git objects of one repository, or of the files of a bucket."""
    here = _R.c.id == repo_id
    return sum(int(tx.sql.execute(query.where(here)).scalar_one()) for query in _BYTES)

"""Marks of repositories on rows of other tables, by which indexes keep apart what a reader may not see.

A mark is that of :mod:`entrepot.catalog.visibility`, copied from the repository: when a row is inserted,
and again when the repository changes its visibility or its namespace.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import sqlalchemy as sa

from entrepot.catalog import community_tables, tables
from entrepot.catalog.database import Write
from entrepot.catalog.lists import bounded

_R = tables.repos

MARKED = (tables.repo_tags, tables.lineage_edges, tables.activity, community_tables.likes)
"""The tables whose rows have the mark of their repository."""


def renew(tx: Write, chosen: sa.ColumnElement[bool]) -> None:
    """Copy the marks of repositories again after their visibility or their namespace has changed.

    Args:
        chosen: a condition on rows of ``repos``.
    """
    for table in MARKED:
        mark = sa.select(_R.c.mark).where(_R.c.id == table.c.repo_id).scalar_subquery()
        tx.sql.execute(sa.update(table).where(table.c.repo_id.in_(sa.select(_R.c.id).where(chosen))).values(mark=mark))


def marks_of(tx: Write, repo_ids: Collection[int]) -> Mapping[int, int]:
    """Return the marks of repositories for rows that are inserted now.

    Until the transaction ends, no other one changes them: the grants of a folder change those of its repositories
    without the locks of these.
    """
    query = sa.select(_R.c.id, _R.c.mark).where(_R.c.id.in_(bounded(repo_ids))).with_for_update(key_share=True)
    return {row[0]: row[1] for row in tx.sql.execute(query)}

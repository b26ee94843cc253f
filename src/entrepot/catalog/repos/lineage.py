"""Queries on lineage: which commits were made from what.

An edge leads from a source to a commit of a repository of this hub. The
source has a name only: it may be on another hub, be deleted, or not exist yet.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import sqlalchemy as sa

from entrepot.catalog import tables
from entrepot.catalog.database import Read, Write
from entrepot.catalog.engines import insert_missing
from entrepot.catalog.lists import MAX_VALUES, bounded, slices
from entrepot.catalog.repos import marks
from entrepot.catalog.visibility import Visibility, mark_condition, visible_condition
from entrepot.names import Oid, RepoType

CARD, COMMIT, API = "card", "commit", "api"
"""Origins of edges: the card at the head of main, a line of a commit message, a request."""

PROPOSED = "proposed"
"""The origin of edges of commits that only pull requests lead to: no query returns them before they are adopted."""

_E = tables.lineage_edges


@attrs.frozen
class EdgeRow:
    """One edge.

    ``kind``: what the source is for the commit, such as ``trained_on``. ``source_oid``: the commit of the
    source, empty if it is not said. ``run``: the run that made the commit, empty if it is not said.
    """

    repo_id: int
    oid: Oid
    kind: str
    source_type: RepoType
    source_name: str
    source_oid: str
    run: str
    origin: str
    created_ms: int

    @property
    def source_key(self) -> str:
        """The name by which the source is found."""
        return self.source_name.lower()


_COLUMNS = [_E.c[field.name] for field in attrs.fields(EdgeRow)]


def put(tx: Write, rows: Sequence[EdgeRow]) -> None:
    """Record edges; those that are known already are left as they are, except that others replace proposed ones."""
    for row in rows:
        if row.origin != PROPOSED:
            same = [_E.c[name] == value for name, value in _values(row).items() if _E.c[name].primary_key]
            tx.sql.execute(sa.delete(_E).where((_E.c.origin == PROPOSED) & sa.and_(*same)))
    found = marks.marks_of(tx, {row.repo_id for row in rows})
    insert_missing(tx, _E, [_values(row) | {"mark": found[row.repo_id]} for row in rows])


def proposed(tx: Read, repo_id: int) -> list[Oid]:
    """Return the commits of a repository with edges that are proposed."""
    here = (_E.c.repo_id == repo_id) & (_E.c.origin == PROPOSED)
    return list(tx.sql.execute(sa.select(_E.c.oid).where(here).distinct()).scalars())


def adopt(tx: Write, repo_id: int, oids: Sequence[Oid]) -> None:
    """Turn the proposed edges of these commits into stated ones."""
    for batch in slices(oids):
        here = (_E.c.repo_id == repo_id) & (_E.c.origin == PROPOSED) & _E.c.oid.in_(batch)
        tx.sql.execute(sa.update(_E).where(here).values(origin=COMMIT))


def replace_card(tx: Write, repo_id: int, rows: Sequence[EdgeRow]) -> None:
    """Replace the edges from the card of a repository; an edge that it still names keeps its commit."""
    here = (_E.c.repo_id == repo_id) & (_E.c.origin == CARD)
    kept = {_statement(row): row for row in _select(tx, here)}
    said = {_statement(row): row for row in rows}
    for statement, row in kept.items():
        if statement not in said:
            same = (_E.c.oid == row.oid) & (_E.c.kind == row.kind) & (_E.c.source_key == row.source_key)
            tx.sql.execute(sa.delete(_E).where(here & same & (_E.c.source_type == row.source_type.value)))
    put(tx, [row for statement, row in said.items() if statement not in kept])


def sources_of(tx: Read, repo_ids: Sequence[int], *, limit: int) -> list[EdgeRow]:
    """Return the edges that lead to commits of these repositories, newest first."""
    return _select(tx, _E.c.repo_id.in_(bounded(repo_ids)), limit=limit)


def uses_of(tx: Read, names: Sequence[tuple[RepoType, str]], seen: Visibility | None, *, limit: int) -> list[EdgeRow]:
    """Return the edges from sources with these types and names to repositories that are visible, newest first."""
    keys = [(kind.value, name.lower()) for kind, name in names]
    return _select(
        tx,
        sa.tuple_(_E.c.source_type, _E.c.source_key).in_(bounded(keys, MAX_VALUES // 2)) & _leads_to(tx, seen),
        limit=limit,
    )


def edges_of_run(tx: Read, run: str, seen: Visibility | None, *, limit: int) -> list[EdgeRow]:
    """Return the edges that a run has made in repositories that are visible, newest first."""
    return _select(tx, (_E.c.run == run) & _leads_to(tx, seen), limit=limit)


def _leads_to(tx: Read, seen: Visibility | None) -> sa.ColumnElement[bool]:
    repos = tables.repos
    here = (repos.c.id == _E.c.repo_id) & repos.c.deleted_ms.is_(None) & visible_condition(seen)
    return mark_condition(tx, seen, _E.c.mark) & sa.exists().where(here)


def former_names(tx: Read, repo_id: int) -> list[str]:
    """Return the names that lead to a repository because it or its folder was renamed, in lower case.

    Names that another repository has taken since are among them.
    """
    redirects, moved, folders, repos = tables.redirects, tables.folder_redirects, tables.folders, tables.repos
    found = list(tx.sql.execute(sa.select(redirects.c.path_key).where(redirects.c.repo_id == repo_id)).scalars())
    here = (folders.c.namespace_id == repos.c.namespace_id) & (folders.c.type == repos.c.type)
    query = sa.select(moved.c.name_key, repos.c.name_key).join(folders, folders.c.id == moved.c.folder_id)
    before = tx.sql.execute(query.join(repos, here).where(repos.c.id == repo_id))
    return found + [f"{namespace}/{name}" for namespace, name in before]


def _select(tx: Read, condition: sa.ColumnElement[bool], *, limit: int | None = None) -> list[EdgeRow]:
    order = (_E.c.created_ms.desc(), _E.c.repo_id, _E.c.oid, _E.c.kind, _E.c.source_key, _E.c.source_oid)
    query = sa.select(*_COLUMNS).where(condition & (_E.c.origin != PROPOSED)).order_by(*order).limit(limit)
    return [attrs.evolve(row, source_type=RepoType(row.source_type)) for row in map(_row, tx.sql.execute(query))]


def _row(values: Sequence[object]) -> EdgeRow:
    return EdgeRow(*values)  # type: ignore[arg-type]


def _values(row: EdgeRow) -> dict[str, object]:
    return attrs.asdict(row) | {"source_type": row.source_type.value, "source_key": row.source_key}


def _statement(row: EdgeRow) -> tuple[str, str, str]:
    return row.kind, row.source_type.value, row.source_key

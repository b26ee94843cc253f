"""Copies of a whole database into an empty one, of the same kind or of another.

All rows are read from one snapshot and written in one transaction, so an interrupted copy leaves
an empty database. Afterwards both sides are read again and compared, table by table.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs
import sqlalchemy as sa

from entrepot.catalog import tables
from entrepot.catalog.community_tables import metadata  # of all tables: it imports the others
from entrepot.catalog.database import Catalog, Read, Write, open_catalog
from entrepot.catalog.lists import bounded
from entrepot.catalog.repos import repo_tags
from entrepot.catalog.search import full_text, text_scopes
from entrepot.catalog.search.full_text import RepoText
from entrepot.errors import DataFolderError

_BATCH = 500
_NUL = "\0"

Progress = Callable[[str, int], object]


@attrs.frozen
class TableSum:
    """The number of rows of a table, and a digest of them that does not depend on their order."""

    rows: int
    digest: int


def copy_database(source: Catalog, target: Catalog, progress: Progress = lambda _table, _rows: None) -> int:
    """Copy every row of a database into an empty one, compare both, and return the number of rows.

    Args:
        progress: called with the name of a table and the number of its rows that are copied.

    Raises:
        DataFolderError: the target is not empty, or the copy differs; nothing was written.
        Busy, DatabaseUnavailable, StoreFull: nothing was written.
    """
    with source.read() as old, target.fill() as new:
        check_empty(new)
        total = 0
        for table in metadata.sorted_tables:
            total += _copy_table(old, new, table, progress)
        _copy_texts(old, new)
        _set_counters(new)
        table_name = differs(old, new)
        if table_name is not None:
            raise DataFolderError("(database)", f"the copy of the table {table_name} differs from the original")
    return total


def differs(old: Read, new: Read, *, besides: str | None = None) -> str | None:
    """Return the name of a table that is not the same in two databases, or None; ``besides`` is one to leave out."""
    compared = (table for table in metadata.sorted_tables if table.name != besides)
    return next((table.name for table in compared if sum_of(old, table) != sum_of(new, table)), None)


def is_same(old: Read, new: Read) -> bool:
    """Return whether two connections reach one PostgreSQL database, whatever their URLs say."""
    places = [_place_of(tx) for tx in (old, new)]
    return places[0] is not None and places[0] == places[1]


def count_rows(tx: Read) -> int:
    """Return the number of rows of all tables."""
    counts = (sa.select(sa.func.count()).select_from(table) for table in metadata.sorted_tables)
    return sum(tx.sql.execute(statement).scalar_one() for statement in counts)


def copy_to_file(source: Catalog, target: Path) -> None:
    """Write a consistent copy of a database of any kind into a new SQLite file, readable by its owner only.

    Raises:
        Busy, DatabaseUnavailable, StoreFull, DataFolderError: the copy could not be completed.
    """
    if source.is_file:
        source.copy_to(target)
        return
    draft = target.with_name(f"{target.name}.part")
    os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        with contextlib.closing(open_catalog(f"sqlite:///{draft}", pool_size=2)) as filled:
            copy_database(source, filled)
            filled.copy_to(target)
    finally:
        for path in draft.parent.glob(f"{draft.name}*"):
            path.unlink(missing_ok=True)


def check_empty(tx: Read) -> None:
    """Raise unless every table of a database is empty.

    Raises:
        DataFolderError: a table has rows.
    """
    for table in metadata.sorted_tables:
        if tx.sql.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first() is not None:
            raise DataFolderError(
                "(database)", f"it is not empty (the table {table.name} has rows); name an empty database"
            )


def sum_of(tx: Read, table: sa.Table) -> TableSum:
    """Return the number and the digest of the rows of a table, which are the same on every kind of database."""
    rows = digest = 0
    for batch in _batches(tx, table):
        for row in batch:
            rows += 1
            plain = repr([_plain(column, value) for column, value in zip(table.columns, row, strict=True)])
            digest += int.from_bytes(hashlib.blake2b(plain.encode(), digest_size=16).digest(), "big")
    return TableSum(rows, digest % 2**128)


def _copy_table(old: Read, new: Write, table: sa.Table, progress: Progress) -> int:
    # A row may refer to another one of its table that comes later; such references are written at the end.
    later = [column for column in table.columns if any(key.column.table is table for key in column.foreign_keys)]
    stored = [column for column in table.columns if column.computed is None]
    insert = sa.insert(table).values({column.name: _parameter(new, column) for column in stored})
    key = list(table.primary_key.columns)
    links: list[dict[str, object]] = []
    done = 0
    for batch in _batches(old, table):
        rows = []
        for row in batch:
            values = {
                f"v_{column.name}": _storable(new, column, value)
                for column, value in zip(table.columns, row, strict=True)
                if column.computed is None
            }
            if any(values[f"v_{column.name}"] is not None for column in later):
                links.append({f"v_{column.name}": values[f"v_{column.name}"] for column in (*key, *later)})
                values |= {f"v_{column.name}": None for column in later}
            rows.append(values)
        new.sql.execute(insert, rows)
        done += len(rows)
        progress(table.name, done)
    if links:
        update = sa.update(table).where(*(column == _parameter(new, column) for column in key))
        new.sql.execute(update.values({column.name: _parameter(new, column) for column in later}), links)
    return done


def _place_of(tx: Read) -> tuple[Any, ...] | None:
    """Return the identity of a PostgreSQL database on its machine: the start time of the server, and its number."""
    if tx.sql.dialect.name != "postgresql":
        return None
    row = tx.sql.execute(
        sa.text("SELECT pg_postmaster_start_time(), oid FROM pg_database WHERE datname = current_database()")
    ).one()
    return tuple(row)


def _batches(tx: Read, table: sa.Table) -> Iterator[Sequence[Sequence[Any]]]:
    columns = [_text(tx, column) if _is_json(column) else column for column in table.columns]
    statement = sa.select(*columns).execution_options(stream_results=True, yield_per=_BATCH)
    for batch in tx.sql.execute(statement).partitions():
        yield [tuple(row) for row in batch]


def _copy_texts(old: Read, new: Write) -> None:
    """Index the texts of cards again, as each kind of database stores them."""
    texts = sa.table("repo_texts", sa.column("rowid"), sa.column("body"))
    for batch in old.sql.execute(sa.select(texts.c.rowid, texts.c.body)).partitions(_BATCH):
        found = [(repo_id, body) for repo_id, body in batch]
        names = _names(old, [repo_id for repo_id, _ in found])
        tags = repo_tags.tags_of(old, [repo_id for repo_id, _ in found])
        full_text.put_all(
            new,
            [
                RepoText(repo_id, names[repo_id], tags.get(repo_id, ()), text_scopes.shown(body))
                for repo_id, body in found
                if repo_id in names
            ],
        )


def _names(tx: Read, ids: Sequence[int]) -> dict[int, str]:
    repos, owners = tables.repos, tables.namespaces
    named = sa.select(repos.c.id, owners.c.name + "/" + repos.c.name).join(owners, owners.c.id == repos.c.namespace_id)
    return {row[0]: row[1] for row in tx.sql.execute(named.where(repos.c.id.in_(bounded(ids))))}


def _set_counters(new: Write) -> None:
    """Let PostgreSQL number the next rows after those that were copied; SQLite does so automatically."""
    if new.sql.dialect.name != "postgresql":
        return
    for table in metadata.sorted_tables:
        column = table.autoincrement_column
        if column is not None:
            called = sa.func.pg_get_serial_sequence(table.name, column.name)
            last = sa.select(sa.func.max(column)).scalar_subquery()
            new.sql.execute(sa.select(sa.func.setval(called, last)).where(last.is_not(None)))


def _is_json(column: sa.Column[Any]) -> bool:
    return isinstance(column.type, tables.Json)


def _text(tx: Read, column: sa.Column[Any]) -> sa.ColumnElement[Any]:
    """Return JSON as text, in which null is not the same as no value."""
    is_postgres = tx.sql.dialect.name == "postgresql"
    text: sa.ColumnElement[Any] = sa.cast(column, sa.Text) if is_postgres else sa.type_coerce(column, sa.Text)
    return text.label(column.name)


def _parameter(tx: Read, column: sa.Column[Any]) -> sa.ColumnElement[Any]:
    if not _is_json(column):
        return sa.bindparam(f"v_{column.name}", type_=column.type)
    text: sa.ColumnElement[Any] = sa.bindparam(f"v_{column.name}", type_=sa.Text)
    return sa.cast(text, column.type) if tx.sql.dialect.name == "postgresql" else text


def _storable(tx: Read, column: sa.Column[Any], value: object) -> object:
    """Return a value without the escape of U+0000 in JSON, as PostgreSQL needs it; in texts its driver removes it."""
    if isinstance(value, str) and _is_json(column) and tx.sql.dialect.name == "postgresql":
        from entrepot.catalog.dialects.postgres import without_nul

        return without_nul(value)
    return value


def _plain(column: sa.Column[Any], value: Any) -> object:  # noqa: ANN401 -- of any column
    if value is None:
        return None
    if _is_json(column):
        return json.dumps(_without_nul(json.loads(value)), sort_keys=True)
    return value.replace(_NUL, "") if isinstance(value, str) else value


def _without_nul(value: Any) -> Any:  # noqa: ANN401 -- any JSON
    if isinstance(value, str):
        return value.replace(_NUL, "")
    if isinstance(value, list):
        return [_without_nul(item) for item in value]
    if isinstance(value, dict):
        return {_without_nul(name): _without_nul(item) for name, item in value.items()}
    return value

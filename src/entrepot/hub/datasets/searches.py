"""Rows of a split that contain words or fulfil a condition, and statistics of its columns.

All of it are queries in the process of ``hub/datasets/queries.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from entrepot.errors import InvalidParameter
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.hub.datasets import column_statistics
from entrepot.hub.datasets.column_statistics import quoted, sql_names
from entrepot.hub.datasets.layouts import SplitRef, find_layout
from entrepot.hub.datasets.queries import QueryTable, run_queries
from entrepot.hub.datasets.tables import RowsPage, ViewedRow, describe_first
from entrepot.names import Oid

MAX_WORDS = 20
"""Words of a search."""

MAX_CONDITION = 4_000
"""Characters of a condition."""

_INDEX = "__entrepot_row"
_NUMBERED = f"(SELECT *, row_number() OVER () - 1 AS {_INDEX} FROM data)"  # noqa: S608 - a constant
_K1, _B = 1.2, 0.75


@attrs.frozen
class SplitStatistics:
    """Statistics of the columns of a split, in the shapes of the dataset viewer."""

    commit: Oid
    rows: int
    columns: Sequence[Mapping[str, Any]]
    is_partial: bool


@attrs.frozen
class _Split:
    """A split as a table of queries, called ``data``, with the features of its columns."""

    table: QueryTable
    features: Mapping[str, Any]
    is_partial: bool

    @property
    def in_queries(self) -> Mapping[str, Any]:
        """The features by the names that the columns have in queries."""
        return dict(zip(sql_names(self.features), self.features.values(), strict=True))

    @property
    def names(self) -> Mapping[str, str]:
        """The names of the columns by those that they have in queries."""
        return dict(zip(sql_names(self.features), self.features, strict=True))


@attrs.frozen
class _RowQuery:
    """Which rows of a source are wanted, in which order; ``parts``: the texts in it that the caller has written."""

    source: str
    where: str
    order: str
    parts: Mapping[str, str] = attrs.field(factory=dict)


def search(
    hub: HubContext,
    caller: MaybeCaller,
    wanted: SplitRef,
    text: str,
    *,
    offset: int,
    length: int,
) -> RowsPage:
    """Return the rows whose texts contain words of a search, the best first, by BM25.

    A word counts as often as it occurs, also within longer words; rare words count more, and long rows less.

    Raises:
        InvalidParameter: there are no words, or too many.
        as :func:`entrepot.hub.datasets.tables.read_rows`; QueryRefused: the split is too large.
    """
    found = _split_of(hub, caller, wanted)
    words = text.lower().split()
    if not 0 < len(words) <= MAX_WORDS:
        raise InvalidParameter("query", f"must have 1 to {MAX_WORDS} words")
    columns = [quoted(name) for name, kind in found.in_queries.items() if _has_text(kind)]
    every = " || ' ' || ".join(f"coalesce(lower({column}::VARCHAR), '')" for column in columns) or "''"
    source = _scored(f"(SELECT *, {every} AS __text FROM {_NUMBERED})", list(dict.fromkeys(words)))  # noqa: S608 - quoted
    query = _RowQuery(source, "__score > 0", "__score DESC")
    return _page(hub, caller, found, query, offset=offset, length=length)


def filter_rows(
    hub: HubContext,
    caller: MaybeCaller,
    wanted: SplitRef,
    *,
    where: str,
    order: str,
    offset: int,
    length: int,
) -> RowsPage:
    """Return the rows that fulfil a condition in SQL, in an order.

    Args:
        where: such as ``"age" > 30``; empty: every row.
        order: such as ``"age" desc``; empty: the order of the split.

    Raises:
        InvalidParameter: the condition or the order is too long.
        QueryRefused: the condition or the order is wrong, is more than one expression, or takes too long.
        As :func:`entrepot.hub.datasets.tables.read_rows`.
    """
    for name, text in (("where", where), ("orderby", order)):
        if len(text) > MAX_CONDITION:
            raise InvalidParameter(name, f"must have at most {MAX_CONDITION:,} characters")
    found = _split_of(hub, caller, wanted)
    parts = {name: text for name, text in (("where", where), ("orderby", order)) if text}
    query = _RowQuery(_NUMBERED, where or "true", order, parts)
    return _page(hub, caller, found, query, offset=offset, length=length)


def _scored(texts: str, words: Sequence[str]) -> str:
    """Return a query that adds the score by BM25, ``__score``, to rows with a ``__text``.

    Source: Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", section 3; k1 and b are
    those of DuckDB's full-text search, which the public dataset viewer uses.
    """
    literals = [f"'{word.replace(chr(39), chr(39) * 2)}'" for word in words]
    holding = ", ".join(f"count(*) FILTER (contains(__text, {word})) AS __n{at}" for at, word in enumerate(literals))
    sums = f"(SELECT count(*) AS __rows, avg(length(__text)) AS __mean, {holding} FROM {texts})"  # noqa: S608 - quoted
    size = f"{_K1} * ({1 - _B} + {_B} * length(__text) / greatest(__mean, 1))"
    parts = []
    for at, word in enumerate(literals):
        times = f"((length(__text) - length(replace(__text, {word}, ''))) / length({word}))"
        rarity = f"ln(1 + (__rows - __n{at} + 0.5) / (__n{at} + 0.5))"
        parts.append(f"{rarity} * {times} * {_K1 + 1} / ({times} + {size})")
    return f"(SELECT *, {' + '.join(parts)} AS __score FROM {texts}, {sums})"  # noqa: S608 - quoted


def summarize(hub: HubContext, caller: MaybeCaller, wanted: SplitRef) -> SplitStatistics:
    """Return statistics of the columns that have numbers, truth values, labels, texts or lists.

    Raises:
        as :func:`entrepot.hub.datasets.tables.read_rows`; QueryRefused: the split is too large.
    """
    found = _split_of(hub, caller, wanted)
    if not found.features:
        return SplitStatistics(found.table.layout.commit, 0, [], found.is_partial)
    names, plans = found.names, column_statistics.plan(found.in_queries)
    queries = ["SELECT count(*) AS n FROM data", *(query for one in plans for query in one.queries)]
    results = [result["rows"] for result in run_queries(hub, caller, [found.table], queries, most=1_100)]
    total, at, columns = int(results[0][0]["n"]), 1, []
    for one in plans:
        column = one.read(results[at : at + len(one.queries)], total)
        columns.append({**column, "column_name": names[column["column_name"]]})
        at += len(one.queries)
    return SplitStatistics(found.table.layout.commit, total, columns, found.is_partial)


def _split_of(hub: HubContext, caller: MaybeCaller, wanted: SplitRef) -> _Split:
    layout = find_layout(hub, caller, wanted.repo, wanted.revision)
    files = layout.table(wanted.config, wanted.split)
    features, is_partial = describe_first(hub, caller, layout, wanted.config, wanted.split)
    return _Split(QueryTable("", "data", layout, files, wanted.split), features, is_partial)


def _page(
    hub: HubContext,
    caller: MaybeCaller,
    found: _Split,
    query: _RowQuery,
    *,
    offset: int,
    length: int,
) -> RowsPage:
    commit, is_preliminary = found.table.layout.commit, found.table.files.is_preliminary
    if not found.features:
        return RowsPage(commit, {}, [], 0, found.is_partial, is_preliminary)
    source, where, order = query.source, query.where, query.order
    columns = found.names
    names = ", ".join([_INDEX, *map(quoted, columns)])
    sorting = f"{order}, {_INDEX}" if order else _INDEX
    rows_query = f"SELECT {names} FROM {source} WHERE ({where}) ORDER BY {sorting} LIMIT {length} OFFSET {offset}"  # noqa: S608
    count_query = f"SELECT count(*) AS n FROM {source} WHERE ({where})"  # noqa: S608 - in the sandbox
    queries = [rows_query, count_query]
    rows, count = run_queries(
        hub, caller, [found.table], queries, most=max(length, 1), hints=found.in_queries, parts=query.parts
    )
    viewed = [
        ViewedRow(int(row[_INDEX]), {name: row[column] for column, name in columns.items()}) for row in rows["rows"]
    ]
    total, is_partial = int(count["rows"][0]["n"]), found.is_partial or rows["is_cut"]
    return RowsPage(commit, found.features, viewed, total, is_partial, is_preliminary)


def _has_text(kind: object, depth: int = 0) -> bool:
    """Return whether a feature contains texts, at any level."""
    if depth > 32:
        return False
    if isinstance(kind, list):
        return any(_has_text(item, depth + 1) for item in kind)
    if not isinstance(kind, dict):
        return False
    if kind.get("_type") == "Value":
        return kind.get("dtype") in ("string", "large_string")
    if kind.get("_type") in ("Image", "Audio", "Video", "ClassLabel"):
        return False
    return any(_has_text(item, depth + 1) for item in kind.values() if not isinstance(item, str | int | float))

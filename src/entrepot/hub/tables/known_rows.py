"""A memory of the first rows of datasets, kept when they are read, for pages that must not read tables themselves."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from entrepot.names import Oid
from entrepot.previews.features import JsonCell
from entrepot.previews.row_pages import weigh
from entrepot.storage.store import ImmutableCache

ROWS, COLUMNS, CELL = 5, 10, 200
"""Rows and columns that are remembered of a dataset, and characters of a cell."""

_BASE = 2_000  # of Python objects, for a dataset and for each of its rows


@attrs.frozen
class KnownRows:
    """The first rows of a dataset: those of the first split of its default configuration.

    ``commit``, ``paths``: the files that they were read from. ``hidden``: how many more columns there are. ``total``:
    rows of the split, or, if ``is_partial``, those that can be read.
    """

    config: str
    split: str
    commit: Oid
    paths: Sequence[str]
    features: Mapping[str, Any]
    rows: Sequence[Mapping[str, JsonCell]]
    hidden: int
    total: int
    is_partial: bool

    @property
    def weight(self) -> int:
        """Its approximate memory, in bytes."""
        cells = sum(weigh(cell) for row in self.rows for cell in row.values())
        return _BASE * (1 + len(self.rows)) + cells + weigh(dict(self.features))


class FirstRows(ImmutableCache[tuple[int, Oid], KnownRows]):
    """First rows by repository and commit. Thread-safe.

    They depend on no rights: a use case checks that the caller may read their files before it returns them.
    """

    def __init__(self, most: int) -> None:
        """Start with none.

        Args:
            most: the bytes that they may take together, approximately.
        """
        super().__init__(most, lambda rows: rows.weight)


def cut_rows(
    features: Mapping[str, Any], rows: Sequence[Mapping[str, JsonCell]]
) -> tuple[Mapping[str, Any], Sequence[Mapping[str, JsonCell]]]:
    """Return the first columns and rows of a table, with long cells cut."""
    kept = dict(list(features.items())[:COLUMNS])
    return kept, [{name: _cut(row.get(name)) for name in kept} for row in rows[:ROWS]]


def _cut(cell: JsonCell) -> JsonCell:
    """Return a text, or the JSON of a longer value, cut."""
    if isinstance(cell, str):
        return cell[:CELL]
    text = json.dumps(cell, ensure_ascii=False) if isinstance(cell, list | dict) else ""
    return cell if len(text) <= CELL else text[:CELL]

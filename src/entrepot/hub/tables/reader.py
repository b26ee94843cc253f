"""Uploaded tables: their columns, their rows, and how two of them differ. The hub reads tables in no other way.

The facts about a table and the indexes of large Parquet footers stay in memory for the next request, under a key
that a use case gets only for a caller who may read the file.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from entrepot.errors import ExtraNotInstalled, InvalidParameter, Malformed, UnsupportedDataset
from entrepot.hub.tables.exchanges import ProcessEnded
from entrepot.hub.tables.processes import TableProcesses
from entrepot.previews.features import JsonCell
from entrepot.previews.row_diffs import RowChange, RowCounts
from entrepot.previews.row_pages import PackedRow, PageLimits
from entrepot.previews.sources import RangeReader
from entrepot.previews.table_formats import check_installed
from entrepot.storage.store import ImmutableCache

MAX_GROUPS = 100_000
"""Maximum number of row groups of a Parquet file whose positions are reported."""

_MAX_RESULT = 64 << 20
_FACTS_BYTES, _FACTS_BASE = 16 << 20, 1_000
_INDEXES_BYTES, _INDEX_BASE = 8 << 20, 300


@attrs.frozen
class WorkLimits:
    """Limits of one request to a process: processor time, elapsed time, and memory beyond that of its libraries."""

    cpu_s: int
    wall_s: float
    memory: int


READING = WorkLimits(5, 30.0, 1 << 30)
"""Of opening a table and reading rows."""

COMPARING = WorkLimits(60, 120.0, 3 << 30)
"""Of comparing two tables."""


@attrs.frozen
class TableContent:
    """A table to read.

    ``key``: names these bytes within one repository; facts about them are remembered under it. ``form``: its format.
    ``separator``: between the fields of a CSV file; empty: the default for the ending of its name.
    """

    form: str
    name: str
    source: RangeReader
    key: str
    separator: str = ""


@attrs.frozen
class TableFacts:
    """The facts about a table: columns, features and number of rows.

    ``is_partial``: they are those of its beginning only. ``memory``: bytes of its data decompressed, 0 if unknown.
    ``groups``: first row, rows, first byte and bytes of its row groups, if they were asked for.
    """

    rows: int
    is_partial: bool
    features: Mapping[str, Any]
    memory: int
    groups: Sequence[tuple[int, int, int, int]] = ()
    weight: int = attrs.field(init=False, eq=False)

    @weight.default
    def _weigh(self) -> int:
        """Return the approximate memory of all but the row groups, in bytes."""
        return _FACTS_BASE + 4 * len(json.dumps(self.features))


@attrs.frozen
class TablePage:
    """Rows of a table, and the facts about it."""

    facts: TableFacts
    rows: Sequence[PackedRow]


class TableReader:
    """Reads tables in processes that may be killed. Thread-safe."""

    def __init__(
        self,
        processes: TableProcesses | None = None,
        *,
        facts_bytes: int = _FACTS_BYTES,
        indexes_bytes: int = _INDEXES_BYTES,
    ) -> None:
        """Start no process yet.

        Args:
            facts_bytes: the approximate memory of the facts that are remembered.
            indexes_bytes: the same for the indexes of large Parquet footers.
        """
        self.facts = ImmutableCache[str, TableFacts](facts_bytes, lambda facts: facts.weight)
        self._indexes = ImmutableCache[str, bytes](indexes_bytes, lambda index: len(index) + _INDEX_BASE)
        self._processes = processes or TableProcesses()

    def describe(self, content: TableContent) -> TableFacts:
        """Return the facts about a table.

        Raises:
            UnsupportedDataset: it is none, is damaged, or takes too long or too much memory to read.
            ExtraNotInstalled: tables cannot be read here.
            StoreUnavailable: too many are being read.
            BlobMissing, BlobUnreadable, XorbDamaged, LimitExceeded: of its source.
        """
        known = self.facts.find(content.key)
        return known or self._kept(content, self._run("describe", [content], READING, {}))

    def describe_groups(self, content: TableContent) -> TableFacts:
        """Return the facts about a table with its row groups; without them if there are more than 100,000.

        Raises:
            as :meth:`describe`.
        """
        found = self._run("groups", [content], READING, {"groups": MAX_GROUPS})
        return attrs.evolve(self._kept(content, found), groups=[tuple(group) for group in found["groups"]])

    def read(
        self,
        content: TableContent,
        offset: int,
        length: int,
        *,
        limits: PageLimits = PageLimits(),  # noqa: B008 - immutable
        features: Mapping[str, Any] | None = None,
    ) -> TablePage:
        """Return the rows from an offset on, at most ``length``.

        Args:
            limits: of the rows together, and of each cell; what is longer is cut.
            features: of the cells, if not those of the table.

        Raises:
            as :meth:`describe`.
        """
        asked = {"offset": offset, "length": length, "features": dict(features or {})}
        asked |= {"page_memory": limits.memory, "cell": limits.cell}
        found = self._run("rows", [content], READING, asked)
        return TablePage(self._kept(content, found), [PackedRow(cells, cut) for cells, cut in found["page"]])

    def read_medium(self, content: TableContent, row: int, column: str, parts: Sequence[str]) -> bytes:
        """Return the bytes of an image, an audio clip or a video in a cell; none if there is none.

        Args:
            parts: what leads to it within the cell (:func:`entrepot.previews.media.bytes_at`).

        Raises:
            as :meth:`describe`.
        """
        asked = {"offset": row, "column": column, "parts": list(parts)}
        return self._ask("medium", [content], READING, asked, kind=b"B")

    def compare(
        self,
        old: TableContent,
        new: TableContent,
        parts: Sequence[Sequence[tuple[int, int]]],
        key: Sequence[str],
    ) -> RowCounts:
        """Return how the rows of two tables differ.

        Args:
            parts: of the old and of the new table: first row and number of the rows that are compared.
            key: columns that identify a row; empty: one that looks like it.

        Raises:
            InvalidParameter: the key is not unique.
            as :meth:`describe`.
        """
        found = self._run("compare", [old, new], COMPARING, {"parts": parts, "key": list(key)})
        changes: Sequence[tuple[str, dict[str, JsonCell] | None, dict[str, JsonCell] | None, list[str]]]
        changes = found["examples"]
        examples = [RowChange(*change) for change in changes]
        return RowCounts(found["key"], found["added"], found["removed"], found["changed"], found["columns"], examples)

    def prepare(self) -> None:
        """Start a process for the next table, if tables can be read here and there is none; do not wait for it."""
        with contextlib.suppress(ExtraNotInstalled):
            check_installed()
            self._processes.prepare()

    def close(self) -> None:
        """End the processes."""
        self._processes.close()

    def _kept(self, content: TableContent, found: Mapping[str, Any]) -> TableFacts:
        facts = TableFacts(found["rows"], found["partial"], found["features"], found["memory"])
        self.facts.put(content.key, facts)
        return facts

    def _run(
        self, operation: str, contents: Sequence[TableContent], limits: WorkLimits, more: Mapping[str, Any]
    ) -> dict[str, Any]:
        result: dict[str, Any] = json.loads(self._ask(operation, contents, limits, more, kind=b"A"))
        return result

    def _ask(
        self,
        operation: str,
        contents: Sequence[TableContent],
        limits: WorkLimits,
        more: Mapping[str, Any],
        *,
        kind: bytes,
    ) -> bytes:
        check_installed()
        indexes = [self._indexes.find(it.key) or b"" for it in contents]
        tables = [
            {
                "form": it.form,
                "name": it.name,
                "size": it.source.size,
                "key": it.key,
                "index": len(index),
                "separator": it.separator,
            }
            for it, index in zip(contents, indexes, strict=True)
        ]
        request = {"operation": operation, "tables": tables, "cpu_s": limits.cpu_s, "memory": limits.memory, **more}

        def read(number: int, offset: int, length: int) -> bytes:
            if number >= 2 * len(contents):
                raise Malformed("table", "its reader requested a file that it may not read")
            if number >= len(contents):  # the indexes have the numbers after the files
                return indexes[number - len(contents)][offset : offset + length]
            return contents[number].source.read_at(offset, length)

        def keep(number: int, index: bytes) -> None:
            if number < len(contents):
                self._indexes.put(contents[number].key, index)

        name = contents[-1].name
        try:
            letter, data = self._processes.run(request, read, most=_MAX_RESULT, wall_s=limits.wall_s, keep=keep)
        except ProcessEnded:
            reason = f"reading it takes more than {limits.cpu_s} seconds or too much memory; "
            raise UnsupportedDataset(name, f"{reason}smaller row groups and shorter values can be read") from None
        except Malformed as error:
            raise UnsupportedDataset(name, error.reason) from error
        if letter == b"P":
            raise InvalidParameter(*json.loads(data))
        if letter != kind:
            raise UnsupportedDataset(name, data.decode("utf-8", "replace"))
        return data

"""Differences of two tables: columns, and rows by keys or by their content.

Row groups of Parquet files whose bytes lie in equal chunks are not read. What is left
is compared as sets: the order of rows is ignored.
"""

from __future__ import annotations

import bisect
import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs

from entrepot.errors import InvalidParameter
from entrepot.hub.comparisons.sides import ComparedFile, compare_files
from entrepot.hub.tables.reader import TableContent, TableFacts, TableReader
from entrepot.previews.row_diffs import RowChange

MAX_ROWS = 200_000
"""Rows of each side that are compared; those in equal row groups do not count."""

_EDGES = 1 << 20


@attrs.frozen
class RowGroup:
    """A row group of a Parquet file: its first row, its rows, and where its bytes lie in the file."""

    first: int
    rows: int
    start: int
    length: int


@attrs.frozen
class ColumnChange:
    """A column that was added (``old`` is None), removed, or has another type; types as features of ``datasets``."""

    name: str
    old: Any
    new: Any


@attrs.frozen
class RowsDiff:
    """The differences of two tables.

    ``key``: the columns by which rows were matched, empty: by all their cells, so that a changed row counts as removed
    and added. ``changed_columns``: changed rows by column. ``is_complete``: whether all rows were compared.
    """

    columns: Sequence[ColumnChange]
    key: Sequence[str]
    old_rows: int
    new_rows: int
    added: int
    removed: int
    changed: int
    changed_columns: Mapping[str, int]
    examples: Sequence[RowChange]
    skipped_groups: int
    groups: int
    is_complete: bool


def compare_tables(
    reader: TableReader, form: str, path: str, old: ComparedFile, new: ComparedFile, key: Sequence[str] = ()
) -> RowsDiff:
    """Compare two tables.

    Args:
        form: their format, of :data:`entrepot.previews.table_formats.FORMATS`.
        key: columns that identify a row; empty: a column called ``id`` or ``key`` if its values are unique.

    Raises:
        UnsupportedDataset, ExtraNotInstalled: they cannot be read, or not within the limits of a comparison.
        InvalidParameter: a key column is not in both tables, or its values are not unique.
        LimitExceeded: too much would have to be read.
        StoreUnavailable: too many tables are being read.
    """
    contents = [TableContent(form, path, side, secrets.token_hex(8)) for side in (old, new)]
    before, after = (reader.describe_groups(content) for content in contents)
    for name in key:
        if name not in before.features or name not in after.features:
            raise InvalidParameter("key", f"names {name[:100]!r}, which is not a column of both tables")
    places = _groups(before), _groups(after)
    has_same_columns = dict(before.features) == dict(after.features)
    skipped = _equal_groups(*places, old, new) if has_same_columns else []
    left, is_left_whole = _parts(before, {pair[0] for pair in skipped})
    right, is_right_whole = _parts(after, {pair[1] for pair in skipped})
    counts = reader.compare(contents[0], contents[1], (left, right), key)
    return RowsDiff(
        _column_changes(before.features, after.features),
        counts.key,
        before.rows,
        after.rows,
        counts.added,
        counts.removed,
        counts.changed,
        counts.columns,
        counts.examples,
        len(skipped),
        len(places[1]),
        is_left_whole and is_right_whole and not before.is_partial and not after.is_partial,
    )


def _groups(table: TableFacts) -> Sequence[RowGroup]:
    return [RowGroup(*group) for group in table.groups]


def _equal_groups(
    before: Sequence[RowGroup], after: Sequence[RowGroup], old: ComparedFile, new: ComparedFile
) -> list[tuple[RowGroup, RowGroup]]:
    """Return the pairs of row groups that are equal byte for byte; each group is in one pair at most."""
    free = {(group.start, group.length, group.rows): group for group in before}
    places = {} if old.chunks is None else {digest: at for at, digest in enumerate(old.chunks.hashes)}
    pairs = []
    for number, group in enumerate(after):
        starts = [before[number].start] if number < len(before) else []
        starts += _likely_starts(group, old, new, places)
        for start in dict.fromkeys(starts):
            partner = free.get((start, group.length, group.rows))
            if partner and compare_files(old, start, new, group.start, group.length, most=_EDGES).is_equal:
                pairs.append((free.pop((start, group.length, group.rows)), group))
                break
    return pairs


def _likely_starts(group: RowGroup, old: ComparedFile, new: ComparedFile, places: Mapping[bytes, int]) -> Iterator[int]:
    """Yield the likely starts of the group in the old file, derived from each chunk that both files have."""
    if old.chunks is None or new.chunks is None:
        return
    chunk = bisect.bisect_right(new.chunks.ends, group.start)
    while chunk < len(new.chunks.ends) and new.chunks.begin(chunk) < group.start + group.length:
        place = places.get(new.chunks.hashes[chunk])
        if place is not None:
            yield old.chunks.begin(place) + group.start - new.chunks.begin(chunk)
            return
        chunk += 1


def _parts(table: TableFacts, without: set[RowGroup]) -> tuple[list[tuple[int, int]], bool]:
    """Return the rows outside of some groups, as first row and number, and whether these are all."""
    found: list[tuple[int, int]] = []
    groups, left = _groups(table), MAX_ROWS
    parts = [(group.first, group.rows) for group in groups if group not in without] if groups else [(0, table.rows)]
    for first, rows in parts:
        if rows > left:
            return [*found, (first, left)], False
        found.append((first, rows))
        left -= rows
    return found, True


def _column_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[ColumnChange]:
    names = dict.fromkeys([*old, *new])
    return [ColumnChange(name, old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name)]

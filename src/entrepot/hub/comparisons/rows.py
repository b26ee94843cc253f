"""Differences of two tables: columns, and rows by keys or by their content.

Row groups of Parquet files whose bytes lie in equal chunks are not read. What is left
is compared as sets: the order of rows does not count.
"""

from __future__ import annotations

import bisect
import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs

from entrepot.errors import InvalidParameter
from entrepot.hub.comparisons.sides import ComparedFile, compare_files
from entrepot.previews.features import JsonCell, cell_of
from entrepot.previews.tables import ParquetTable, RowGroup, TableFile, open_table

MAX_ROWS = 200_000
"""Rows of each side that are compared; those in equal row groups do not count."""

MAX_EXAMPLES = 100
"""Rows of each kind that a comparison returns."""

_GUESSES = ("id", "_id", "key", "uuid", "guid")
_EDGES = 1 << 20

Row = Mapping[str, Any]


@attrs.frozen
class ColumnChange:
    """A column that was added (``old`` is None), removed, or has another type; types as features of ``datasets``."""

    name: str
    old: Any
    new: Any


@attrs.frozen
class RowChange:
    """A row that was added (``old`` is None), removed, or changed; ``columns``: where its cells differ."""

    kind: str
    old: Mapping[str, JsonCell] | None
    new: Mapping[str, JsonCell] | None
    columns: Sequence[str] = ()


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


@attrs.define
class _Counts:
    """What was found so far."""

    added: int = 0
    removed: int = 0
    changed: int = 0
    columns: Counter[str] = attrs.field(factory=Counter)
    examples: list[RowChange] = attrs.field(factory=list)
    shown: Counter[str] = attrs.field(factory=Counter)

    def show(self, change: RowChange) -> None:
        """Keep a row as an example, if there are not many of its kind."""
        self.shown[change.kind] += 1
        if self.shown[change.kind] <= MAX_EXAMPLES:
            self.examples.append(change)


def compare_tables(form: str, path: str, old: ComparedFile, new: ComparedFile, key: Sequence[str] = ()) -> RowsDiff:
    """Compare two tables.

    Args:
        form: their format, of :data:`entrepot.previews.tables.FORMATS`.
        key: columns that identify a row; empty: a column called ``id`` or ``key`` if its values are unique.

    Raises:
        UnsupportedDataset, ExtraNotInstalled: they cannot be read.
        InvalidParameter: a key column is not in both tables, or its values are not unique.
        LimitExceeded: too much would have to be read.
    """
    before, after = (open_table(form, path, side) for side in (old, new))
    shared = [name for name in before.features if name in after.features]
    for name in key:
        if name not in shared:
            raise InvalidParameter("key", f"must name columns of both tables, as {name[:100]!r} is not")
    skipped = _equal_groups(before, after, old, new)
    left, is_left_whole = _rows(before, {pair[0] for pair in skipped})
    right, is_right_whole = _rows(after, {pair[1] for pair in skipped})
    used = list(key) or _guess(shared, left, right)
    kinds = after.features
    counts = _by_key(left, right, used, shared, kinds) if used else _by_content(left, right, shared, kinds)
    return RowsDiff(
        _column_changes(before.features, after.features),
        used,
        before.rows,
        after.rows,
        counts.added,
        counts.removed,
        counts.changed,
        dict(counts.columns.most_common()),
        counts.examples,
        len(skipped),
        len(_groups(after)),
        is_left_whole and is_right_whole and not before.is_partial and not after.is_partial,
    )


def _groups(table: TableFile) -> Sequence[RowGroup]:
    return table.groups if isinstance(table, ParquetTable) else ()


def _equal_groups(
    before: TableFile, after: TableFile, old: ComparedFile, new: ComparedFile
) -> list[tuple[RowGroup, RowGroup]]:
    """Return the pairs of row groups that are equal byte for byte; each group is in one pair at most."""
    if dict(before.features) != dict(after.features):
        return []
    free = {(group.start, group.length, group.rows): group for group in _groups(before)}
    in_order = list(_groups(before))
    places = {} if old.chunks is None else {digest: at for at, digest in enumerate(old.chunks.hashes)}
    pairs = []
    for number, group in enumerate(_groups(after)):
        starts = [in_order[number].start] if number < len(in_order) else []
        starts += _likely_starts(group, old, new, places)
        for start in dict.fromkeys(starts):
            partner = free.get((start, group.length, group.rows))
            if partner and compare_files(old, start, new, group.start, group.length, most=_EDGES).is_equal:
                pairs.append((free.pop((start, group.length, group.rows)), group))
                break
    return pairs


def _likely_starts(group: RowGroup, old: ComparedFile, new: ComparedFile, places: Mapping[bytes, int]) -> Iterator[int]:
    """Yield where the group began in the old file, judged by the first of its chunks that is there too."""
    if old.chunks is None or new.chunks is None:
        return
    chunk = bisect.bisect_right(new.chunks.ends, group.start)
    while chunk < len(new.chunks.ends) and new.chunks.begin(chunk) < group.start + group.length:
        place = places.get(new.chunks.hashes[chunk])
        if place is not None:
            yield old.chunks.begin(place) + group.start - new.chunks.begin(chunk)
            return
        chunk += 1


def _rows(table: TableFile, without: set[RowGroup]) -> tuple[list[Row], bool]:
    """Return the rows outside of some groups, and whether these are all."""
    found: list[Row] = []
    groups = _groups(table)
    parts = [(group.first, group.rows) for group in groups if group not in without] if groups else [(0, table.rows)]
    for first, rows in parts:
        if len(found) + rows > MAX_ROWS:
            return found + table.read(first, MAX_ROWS - len(found)), False
        found += table.read(first, rows)
    return found, True


def _guess(shared: Sequence[str], left: Sequence[Row], right: Sequence[Row]) -> list[str]:
    """Return a column that looks like a key, and is one in both tables."""
    for name in shared:
        if name.lower() in _GUESSES and _is_unique(left, name) and _is_unique(right, name):
            return [name]
    return []


def _is_unique(rows: Sequence[Row], name: str) -> bool:
    seen: set[Any] = set()
    for row in rows:
        value = row.get(name)
        if not isinstance(value, int | str) or value in seen:
            return False
        seen.add(value)
    return True


def _by_key(
    left: Sequence[Row], right: Sequence[Row], key: Sequence[str], shared: Sequence[str], kinds: Mapping[str, Any]
) -> _Counts:
    counts = _Counts()
    before, after = _keyed(left, key), _keyed(right, key)
    for digest, row in after.items():
        old = before.get(digest)
        if old is None:
            counts.added += 1
            counts.show(RowChange("added", None, _cells(row, kinds)))
            continue
        differing = [name for name in shared if not _is_same(old.get(name), row.get(name))]
        if differing:
            counts.changed += 1
            counts.columns.update(differing)
            counts.show(RowChange("changed", _cells(old, kinds), _cells(row, kinds), differing))
    for digest, row in before.items():
        if digest not in after:
            counts.removed += 1
            counts.show(RowChange("removed", _cells(row, kinds), None))
    return counts


def _by_content(left: Sequence[Row], right: Sequence[Row], shared: Sequence[str], kinds: Mapping[str, Any]) -> _Counts:
    counts = _Counts()
    before = [_digest([row.get(name) for name in shared]) for row in left]
    after = [_digest([row.get(name) for name in shared]) for row in right]
    free = Counter(before)
    for row, digest in zip(right, after, strict=True):
        if free[digest]:
            free[digest] -= 1
            continue
        counts.added += 1
        counts.show(RowChange("added", None, _cells(row, kinds)))
    free = Counter(after)
    for row, digest in zip(left, before, strict=True):
        if free[digest]:
            free[digest] -= 1
            continue
        counts.removed += 1
        counts.show(RowChange("removed", _cells(row, kinds), None))
    return counts


def _keyed(rows: Sequence[Row], key: Sequence[str]) -> dict[bytes, Row]:
    found: dict[bytes, Row] = {}
    for row in rows:
        digest = _digest([row.get(name) for name in key])
        if digest in found:
            raise InvalidParameter("key", f"must have another value in each row; a value of {key[0]!r} has several")
        found[digest] = row
    return found


def _digest(values: Sequence[Any]) -> bytes:
    return hashlib.blake2b(repr(values).encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _is_same(old: object, new: object) -> bool:
    return old == new or repr(old) == repr(new)  # NaN is not equal to itself


def _cells(row: Row, kinds: Mapping[str, Any]) -> dict[str, JsonCell]:
    return {name: cell_of(value, kinds.get(name)) for name, value in row.items()}


def _column_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[ColumnChange]:
    names = dict.fromkeys([*old, *new])
    return [ColumnChange(name, old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name)]

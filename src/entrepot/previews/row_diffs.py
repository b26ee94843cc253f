"""Differences of rows: by keys, or by their content, where the order does not count."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from entrepot.errors import InvalidParameter
from entrepot.previews.features import JsonCell
from entrepot.previews.row_pages import PageLimits, pack_rows, weigh

MAX_EXAMPLES = 100
"""Rows of each kind that a comparison returns."""

EXAMPLES = PageLimits(8 << 20, 64 << 10)
"""What the returned rows may take: longer cells are cut."""

_GUESSES = ("id", "_id", "key", "uuid", "guid")

Row = Mapping[str, Any]


@attrs.frozen
class RowChange:
    """A row that was added (``old`` is None), removed, or changed; ``columns``: where its cells differ."""

    kind: str
    old: Mapping[str, JsonCell] | None
    new: Mapping[str, JsonCell] | None
    columns: Sequence[str] = ()


@attrs.frozen
class RowCounts:
    """How many rows differ. ``key``: the columns by which rows were matched; ``columns``: changed rows by column."""

    key: Sequence[str]
    added: int
    removed: int
    changed: int
    columns: Mapping[str, int]
    examples: Sequence[RowChange]


@attrs.define
class _Counts:
    """What was found so far."""

    old_kinds: Mapping[str, Any]
    new_kinds: Mapping[str, Any]
    added: int = 0
    removed: int = 0
    changed: int = 0
    columns: Counter[str] = attrs.field(factory=Counter)
    examples: list[RowChange] = attrs.field(factory=list)
    shown: Counter[str] = attrs.field(factory=Counter)
    left: int = EXAMPLES.memory

    def show(self, kind: str, old: Row | None, new: Row | None, columns: Sequence[str] = ()) -> None:
        """Keep a row as an example, if there are not many of its kind."""
        self.shown[kind] += 1
        if self.shown[kind] <= MAX_EXAMPLES:
            cells = self._cells(old, self.old_kinds), self._cells(new, self.new_kinds)
            self.examples.append(RowChange(kind, *cells, columns))

    def _cells(self, row: Row | None, kinds: Mapping[str, Any]) -> Mapping[str, JsonCell] | None:
        if row is None:
            return None
        cells = pack_rows(kinds, [row], attrs.evolve(EXAMPLES, memory=self.left))[0].cells
        self.left -= sum(weigh(cell) for cell in cells.values())
        return cells


def compare_rows(
    left: Sequence[Row],
    right: Sequence[Row],
    key: Sequence[str],
    old_kinds: Mapping[str, Any],
    new_kinds: Mapping[str, Any],
) -> RowCounts:
    """Compare rows.

    Args:
        key: columns that identify a row; empty: a column called ``id`` or ``key`` if its values are unique.
        old_kinds: the features of the columns of ``left``.
        new_kinds: the features of the columns of ``right``.

    Raises:
        InvalidParameter: the values of the key are not unique.
    """
    shared = [name for name in old_kinds if name in new_kinds]
    used = list(key) or _guess(shared, left, right)
    counts = _Counts(old_kinds, new_kinds)
    if used:
        _count_by_key(counts, _keyed(left, used), _keyed(right, used), shared)
    else:
        _count_by_content(counts, left, right, shared)
    columns = dict(counts.columns.most_common())
    return RowCounts(used, counts.added, counts.removed, counts.changed, columns, counts.examples)


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


def _count_by_key(
    counts: _Counts, before: Mapping[bytes, Row], after: Mapping[bytes, Row], shared: Sequence[str]
) -> None:
    for digest, row in after.items():
        old = before.get(digest)
        if old is None:
            counts.added += 1
            counts.show("added", None, row)
            continue
        differing = [name for name in shared if not _is_same(old.get(name), row.get(name))]
        if differing:
            counts.changed += 1
            counts.columns.update(differing)
            counts.show("changed", old, row, differing)
    for digest, row in before.items():
        if digest not in after:
            counts.removed += 1
            counts.show("removed", row, None)


def _count_by_content(counts: _Counts, left: Sequence[Row], right: Sequence[Row], shared: Sequence[str]) -> None:
    before = [_digest([row.get(name) for name in shared]) for row in left]
    after = [_digest([row.get(name) for name in shared]) for row in right]
    for row in _without(right, after, before):
        counts.added += 1
        counts.show("added", None, row)
    for row in _without(left, before, after):
        counts.removed += 1
        counts.show("removed", row, None)


def _without(rows: Sequence[Row], digests: Sequence[bytes], others: Sequence[bytes]) -> list[Row]:
    """Return the rows that have no partner among the digests of the other side."""
    free, found = Counter(others), []
    for row, digest in zip(rows, digests, strict=True):
        if free[digest]:
            free[digest] -= 1
        else:
            found.append(row)
    return found


def _keyed(rows: Sequence[Row], key: Sequence[str]) -> dict[bytes, Row]:
    found: dict[bytes, Row] = {}
    for row in rows:
        digest = _digest([row.get(name) for name in key])
        if digest in found:
            reason = f"must have a different value in each row; several rows have the same {key[0]!r}"
            raise InvalidParameter("key", reason)
        found[digest] = row
    return found


def _digest(values: Sequence[Any]) -> bytes:
    return hashlib.blake2b(repr(values).encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _is_same(old: object, new: object) -> bool:
    return old == new or repr(old) == repr(new)  # NaN is not equal to itself

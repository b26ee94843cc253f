"""Rows, sizes and features of the splits of a dataset."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs

from entrepot.errors import Malformed, UnsupportedDataset
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.hub.datasets.layouts import Layout, find_layout
from entrepot.hub.repos import contents
from entrepot.names import Oid, RepoPath, RepoRef
from entrepot.previews.features import JsonCell, cell_of, cut_row
from entrepot.previews.sources import MeteredReader
from entrepot.previews.tables import ParquetTable, TableFile, check_installed, open_table

MAX_ROWS = 100
"""Rows of a page."""

MAX_SHARDS = 1_000
"""Files of a split that are read."""

FIRST_ROWS_BYTES = 200_000
"""Bytes of the first rows of a split; longer cells are then cut."""

_MOST_BYTES = 2 << 30  # read of all files for one request
_MOST_CELL = 100
_WHOLE_ROWS = 10


@attrs.frozen
class ViewedRow:
    """A row: its index in the split, its cells, and the columns whose cells were cut."""

    index: int
    cells: Mapping[str, JsonCell]
    cut: Sequence[str] = ()


@attrs.frozen
class RowsPage:
    """Rows of a split; ``total``: how many it has, or, if ``is_partial``, how many can be read."""

    commit: Oid
    features: Mapping[str, Any]
    rows: Sequence[ViewedRow]
    total: int
    is_partial: bool


@attrs.frozen
class SplitSize:
    """Sizes of a split: bytes of its files, decompressed bytes, rows, and columns."""

    config: str
    split: str
    file_bytes: int
    memory: int
    rows: int
    features: Mapping[str, Any]
    is_parquet: bool
    is_partial: bool


@attrs.frozen
class DatasetSizes:
    """Sizes of the splits of a dataset at a commit."""

    commit: Oid
    splits: Sequence[SplitSize]


def read_rows(
    hub: HubContext,
    caller: MaybeCaller,
    ref: RepoRef,
    revision: str,
    config: str,
    split: str,
    *,
    offset: int,
    length: int,
) -> RowsPage:
    """Return a page of the rows of a split.

    Raises:
        RepoNotFound, RepoMoved, GatedRepo, RepoDisabled, RevisionNotFound: no access, or no such revision.
        SplitNotFound: no such configuration or split.
        UnsupportedDataset, ExtraNotInstalled: its files cannot be read.
    """
    layout = find_layout(hub, caller, ref, revision)
    rows: list[ViewedRow] = []
    start, features, is_partial = 0, dict[str, Any](), False
    for table in tables_of(hub, caller, layout, config, split):
        features = features or dict(table.features)
        first = max(offset - start, 0)
        wanted = min(table.rows - first, length - len(rows))
        if wanted > 0:
            read = table.read(first, wanted)
            rows += [ViewedRow(start + first + at, _cells(row, features)) for at, row in enumerate(read)]
        start += table.rows
        is_partial = is_partial or table.is_partial
    is_partial = is_partial or len(layout.files(config, split)) > MAX_SHARDS
    return RowsPage(layout.commit, features, rows, start, is_partial)


def read_first_rows(
    hub: HubContext, caller: MaybeCaller, ref: RepoRef, revision: str, config: str, split: str
) -> RowsPage:
    """Return the first rows of a split: 100, or as many as have 200,000 bytes, with long cells cut.

    Raises:
        as :func:`read_rows`.
    """
    page = read_rows(hub, caller, ref, revision, config, split, offset=0, length=MAX_ROWS)
    left, kept = FIRST_ROWS_BYTES, list[ViewedRow]()
    for row in page.rows:
        size = len(json.dumps(row.cells, ensure_ascii=False).encode())
        if size > left and len(kept) >= _WHOLE_ROWS:
            break
        if size > left:
            cells, cut = cut_row(row.cells, page.features, _MOST_CELL)
            kept.append(ViewedRow(row.index, cells, cut))
            continue
        left -= size
        kept.append(row)
    return attrs.evolve(page, rows=kept)


def measure(hub: HubContext, caller: MaybeCaller, ref: RepoRef, revision: str, config: str | None) -> DatasetSizes:
    """Return the sizes and the features of all splits, or of those of one configuration.

    Raises:
        as :func:`read_rows`.
    """
    layout = find_layout(hub, caller, ref, revision)
    configs = layout.configs if config is None else [layout.config(config)]
    found = []
    for item in configs:
        for name in item.splits:
            paths = layout.files(item.name, name)
            rows, memory, is_partial, features = 0, 0, len(paths) > MAX_SHARDS, dict[str, Any]()
            for table in tables_of(hub, caller, layout, item.name, name):
                features = features or dict(table.features)
                rows += table.rows
                memory += table.sizes.memory if isinstance(table, ParquetTable) else 0
                is_partial = is_partial or table.is_partial
            size = sum(layout.sizes.get(path, 0) for path in paths)
            found.append(SplitSize(item.name, name, size, memory, rows, features, item.format == "parquet", is_partial))
    return DatasetSizes(layout.commit, found)


def tables_of(hub: HubContext, caller: MaybeCaller, layout: Layout, config: str, split: str) -> Iterator[TableFile]:
    """Open the files of a split one after the other; each is closed before the next.

    Raises:
        as :func:`read_rows`.
    """
    form = layout.config(config).format
    paths = layout.files(config, split)
    check_installed()
    left = _MOST_BYTES
    for path in paths[:MAX_SHARDS]:
        located = contents.locate(hub, caller, layout.repo.ref, str(layout.commit), RepoPath(path))
        with contextlib.closing(located.open(hub)) as content:
            metered = MeteredReader(content, left)
            try:
                yield open_table(form, path, metered)
            except Malformed as error:
                raise UnsupportedDataset(path, error.reason) from error
            left = metered.left


def _cells(row: Mapping[str, Any], features: Mapping[str, Any]) -> dict[str, JsonCell]:
    return {name: cell_of(row.get(name), kind) for name, kind in features.items()}

"""Rows, sizes and features of the splits of a dataset."""

from __future__ import annotations

import contextlib
import json
import math
import posixpath
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs

from entrepot.catalog.repos import conversions
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import EntryNotFound, RevisionNotFound, ThingNotFound, UnsupportedDataset
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.hub.datasets.folder_contents import FolderContent
from entrepot.hub.datasets.layouts import Layout, SplitRef, find_layout
from entrepot.hub.repos import contents
from entrepot.hub.repos.contents import LocatedFile
from entrepot.hub.tables import known_rows
from entrepot.hub.tables.known_rows import KnownRows
from entrepot.hub.tables.reader import TableContent, TableFacts, TablePage
from entrepot.names import Oid, RepoPath, RepoRef
from entrepot.previews.features import JsonCell, cut_row
from entrepot.previews.row_pages import PageLimits, weigh
from entrepot.previews.sources import MeteredReader
from entrepot.previews.table_formats import ENDINGS, MAX_TEXT, check_installed

MAX_ROWS = 100
"""Rows of a page."""

MAX_SHARDS = 1_000
"""Files of a split that are read."""

FIRST_ROWS_BYTES = 200_000
"""Bytes of the first rows of a split; longer cells are then cut."""

_MAX_BYTES, _MAX_S = 2 << 30, 10.0  # of all files, for one request
_MEASURING_S = 30.0  # of all splits, for one request
_TOO_LONG = (
    "counting the rows of the files before it takes too long; ask again, what was counted is kept, "
    "or store the split as Parquet, which tells how many there are"
)
_MAX_CELL = 100
_WHOLE_ROWS = 10


@attrs.frozen
class ViewedRow:
    """A row: its index in the split, its cells, and the columns whose cells were cut."""

    index: int
    cells: Mapping[str, JsonCell]
    cut: Sequence[str] = ()

    @property
    def weight(self) -> int:
        """The approximate memory of its cells, in bytes."""
        return sum(weigh(cell) for cell in self.cells.values())


@attrs.frozen
class RowsPage:
    """Rows of a split; ``total``: how many it has, or, if ``is_partial``, how many can be read.

    ``is_preliminary``: whether types of columns are guessed, and may be others after a conversion to Parquet.
    """

    commit: Oid
    features: Mapping[str, Any]
    rows: Sequence[ViewedRow]
    total: int
    is_partial: bool
    is_preliminary: bool = False


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
    is_preliminary: bool = False


@attrs.frozen
class DatasetSizes:
    """Sizes of the splits of a dataset at a commit."""

    commit: Oid
    splits: Sequence[SplitSize]


def prepare(hub: HubContext) -> None:
    """Start a process that reads tables if the hub has datasets with tables, so that the first page is fast."""
    with hub.read() as tx:
        has_tables = conversions.has_any(tx)
    if has_tables:
        hub.tables.prepare()


def read_rows(
    hub: HubContext,
    caller: MaybeCaller,
    wanted: SplitRef,
    *,
    offset: int,
    length: int,
    limits: PageLimits = PageLimits(),  # noqa: B008 - immutable
) -> RowsPage:
    """Return a page of the rows of a split.

    Args:
        limits: of the page, and of its cells; what is longer is cut.

    Raises:
        RepoNotFound, RepoMoved, GatedRepo, RepoDisabled, RevisionNotFound: no access, or no such revision.
        SplitNotFound: no such configuration or split.
        UnsupportedDataset, ExtraNotInstalled: its files cannot be read, or it takes too long to count the rows
            before these.
        StoreUnavailable: too many tables are being read.
    """
    layout = find_layout(hub, caller, wanted.repo, wanted.revision)
    shards = _Shards(hub, caller, layout, wanted.config, wanted.split)
    rows, read = list[ViewedRow](), list[str]()
    start, features = 0, dict[str, Any]()
    is_partial = shards.is_cut
    for path in shards.paths:
        missing, first = length - len(rows), max(offset - start, 0)
        facts = shards.find(path)
        if facts is None and shards.is_spent():
            if missing:
                raise UnsupportedDataset(path, _TOO_LONG)
            is_partial = True
            break
        if missing and (facts is None or first < facts.rows):
            room = attrs.evolve(limits, memory=max(limits.memory - sum(row.weight for row in rows), 0))
            page = shards.read(path, first, missing, features or shards.files.declared, room)
            facts = page.facts
            read.append(path)
            rows += [ViewedRow(start + first + at, it.cells, it.cut) for at, it in enumerate(page.rows)]
        facts = facts or shards.describe(path)
        features = features or dict(shards.files.features(facts.features))
        start += facts.rows
        is_partial = is_partial or facts.is_partial
    found = RowsPage(layout.commit, features, rows, start, is_partial, shards.files.is_preliminary)
    is_first = offset == 0 and (wanted.config, wanted.split) == layout.first
    if is_first and length >= known_rows.ROWS and shards.files.folder is None:
        _remember(hub, layout, shards.files.commit, read, found)
    return found


def known_first_rows(hub: HubContext, caller: MaybeCaller, repo: RepoRow, commit: Oid) -> KnownRows | None:
    """Return the first rows of a dataset at a commit if :func:`read_rows` has read them before; None if not.

    It reads no table. What is returned depends on the rights of the caller only, not on those of who read them.

    Raises:
        RepoNotFound, RepoDisabled, GatedRepo, NotAllowed: the caller may not read the files that they are from.
    """
    known = hub.first_rows.find((repo.id, commit))
    if known is None:
        return None
    try:
        for path in known.paths:
            contents.locate(hub, caller, repo.ref, str(known.commit), RepoPath(path))
    except (EntryNotFound, RevisionNotFound):  # what was converted to Parquet has been replaced or deleted
        hub.first_rows.drop((repo.id, commit))
        return None
    return known


def _remember(hub: HubContext, layout: Layout, commit: Oid, paths: Sequence[str], page: RowsPage) -> None:
    features, rows = known_rows.cut_rows(page.features, [row.cells for row in page.rows])
    if rows:
        config, split = layout.first
        hidden = len(page.features) - len(features)
        kept = KnownRows(config, split, commit, tuple(paths), features, rows, hidden, page.total, page.is_partial)
        hub.first_rows.put((layout.repo.id, layout.commit), kept)


def read_first_rows(hub: HubContext, caller: MaybeCaller, wanted: SplitRef) -> RowsPage:
    """Return the first rows of a split: 100, or as many as have 200,000 bytes, with long cells cut.

    Raises:
        as :func:`read_rows`.
    """
    page = read_rows(hub, caller, wanted, offset=0, length=MAX_ROWS)
    left, kept = FIRST_ROWS_BYTES, list[ViewedRow]()
    for row in page.rows:
        size = len(json.dumps(row.cells, ensure_ascii=False).encode())
        if size > left and len(kept) >= _WHOLE_ROWS:
            break
        if size > left:
            cells, cut = cut_row(row.cells, page.features, _MAX_CELL)
            kept.append(ViewedRow(row.index, cells, list(dict.fromkeys([*row.cut, *cut]))))
            continue
        left -= size
        kept.append(row)
    return attrs.evolve(page, rows=kept)


def read_medium(
    hub: HubContext,
    caller: MaybeCaller,
    wanted: SplitRef,
    *,
    row: int,
    column: str,
    parts: Sequence[str] = (),
) -> tuple[Oid, bytes]:
    """Return the commit and the bytes of an image, an audio clip or a video in a row of a split.

    Args:
        parts: what leads to it within the cell (:func:`entrepot.previews.media.bytes_at`).

    Raises:
        ThingNotFound: the row does not exist, or nothing of this kind in its cell.
        as :func:`read_rows`.
    """
    layout = find_layout(hub, caller, wanted.repo, wanted.revision)
    shards = _Shards(hub, caller, layout, wanted.config, wanted.split)
    first = row
    for path in shards.paths:
        facts = shards.find(path)
        if facts is None and shards.is_spent():
            raise UnsupportedDataset(path, _TOO_LONG)
        facts = facts or shards.describe(path)
        if first < facts.rows:
            return layout.commit, _found(shards.read_medium(path, first, column, parts), row, column)
        first -= facts.rows
    raise ThingNotFound("medium", f"{column}, row {row:,}")


def read_file_medium(
    hub: HubContext,
    caller: MaybeCaller,
    ref: RepoRef,
    revision: str,
    path: RepoPath,
    *,
    row: int,
    column: str,
    parts: Sequence[str] = (),
) -> tuple[Oid, bytes]:
    """Return the commit and the bytes of an image, an audio clip or a video in a row of one file that is a table.

    Raises:
        EntryNotFound: no such file.
        as :func:`read_medium`.
    """
    located = contents.locate(hub, caller, ref, revision, path)
    form = ENDINGS.get(posixpath.splitext(path)[1].lower())
    if form is None:
        raise UnsupportedDataset(str(path), "it is not a table")
    with contextlib.closing(located.open(hub)) as content:
        table = TableContent(form, str(path), MeteredReader(content, _MAX_BYTES), located.content_key)
        return located.commit, _found(hub.tables.read_medium(table, row, column, parts), row, column)


def _found(data: bytes, row: int, column: str) -> bytes:
    if not data:
        raise ThingNotFound("medium", f"{column}, row {row:,}")
    return data


def measure(hub: HubContext, caller: MaybeCaller, ref: RepoRef, revision: str, config: str | None) -> DatasetSizes:
    """Return the sizes and the features of all splits, or of those of one configuration.

    After half a minute, files that were not read before are left out, and their splits are partial; those that were
    read are known to the next request.

    Raises:
        as :func:`read_rows`.
    """
    layout = find_layout(hub, caller, ref, revision)
    configs = layout.configs if config is None else [layout.config(config)]
    found, ends = [], time.monotonic() + _MEASURING_S
    for item in configs:
        for name in item.splits:
            shards = _Shards(hub, caller, layout, item.name, name, ends=ends)
            rows, memory, is_partial, features = 0, 0, shards.is_cut, dict[str, Any]()
            for path in shards.paths:
                facts = shards.find(path)
                if time.monotonic() > ends or (facts is None and shards.is_spent()):
                    is_partial = True
                    break
                facts = facts or shards.describe(path)
                features = features or dict(shards.files.features(facts.features))
                rows += facts.rows
                memory += facts.memory
                is_partial = is_partial or facts.is_partial
            size = sum(layout.sizes.get(path, 0) for path in layout.files(item.name, name))
            values = item.name, name, size, memory, rows, features, item.format == "parquet", is_partial
            found.append(SplitSize(*values, shards.files.is_preliminary))
    return DatasetSizes(layout.commit, found)


def describe_first(
    hub: HubContext, caller: MaybeCaller, layout: Layout, config: str, split: str
) -> tuple[Mapping[str, Any], bool]:
    """Return the features of a split, which are those of its first file, and whether only a part of it is read.

    Raises:
        as :func:`read_rows`.
    """
    shards = _Shards(hub, caller, layout, config, split)
    features: Mapping[str, Any] = {}
    for path in shards.paths[:1]:
        features = shards.files.features((shards.find(path) or shards.describe(path)).features)
    is_text = shards.files.format != "parquet"
    return features, is_text and any(layout.sizes.get(path, 0) > MAX_TEXT for path in shards.paths)


class _Shards:
    """The files of a split, and how much one request may still read to count their rows."""

    def __init__(
        self,
        hub: HubContext,
        caller: MaybeCaller,
        layout: Layout,
        config: str,
        split: str,
        *,
        ends: float = math.inf,
    ) -> None:
        """Find the files; ``ends``: when, by the monotonic clock, a request for several splits may read no others."""
        check_installed()
        self.files, self._split = layout.table(config, split), split
        # The rows of a folder of media are one table, whose content is made for it.
        self.paths = [f"{config}/{split}"] if self.files.folder else self.files.paths[:MAX_SHARDS]
        self._hub, self._caller, self._repo = hub, caller, layout.repo
        self._form = self.files.format
        self._left = _MAX_BYTES
        self._deadline = min(time.monotonic() + _MAX_S, ends)

    @property
    def is_cut(self) -> bool:
        """Whether the split has more files than are read."""
        return self.files.folder is None and len(self.files.paths) > MAX_SHARDS

    def is_spent(self) -> bool:
        """Return whether no further file may be opened only to count its rows."""
        return time.monotonic() > self._deadline

    def find(self, path: str) -> TableFacts | None:
        """Return the stored facts of a file without opening it: of this commit, or of the same content at another."""
        known = self._hub.tables.facts.find(self._key(path))
        if known is not None:
            return known
        if self.files.folder is not None:
            return None
        known = self._hub.tables.facts.find(self._content_key(self._locate(path)))
        return known if known is None else self._kept(path, known)

    def describe(self, path: str) -> TableFacts:
        """Return the metadata of a file."""
        with self._opened(path) as content:
            return self._kept(path, self._hub.tables.describe(content))

    def read(self, path: str, offset: int, length: int, features: Mapping[str, Any], limits: PageLimits) -> TablePage:
        """Return rows of a file."""
        with self._opened(path) as content:
            page = self._hub.tables.read(content, offset, length, features=features, limits=limits)
        self._kept(path, page.facts)
        return page

    def read_medium(self, path: str, row: int, column: str, parts: Sequence[str]) -> bytes:
        """Return the bytes of a medium in a row of a file."""
        with self._opened(path) as content:
            return self._hub.tables.read_medium(content, row, column, parts)

    def _kept(self, path: str, facts: TableFacts) -> TableFacts:
        self._hub.tables.facts.put(self._key(path), facts)
        return facts

    def _key(self, path: str) -> str:
        return f"{self._repo.id}:{self.files.commit}:{self._form}{self.files.separator}:{path}"

    def _content_key(self, located: LocatedFile) -> str:
        return f"{located.content_key}:{self._form}{self.files.separator}:{posixpath.splitext(located.path)[1]}"

    def _locate(self, path: str) -> LocatedFile:
        return contents.locate(self._hub, self._caller, self._repo.ref, str(self.files.commit), RepoPath(path))

    @contextlib.contextmanager
    def _opened(self, path: str) -> Iterator[TableContent]:
        if self.files.folder is not None:
            with FolderContent(self._hub, self.files.folder, self._split, self._locate) as made:
                yield TableContent(self._form, "the folder", MeteredReader(made, self._left), self._key(path))
            return
        located = self._locate(path)
        with contextlib.closing(located.open(self._hub)) as content:
            metered = MeteredReader(content, self._left)
            yield TableContent(self._form, path, metered, self._content_key(located), self.files.separator)
            self._left = metered.left

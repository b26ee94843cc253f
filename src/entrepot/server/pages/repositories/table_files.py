"""The rows of a table on the page of its file: Parquet, CSV, TSV, JSON lines and Arrow."""

from __future__ import annotations

import posixpath

import attrs
from starlette.requests import Request

from entrepot.errors import ExtraNotInstalled, Malformed, UnsupportedDataset
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.hub.repos.contents import LocatedFile
from entrepot.hub.tables.reader import TableContent
from entrepot.previews.row_pages import PageLimits
from entrepot.previews.sources import MeteredReader, RangeReader
from entrepot.previews.table_formats import ENDINGS
from entrepot.server.handlers import query_int
from entrepot.server.hf.files.cell_media import MediaPlace
from entrepot.server.pages.forms import sentence
from entrepot.server.pages.repositories.grids import Grid, grid_of
from entrepot.server.pages.repositories.pictures import find_pictures
from entrepot.server.public_urls import path_prefix

PAGE = 100
"""Rows on a page."""

MAX_READ = 1 << 30
"""Bytes of a file that are read for a page."""

PAGE_LIMITS = PageLimits(4 << 20, 256 << 10)
"""What the cells of a page may take; longer ones are cut further for the page."""

_IS_TEXT = frozenset({"csv", "json"})
_LAST_ROW = 10**12


@attrs.frozen
class TableWindow:
    """The rows that a request asks for."""

    offset: int = 0
    length: int = PAGE


@attrs.frozen
class TableView:
    """The preview of a table. ``form``: ``grid``; ``none`` or ``text`` (shown as text), with a note."""

    form: str
    note: str = ""
    grid: Grid | None = None


def window_of(request: Request) -> TableWindow:
    """Return the rows that a request asks for.

    Raises:
        Malformed: the values are no numbers.
    """
    offset = query_int(request, "offset", 0, low=0, high=_LAST_ROW)
    return TableWindow(offset, query_int(request, "length", PAGE, low=1, high=PAGE))


def is_table(path: str) -> bool:
    """Return whether the name of a file says that it is a table."""
    return _form_of(path) is not None


def _form_of(path: str) -> str | None:
    return ENDINGS.get(posixpath.splitext(path)[1].lower())


def view_table(
    hub: HubContext, caller: MaybeCaller, located: LocatedFile, content: RangeReader, window: TableWindow
) -> TableView | None:
    """Return the rows of a table; None if the file is none.

    Raises:
        BlobMissing, BlobUnreadable: the store has lost the file.
    """
    form = _form_of(located.path)
    if form is None or (form in _IS_TEXT and not content.size):
        return None
    try:
        table = TableContent(form, located.path, MeteredReader(content, MAX_READ), located.content_key)
        page = hub.tables.read(table, window.offset, window.length, limits=PAGE_LIMITS)
    except (UnsupportedDataset, ExtraNotInstalled, Malformed) as error:
        if form not in _IS_TEXT:
            return TableView("none", f"The rows of this file are not shown: {sentence(error)}")
        return TableView("text", f"The rows of this file are shown as text: {sentence(error)}")
    rows = [(window.offset + at, row.cells) for at, row in enumerate(page.rows)]
    folders = list(dict.fromkeys([posixpath.dirname(located.path), ""]))
    ref, commit = located.repo.ref, located.commit
    pictures = find_pictures(hub, caller, ref, commit, [cells for _, cells in rows], folders)
    facts = page.facts
    media = MediaPlace(path_prefix(hub.settings), ref, commit, {"path": str(located.path)})
    grid = grid_of(facts.features, rows, facts.rows, is_partial=facts.is_partial, pictures=pictures, media=media)
    return TableView("grid", grid=grid)

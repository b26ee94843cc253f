"""The page of a dataset's tables: splits, rows at any offset, statistics, search, filter and SQL."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import attrs
from starlette.requests import Request
from starlette.responses import Response

from entrepot.errors import (
    EntrepotError,
    ExtraNotInstalled,
    InvalidParameter,
    QueryRefused,
    SplitNotFound,
    UnsupportedDataset,
)
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.hub.datasets import layouts, queries, searches, tables
from entrepot.hub.datasets.layouts import Layout, SplitRef
from entrepot.hub.datasets.queries import QueryResult, QuerySource
from entrepot.hub.datasets.tables import RowsPage
from entrepot.names import RepoRef
from entrepot.server.handlers import app_state, query_int
from entrepot.server.hf.files.cell_media import MediaPlace
from entrepot.server.pages.forms import sentence
from entrepot.server.pages.frames import WebPage, show_page
from entrepot.server.pages.repo_headers import describe_header
from entrepot.server.pages.repositories.grids import Grid, grid_of
from entrepot.server.pages.repositories.pictures import find_pictures
from entrepot.server.pages.repositories.table_files import PAGE_LIMITS
from entrepot.server.pages.routing import PageRoute, repo_pages
from entrepot.server.public_urls import path_prefix
from entrepot.server.raw_path import decode_segment

_LAST_ROW = 10**12
_SQL_ROWS = 100


@attrs.frozen
class ViewerQuery:
    """The request for rows of a table. ``length``: 1 for one row in full; else a page of rows."""

    revision: str = "main"
    config: str = ""
    split: str = ""
    offset: int = 0
    length: int = tables.MAX_ROWS
    query: str = ""
    where: str = ""
    order: str = ""
    sql: str = ""
    has_statistics: bool = False

    def search(self, **changes: Any) -> str:  # noqa: ANN401 - values of these fields
        """Return the query string of this page with some values changed."""
        asked = attrs.evolve(self, **changes)
        values = {
            "revision": "" if asked.revision == "main" else asked.revision,
            "config": asked.config,
            "split": asked.split,
            "offset": str(asked.offset) if asked.offset else "",
            "length": str(asked.length) if asked.length != tables.MAX_ROWS else "",
            "query": asked.query,
            "where": asked.where,
            "orderby": asked.order,
            "sql": asked.sql,
            "statistics": "1" if asked.has_statistics else "",
        }
        return urlencode({name: value for name, value in values.items() if value})


def routes() -> list[PageRoute]:
    """Return the routes of this page."""
    return [
        *repo_pages("/viewer", show_viewer, has_short=False),
        *repo_pages("/viewer/{config}/{split}", show_viewer, has_short=False),
    ]


async def show_viewer(request: Request, ref: RepoRef) -> Response:
    """Serve a page of the rows of a dataset."""
    query, params = request.query_params, request.path_params
    length = query_int(request, "length", tables.MAX_ROWS, low=1, high=tables.MAX_ROWS)
    asked = ViewerQuery(
        query.get("revision") or "main",
        query.get("config") or decode_segment(params.get("config", "")),
        query.get("split") or decode_segment(params.get("split", "")),
        query_int(request, "offset", 0, low=0, high=_LAST_ROW),
        length,
        query.get("query", "").strip(),
        query.get("where", "").strip(),
        query.get("orderby", "").strip(),
        query.get("sql", "").strip(),
        "statistics" in query,
    )
    state = app_state(request)
    is_query = asked.query or asked.where or asked.order or asked.sql or asked.has_statistics
    turns = state.queries if is_query else state.tables
    return await show_page(request, lambda hub, caller: build_viewer(hub, caller, ref, asked), turns=turns)


def build_viewer(hub: HubContext, caller: MaybeCaller, ref: RepoRef, asked: ViewerQuery) -> WebPage:
    """Return a page of rows, with the result of a query if there is one.

    A query that is refused, and files that cannot be read, are explained on the page.

    Raises:
        RepoNotFound, RepoMoved, GatedRepo, RepoDisabled, RevisionNotFound: no access, or no such revision.
        SplitNotFound: no such configuration or split.
    """
    header, found = describe_header(hub, caller, ref, asked.revision)
    row = found.info.row
    values: dict[str, object] = {"section": row.type.plural, "repo": header, "tab": "viewer", "asked": asked}
    values |= {"layout": None, "grid": None, "result": None, "problem": "", "refused": "", "config": None}
    values["limits"] = {"cpu_s": queries.MAX_CPU_S, "wall_s": queries.MAX_S}
    try:
        layout = layouts.find_layout(hub, caller, row.ref, asked.revision)
    except UnsupportedDataset as error:
        return WebPage("viewer.html", f"Rows of {header.id}", {**values, "problem": sentence(error)})
    asked = _completed(layout, asked)
    values |= {"layout": layout, "asked": asked, "config": layout.config(asked.config)}
    values["api"] = "/-/viewer/" + _api(row.type.value, header.id, asked)
    values["table"] = _table_name(layout, asked)
    status = 200
    try:
        values["grid"] = _grid(hub, caller, row.ref, layout, asked)
        if asked.sql:
            source = QuerySource("", row.ref, str(layout.commit))
            values["result"] = _result(queries.run(hub, caller, [source], asked.sql, most=_SQL_ROWS))
    except (QueryRefused, InvalidParameter) as error:
        values["refused"], status = sentence(error), 422
        if values["grid"] is None:
            plain = attrs.evolve(asked, query="", where="", order="", has_statistics=False)
            values["grid"] = _shown_or_none(hub, caller, row.ref, layout, plain)
    except (UnsupportedDataset, ExtraNotInstalled) as error:
        values["problem"] = sentence(error)
    return WebPage("viewer.html", f"Rows of {header.id}", values, status)


def _completed(layout: Layout, asked: ViewerQuery) -> ViewerQuery:
    """Return the query with its configuration and split filled in."""
    config = layout.config(asked.config or layout.first[0])
    split = asked.split or next(iter(config.splits), "")
    if split not in config.splits:
        raise SplitNotFound("split", split, tuple(config.splits))
    return attrs.evolve(asked, config=config.name, split=split)


def _grid(hub: HubContext, caller: MaybeCaller, ref: RepoRef, layout: Layout, asked: ViewerQuery) -> Grid:
    page = _page(hub, caller, ref, layout, asked)
    folders = list(dict.fromkeys([*map(posixpath.dirname, layout.files(asked.config, asked.split)[:1]), ""]))
    rows = [(row.index, row.cells) for row in page.rows]
    pictures = find_pictures(hub, caller, ref, layout.commit, [cells for _, cells in rows], folders)
    statistics: Sequence[Mapping[str, object]] = ()
    if asked.has_statistics:
        wanted = SplitRef(ref, str(layout.commit), asked.config, asked.split)
        statistics = searches.summarize(hub, caller, wanted).columns
    where = {"config": asked.config, "split": asked.split}
    return grid_of(
        page.features,
        rows,
        page.total,
        is_partial=page.is_partial,
        pictures=pictures,
        statistics=statistics,
        media=MediaPlace(path_prefix(hub.settings), ref, layout.commit, where),
    )


def _page(hub: HubContext, caller: MaybeCaller, ref: RepoRef, layout: Layout, asked: ViewerQuery) -> RowsPage:
    wanted = SplitRef(ref, str(layout.commit), asked.config, asked.split)
    if asked.query:
        return searches.search(hub, caller, wanted, asked.query, offset=asked.offset, length=asked.length)
    if asked.where or asked.order:
        return searches.filter_rows(
            hub, caller, wanted, where=asked.where, order=asked.order, offset=asked.offset, length=asked.length
        )
    return tables.read_rows(hub, caller, wanted, offset=asked.offset, length=asked.length, limits=PAGE_LIMITS)


def _shown_or_none(
    hub: HubContext, caller: MaybeCaller, ref: RepoRef, layout: Layout, asked: ViewerQuery
) -> Grid | None:
    try:
        return _grid(hub, caller, ref, layout, asked)
    except EntrepotError:
        return None


def _result(found: QueryResult) -> Grid:
    features = {str(item["name"]): item["type"] for item in found.features}
    return grid_of(features, list(enumerate(found.rows)), len(found.rows), is_partial=found.is_cut)


def _table_name(layout: Layout, asked: ViewerQuery) -> str:
    """Return the name of the shown split in SQL."""
    is_default = layout.config(asked.config).is_default
    name = asked.split if is_default else f"{asked.config}.{asked.split}"
    return name if name.isidentifier() and name.isascii() else '"' + name.replace('"', '""') + '"'


def _api(kind: str, repo_id: str, asked: ViewerQuery) -> str:
    route = "search" if asked.query else "filter" if asked.where or asked.order else "rows"
    more = {"query": asked.query} if asked.query else {"where": asked.where, "orderby": asked.order}
    values = {"dataset": repo_id, "type": "" if kind == "dataset" else kind, "revision": asked.revision}
    values |= {"config": asked.config, "split": asked.split, **more}
    values |= {"offset": str(asked.offset), "length": str(asked.length)}
    return f"{route}?{urlencode({name: value for name, value in values.items() if value})}"

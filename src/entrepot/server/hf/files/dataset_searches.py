"""The dataset viewer's search, filter and statistics, in the shapes of the public service.

Source: docs/dataset-viewer.md.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from entrepot.hub.datasets import searches
from entrepot.server.handlers import app_state, call_hub_in_turn
from entrepot.server.hf.files.dataset_viewer import media_place, page_json, viewer_response
from entrepot.server.hf.files.viewer_requests import optional, required, split_of, window


def routes() -> list[BaseRoute]:
    """Return the routes of the dataset viewer that run queries."""
    handlers = {"search": search_rows, "filter": filter_rows, "statistics": show_statistics}
    return [Route(f"/-/viewer/{name}", handler, methods=["GET"]) for name, handler in handlers.items()]


async def search_rows(request: Request) -> Response:
    """Serve ``search``: the rows that contain words."""
    wanted, text = split_of(request), required(request, "query")
    offset, length = window(request)
    page = await call_hub_in_turn(
        request,
        app_state(request).queries,
        searches.search,
        wanted,
        text,
        offset=offset,
        length=length,
    )
    return viewer_response(page_json(page, media_place(request, page)), page.commit)


async def filter_rows(request: Request) -> Response:
    """Serve ``filter``: the rows that fulfil a condition, in an order."""
    wanted = split_of(request)
    where, order = optional(request, "where") or "", optional(request, "orderby") or ""
    offset, length = window(request)
    page = await call_hub_in_turn(
        request,
        app_state(request).queries,
        searches.filter_rows,
        wanted,
        where=where,
        order=order,
        offset=offset,
        length=length,
    )
    return viewer_response(page_json(page, media_place(request, page)), page.commit)


async def show_statistics(request: Request) -> Response:
    """Serve ``statistics``: what the columns of a split contain."""
    found = await call_hub_in_turn(request, app_state(request).queries, searches.summarize, split_of(request))
    shown = {"num_examples": found.rows, "statistics": found.columns, "partial": found.is_partial}
    return viewer_response(shown, found.commit)

"""The page of the HTTP API: every JSON route by subject, from its description."""

from __future__ import annotations

from itertools import groupby

from starlette.requests import Request
from starlette.responses import Response

from entrepot.server.api_description import Described, operations
from entrepot.server.pages.frames import WebPage, show_page
from entrepot.server.pages.routing import PageRoute


def routes() -> list[PageRoute]:
    """Return the route of the page."""
    return [PageRoute("/-/api", show)]


async def show(request: Request) -> Response:
    """Serve the page; it is the same for every visitor."""
    values = {"subjects": _subjects(), "api": "/api/openapi.json"}
    return await show_page(request, lambda _hub, _caller: WebPage("api.html", "HTTP API", values))


def _subjects() -> list[tuple[str, list[Described]]]:
    by_subject = sorted(operations(), key=lambda operation: operation.subject)
    return [(subject, list(found)) for subject, found in groupby(by_subject, lambda operation: operation.subject)]

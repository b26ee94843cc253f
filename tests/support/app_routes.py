"""The routes of the application as a list, which the application itself makes in two parts."""

from __future__ import annotations

from starlette.routing import BaseRoute

from entrepot.hub.context import HubContext
from entrepot.server import app


def routes_of(hub: HubContext) -> list[BaseRoute]:
    """Return every route of the application, including those of short ids, in matching order."""
    return [*app._routes_before_pages(hub, None), *app._page_routes()]

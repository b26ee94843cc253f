"""Datasets described in Croissant: ``/api/datasets/{id}/croissant``.

Source: docs/dataset-viewer.md, section "Croissant".
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from entrepot.hub.datasets import croissants
from entrepot.names import RepoRef
from entrepot.server.handlers import app_state, base_url, call_hub_in_turn, json_response
from entrepot.server.hf.repo_routes import repo_routes


def routes() -> list[BaseRoute]:
    """Return the route of descriptions in Croissant."""
    return [*repo_routes("GET", "croissant", show_croissant)]


async def show_croissant(request: Request, ref: RepoRef) -> Response:
    """Serve ``GET croissant``: the dataset as JSON-LD."""
    turns = app_state(request).tables
    found = await call_hub_in_turn(request, turns, croissants.describe_dataset, ref, base_url(request))
    return json_response(found.content, headers={"X-Revision": str(found.commit)})

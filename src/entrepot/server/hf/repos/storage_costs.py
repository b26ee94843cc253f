"""Storage used by a repository: an extension specific to this hub."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from entrepot.hub.repos import storage_costs
from entrepot.names import RepoRef
from entrepot.server.handlers import app_state, call_hub_in_turn, json_response, query_list
from entrepot.server.hf.repo_routes import repo_routes, tail_of
from entrepot.wire.repos.repositories import FreedStorage


def routes() -> list[BaseRoute]:
    """Return the routes of storage figures, for all types of repositories."""
    return [
        *repo_routes("GET", "storage", measure_repo),
        *repo_routes("GET", "storage/{tail:path}", measure_revision),
    ]


async def measure_repo(request: Request, ref: RepoRef) -> Response:
    """Serve ``GET storage``: logical, stored, shared and freed bytes of a repository.

    With ``without``, once for each ref: the bytes that deleting these refs together frees.
    """
    turns = app_state(request).viewers  # histories are walked
    if names := query_list(request, "without"):
        freed = await call_hub_in_turn(request, turns, storage_costs.freed_without, ref, names)
        return json_response(FreedStorage(refs=names, freed=freed))
    return json_response(storage_costs.as_fields(await call_hub_in_turn(request, turns, storage_costs.of_repo, ref)))


async def measure_revision(request: Request, ref: RepoRef) -> Response:
    """Serve ``GET storage/{revision}``: the same figures for one revision."""
    turns = app_state(request).viewers
    cost = await call_hub_in_turn(request, turns, storage_costs.of_revision, ref, tail_of(request))
    return json_response(storage_costs.as_fields(cost))

"""What a repository costs: our own addition to the API."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from entrepot.hub import economics
from entrepot.names import RepoRef
from entrepot.server.doors import ask_slowly, json_answer
from entrepot.server.hf.mounts import repo_routes, tail_of


def routes() -> list[BaseRoute]:
    """The routes of storage figures, for all types of repositories."""
    return [
        *repo_routes("GET", "storage", measure_repo),
        *repo_routes("GET", "storage/{tail:path}", measure_revision),
    ]


async def measure_repo(request: Request, ref: RepoRef) -> Response:
    """``GET storage``: logical, stored, shared and freed bytes of a repository."""
    return json_answer(economics.as_fields(await ask_slowly(request, economics.of_repo, ref)))


async def measure_revision(request: Request, ref: RepoRef) -> Response:
    """``GET storage/{revision}``: the same figures of one revision."""
    cost = await ask_slowly(request, economics.of_revision, ref, tail_of(request))
    return json_answer(economics.as_fields(cost))

"""Replacing merges. Source: docs/staged-changes.md, section 5."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from entrepot.hub.repos import replacements
from entrepot.names import RepoRef
from entrepot.server.handlers import call_hub_slow, read_json
from entrepot.server.hf.repo_routes import repo_routes, tail_of
from entrepot.server.hf.repos.commits import commit_response
from entrepot.wire.repos.replacements import Replacement


def routes() -> list[BaseRoute]:
    """Return the route of replacing merges, for all types of repositories."""
    return repo_routes("POST", "replace/{tail:path}", replace)


async def replace(request: Request, ref: RepoRef) -> Response:
    """Handle ``POST replace/{branch}``: give a branch exactly the files of another one."""
    branch, body = tail_of(request), await read_json(request, Replacement)
    recorded = await call_hub_slow(request, replacements.replace, ref, branch, body.source, body.message)
    return commit_response(request, recorded)

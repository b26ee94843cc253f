"""Replacing merges. Source: docs/staged-changes.md, section 5."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.hub.repos import replacements
from entrepot.hub.repos.commits import RecordedCommit
from entrepot.hub.repos.push_reservations import ReservationWaiter
from entrepot.names import RepoRef
from entrepot.server.handlers import read_json
from entrepot.server.hf.repo_routes import repo_routes, tail_of
from entrepot.server.hf.repos.commits import commit_response
from entrepot.server.hf.repos.reservation_waits import call_hub_unreserved
from entrepot.wire.repos.replacements import Replacement


def routes() -> list[BaseRoute]:
    """Return the route of replacing merges, for all types of repositories."""
    return repo_routes("POST", "replace/{tail:path}", replace)


async def replace(request: Request, ref: RepoRef) -> Response:
    """Handle ``POST replace/{branch}``: give a branch exactly the files of another one."""
    branch, body = tail_of(request), await read_json(request, Replacement)

    def act(hub: HubContext, caller: MaybeCaller, waiter: ReservationWaiter) -> RecordedCommit:
        return replacements.replace(hub, caller, ref, branch, body.source, body.message, waiter)

    return commit_response(request, await call_hub_unreserved(request, act))

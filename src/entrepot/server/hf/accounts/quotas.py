"""Quotas of namespaces, for their members: routes specific to this hub."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from entrepot.hub.accounts import quotas
from entrepot.hub.accounts.administration import render_quota
from entrepot.server.handlers import call_hub, json_response
from entrepot.server.raw_path import decode_segment


def routes() -> list[BaseRoute]:
    """Return the routes of this module."""
    return [Route("/api/settings/quota", show_own), Route("/api/organizations/{account}/quota", show_org)]


async def show_own(request: Request) -> Response:
    """Serve the quota of the caller's own namespace."""
    return json_response(render_quota(await call_hub(request, quotas.own)))


async def show_org(request: Request) -> Response:
    """Serve the quota of an organisation that the caller belongs to."""
    return json_response(
        render_quota(await call_hub(request, quotas.of_org, decode_segment(request.path_params["account"])))
    )

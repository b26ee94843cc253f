"""What namespaces may keep, for those who belong there: this hub's own routes."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from entrepot.hub.accounts import quotas
from entrepot.hub.accounts.quotas import NamespaceQuota
from entrepot.server.handlers import call_hub, json_response
from entrepot.server.raw_path import decode_segment
from entrepot.wire.accounts.quotas import QuotaInfo


def routes() -> list[BaseRoute]:
    """The routes of this module."""
    return [Route("/api/settings/quota", show_own), Route("/api/organizations/{account}/quota", show_org)]


async def show_own(request: Request) -> Response:
    """GET: the quota of the caller's own namespace."""
    return json_response(render(await call_hub(request, quotas.own)))


async def show_org(request: Request) -> Response:
    """GET: the quota of an organisation of the caller's."""
    return json_response(render(await call_hub(request, quotas.of_org, decode_segment(request.path_params["account"]))))


def render(quota: NamespaceQuota) -> QuotaInfo:
    """A quota for programs."""
    return QuotaInfo(
        namespace=quota.namespace,
        max_bytes=quota.max_bytes,
        max_repos=quota.max_repos,
        max_file_bytes=quota.max_file_bytes,
        used_bytes=quota.used,
        repos=quota.repos,
    )

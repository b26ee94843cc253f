"""The audit log, for administrators of the hub and of organisations: routes specific to this hub."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from entrepot.hub.jobs import records
from entrepot.server.handlers import call_hub, json_response, next_link, query_int
from entrepot.server.raw_path import decode_segment
from entrepot.wire.audits import AuditQuery

_PAGE = 100
_MAX_LIMIT = 1_000
_NEWEST = (1 << 63) - 1


def routes() -> list[BaseRoute]:
    """Return the routes of this module."""
    return [
        Route("/api/admin/audit", list_rows),
        Route("/api/admin/audit/verify", verify),
        Route("/api/organizations/{account}/audit", list_of_org),
    ]


async def list_rows(request: Request) -> Response:
    """Serve changes that match the query, newest first."""
    limit = query_int(request, "limit", _PAGE, low=1, high=_MAX_LIMIT)
    before = query_int(request, "before", _NEWEST, low=0, high=_NEWEST)
    rows = await call_hub(request, records.list_audit, read_query(request), before, limit)
    headers = {"Link": next_link(request, {"before": str(rows[-1].id)})} if len(rows) == limit else None
    return json_response(rows, headers=headers)


async def list_of_org(request: Request) -> Response:
    """Serve changes of an organisation that match the query, newest first, for its administrators."""
    limit = query_int(request, "limit", _PAGE, low=1, high=_MAX_LIMIT)
    before = query_int(request, "before", _NEWEST, low=0, high=_NEWEST)
    name = decode_segment(request.path_params["account"])
    rows = await call_hub(request, records.list_org_audit, name, read_query(request), before, limit)
    headers = {"Link": next_link(request, {"before": str(rows[-1].id)})} if len(rows) == limit else None
    return json_response(rows, headers=headers)


async def verify(request: Request) -> Response:
    """Check the chain of the log, and that it contains the head ``expect``, which was kept elsewhere."""
    return json_response(await call_hub(request, records.verify_audit, request.query_params.get("expect")))


def read_query(request: Request) -> AuditQuery:
    """Return the filter in the query: its parameters have the names of the fields."""
    query = request.query_params
    return AuditQuery(
        actor=query.get("actor"),
        action=query.get("action"),
        subject=query.get("subject"),
        since=query.get("since"),
        until=query.get("until"),
    )

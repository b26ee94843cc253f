"""The audit log, for administrators of the hub: a route specific to this hub."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from entrepot.hub import audit
from entrepot.hub.audit import AuditFilter, AuditRow
from entrepot.server.handlers import call_hub, json_response, next_link, query_int
from entrepot.wire.audits import AuditEntry
from entrepot.wire.times import format_ms, parse_time

_PAGE = 100
_MOST = 1_000
_NEWEST = (1 << 63) - 1


def routes() -> list[BaseRoute]:
    """Return the routes of this module."""
    return [Route("/api/admin/audit", list_rows)]


async def list_rows(request: Request) -> Response:
    """Serve changes that match the query, newest first."""
    limit = query_int(request, "limit", _PAGE, low=1, high=_MOST)
    before = query_int(request, "before", _NEWEST, low=0, high=_NEWEST)
    rows = await call_hub(request, audit.list_rows, read_filter(request), before=before, limit=limit)
    headers = {"Link": next_link(request, {"before": str(rows[-1].id)})} if len(rows) == limit else None
    return json_response([render(row) for row in rows], headers=headers)


def read_filter(request: Request) -> AuditFilter:
    """Return the filter in the query: ``actor``, ``action`` and ``subject`` (exact matches), ``since`` and ``until``.

    Raises:
        Malformed: a time is malformed.
    """
    query = request.query_params
    since, until = query.get("since"), query.get("until")
    return AuditFilter(
        query.get("actor") or None,
        query.get("action") or None,
        query.get("subject") or None,
        parse_time(since) if since else None,
        parse_time(until) if until else None,
    )


def render(row: AuditRow) -> AuditEntry:
    """Return a row as JSON shows it."""
    return AuditEntry(
        id=row.id,
        at=format_ms(row.at_ms),
        actor=row.actor,
        token=row.token,
        action=row.action,
        subject=row.subject,
        details=msgspec.json.decode(row.details, type=dict[str, str | int | bool | None]),
        chain=row.chain,
    )

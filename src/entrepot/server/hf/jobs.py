"""Background jobs, for administrators of the hub: routes specific to this hub."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from entrepot.errors import ThingNotFound
from entrepot.hub.jobs import overviews, records
from entrepot.server.handlers import call_hub, json_response, next_link, query_int, query_list
from entrepot.server.raw_path import decode_segment

_PAGE = 100
_MAX_LIMIT = 1_000
_NEWEST = (1 << 63) - 1


def routes() -> list[BaseRoute]:
    """Return the routes of this module."""
    return [
        Route("/api/admin/jobs", list_jobs),
        Route("/api/admin/jobs/{job}/retry", retry_job, methods=["POST"]),
        Route("/api/admin/jobs/{job}", cancel_job, methods=["DELETE"]),
    ]


async def list_jobs(request: Request) -> Response:
    """Serve jobs in each ``state`` and ``lane`` that is given, newest first."""
    limit = query_int(request, "limit", _PAGE, low=1, high=_MAX_LIMIT)
    before = query_int(request, "before", _NEWEST, low=0, high=_NEWEST)
    states, lanes = query_list(request, "state"), query_list(request, "lane")
    found = await call_hub(request, records.list_jobs, states, lanes, before, limit)
    headers = {"Link": next_link(request, {"before": str(found[-1].id)})} if len(found) == limit else None
    return json_response(found, headers=headers)


async def retry_job(request: Request) -> Response:
    """Make a dead or waiting job due now."""
    await call_hub(request, overviews.retry_job, _number(request))
    return json_response({})


async def cancel_job(request: Request) -> Response:
    """Delete a job that is not running; its work is not done."""
    await call_hub(request, overviews.cancel_job, _number(request))
    return json_response({})


def _number(request: Request) -> int:
    text = decode_segment(request.path_params["job"])
    if not (text.isascii() and text.isdigit() and int(text[:20]) <= _NEWEST and len(text) < 20):
        raise ThingNotFound("job", text)
    return int(text)

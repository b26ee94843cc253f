"""What users did, and what was done in the repositories of organisations, on each day of the last year."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from entrepot.hub.search import activity
from entrepot.hub.search.activity import ActivityCalendar
from entrepot.server.handlers import call_hub, json_response
from entrepot.server.raw_path import decode_segment
from entrepot.wire.accounts.accounts import AccountActivity, ActiveDay
from entrepot.wire.times import format_ms

_DAY_MS = 86_400_000


def routes() -> list[BaseRoute]:
    """Return the routes of this module."""
    return [
        Route("/api/users/{account}/activity", show_user),
        Route("/api/organizations/{account}/activity", show_org),
    ]


async def show_user(request: Request) -> Response:
    """Serve the activity of a user by day; 404 if not found."""
    return json_response(render(await call_hub(request, activity.of_user, _account(request))))


async def show_org(request: Request) -> Response:
    """Serve the activity in the repositories of an organisation by day; 404 if not found."""
    return json_response(render(await call_hub(request, activity.of_org, _account(request))))


def render(calendar: ActivityCalendar) -> AccountActivity:
    """Return a calendar with its days in order."""
    days = [ActiveDay(_date(day), count) for day, count in sorted(calendar.counts.items())]
    return AccountActivity(_date(calendar.first), _date(calendar.last), days)


def _date(day: int) -> str:
    return format_ms(day * _DAY_MS)[:10]


def _account(request: Request) -> str:
    return decode_segment(request.path_params["account"])

"""Figures, checks, settings and a rehearsed sweep, for administrators of the hub: routes specific to this hub."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.hub.jobs import overviews
from entrepot.hub.jobs.overviews import Rehearsal
from entrepot.server.handlers import call_hub, call_hub_slow, json_response
from entrepot.wire.hub_reports import HealthResult, HubOverview, SettingValue, SweepRehearsal, SweptItem

SWEEP_S = 10.0
"""Maximum time for the dry run of a sweep in a request."""


def routes() -> list[BaseRoute]:
    """Return the routes of this module."""
    return [
        Route("/api/admin/overview", show_overview),
        Route("/api/admin/health", check_health),
        Route("/api/admin/settings", list_settings),
        Route("/api/admin/gc", rehearse_sweep),
    ]


async def show_overview(request: Request) -> Response:
    """Serve the figures of the hub: accounts, what it stores, jobs, and the disk."""
    found = await call_hub_slow(request, overviews.figures)
    return json_response(
        HubOverview(
            users=found.users,
            orgs=found.orgs,
            disk_free=found.disk_free,
            disk_total=found.disk_total,
            sizes=found.sizes,
        )
    )


async def check_health(request: Request) -> Response:
    """Serve the results of the checks that are quick enough for a request."""
    found = await call_hub_slow(request, overviews.check_health)
    return json_response([HealthResult(name=check.name, ok=check.is_well, text=check.text) for check in found])


async def list_settings(request: Request) -> Response:
    """Serve the effective settings of the process that answers; none of them is a secret."""
    found = await call_hub(request, overviews.list_settings)
    return json_response([SettingValue(name=one.name, value=one.value, default=one.default) for one in found])


async def rehearse_sweep(request: Request) -> Response:
    """Serve what a garbage collection would delete, counted for at most ten seconds; nothing is deleted."""

    def rehearse(hub: HubContext, caller: MaybeCaller) -> Rehearsal:
        return overviews.rehearse_sweep(hub, caller, within_s=SWEEP_S)

    found = await call_hub_slow(request, rehearse)
    items = [SweptItem(kind=item.kind, what=item.what, reason=item.reason, size=item.size) for item in found.items]
    return json_response(
        SweepRehearsal(dry_run=True, is_complete=found.is_complete, count=found.count, size=found.size, items=items)
    )

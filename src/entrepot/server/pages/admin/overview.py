"""Administration: figures, storage, garbage collection, settings and health of the hub."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from entrepot.hub.callers import Caller
from entrepot.hub.context import HubContext
from entrepot.hub.jobs import overviews
from entrepot.hub.jobs.overviews import Rehearsal
from entrepot.server.hf.hub_reports import SWEEP_S
from entrepot.server.pages.admin.guards import BASE, admin_form, admin_page, show_admin
from entrepot.server.pages.forms import FRESH, Form
from entrepot.server.pages.frames import WebPage
from entrepot.server.pages.routing import PageRoute


def routes() -> list[PageRoute]:
    """Return the routes of these pages."""
    return [
        PageRoute(BASE, show_overview),
        PageRoute(f"{BASE}/overview", show_overview),
        PageRoute(f"{BASE}/storage", show_storage),
        PageRoute(f"{BASE}/gc", show_gc),
        PageRoute(f"{BASE}/gc", admin_form(_rehearse, build_gc), ["POST"]),
        PageRoute(f"{BASE}/gc/run", admin_form(_sweep, build_gc), ["POST"]),
        PageRoute(f"{BASE}/settings", show_settings),
        PageRoute(f"{BASE}/health", show_health),
    ]


async def show_overview(request: Request) -> Response:
    """Serve the figures of the hub."""
    return await show_admin(request, build_overview)


async def show_storage(request: Request) -> Response:
    """Serve the overview of the hub: accounts, repositories and stored bytes."""
    return await show_admin(request, build_storage)


async def show_gc(request: Request) -> Response:
    """Serve the page of garbage collection."""
    return await show_admin(request, lambda hub, caller: build_gc(hub, caller, FRESH))


async def show_settings(request: Request) -> Response:
    """Serve the settings of the hub."""
    return await show_admin(request, build_settings)


async def show_health(request: Request) -> Response:
    """Serve the results of checks."""
    return await show_admin(request, build_health)


def build_overview(hub: HubContext, caller: Caller) -> WebPage:
    """Return the figures of the hub, failed jobs and failed checks.

    Raises:
        NotAllowed: the caller is not an administrator of the hub.
    """
    found = overviews.figures(hub, caller)
    checks = overviews.check_health(hub, caller, found)
    values = {
        "found": found,
        "wrong": [check for check in checks if not check.is_well],
        "checks": len(checks),
        "dead": overviews.list_jobs(hub, caller, ["dead"], 5),
    }
    return admin_page("overview", values)


def build_storage(hub: HubContext, caller: Caller) -> WebPage:
    """Return the page of the overview.

    Raises:
        NotAllowed: the caller is not an administrator of the hub.
    """
    values = {"found": overviews.figures(hub, caller), "data": str(hub.settings.data), "api": "/api/admin/overview"}
    return admin_page("storage", values)


def build_gc(hub: HubContext, caller: Caller, form: Form) -> WebPage:
    """Return the page of garbage collection, before anything was counted.

    Raises:
        NotAllowed: the caller is not an administrator of the hub.
    """
    return _gc_page(hub, caller, form, None)


def build_settings(hub: HubContext, caller: Caller) -> WebPage:
    """Return the effective settings of the hub; none of them is a secret.

    Raises:
        NotAllowed: the caller is not an administrator of the hub.
    """
    return admin_page("settings", {"rows": overviews.list_settings(hub, caller)})


def build_health(hub: HubContext, caller: Caller) -> WebPage:
    """Return the results of checks.

    Raises:
        NotAllowed: the caller is not an administrator of the hub.
    """
    return admin_page("health", {"checks": overviews.check_health(hub, caller), "data": str(hub.settings.data)})


def _gc_page(hub: HubContext, caller: Caller, form: Form, done: Rehearsal | None) -> WebPage:
    values: dict[str, object] = {
        "form": form,
        "done_run": done,
        "is_sweeping": overviews.is_sweeping(hub, caller),
        "data": str(hub.settings.data),
        "grace_s": hub.settings.gc_grace_s,
        "seconds": SWEEP_S,
    }
    return admin_page("gc", values)


def _rehearse(hub: HubContext, caller: Caller, _form: Form) -> WebPage:
    return _gc_page(hub, caller, FRESH, overviews.rehearse_sweep(hub, caller, within_s=SWEEP_S))


def _sweep(hub: HubContext, caller: Caller, _form: Form) -> str:
    overviews.request_sweep(hub, caller)
    return "/gc"

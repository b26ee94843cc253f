"""Administration: what scanners found, by repository."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from entrepot.hub.callers import Caller
from entrepot.hub.context import HubContext
from entrepot.hub.scanning import scan_reports
from entrepot.hub.scanning.scan_reports import MAX_COUNTED, WORST
from entrepot.server.handlers import query_int
from entrepot.server.pages.admin.guards import BASE, admin_form, admin_page, repo_in, show_admin
from entrepot.server.pages.forms import FRESH, Form
from entrepot.server.pages.frames import WebPage
from entrepot.server.pages.routing import PageRoute
from entrepot.server.pages.rows import ICONS

SHOWN = 50
"""Repositories on a page."""

_LAST = (1 << 63) - 1


def routes() -> list[PageRoute]:
    """Return the routes of this page and its form."""
    return [
        PageRoute(f"{BASE}/scans", show_scans),
        PageRoute(f"{BASE}/scans/run", admin_form(_request_scan, build_scans), ["POST"]),
    ]


async def show_scans(request: Request) -> Response:
    """Serve the repositories with one worst status, the newest repositories first."""
    worst = request.query_params.get("status", WORST[0])

    def build(hub: HubContext, caller: Caller) -> WebPage:
        before = query_int(request, "before", 0, low=0, high=_LAST)
        return build_scans(hub, caller, FRESH, worst=worst, before=before)

    return await show_admin(request, build)


def build_scans(hub: HubContext, caller: Caller, form: Form, *, worst: str = WORST[0], before: int = 0) -> WebPage:
    """Return the page of what scanners found.

    Args:
        before: the row id of the last repository of the previous page; 0 for the first page.

    Raises:
        NotAllowed: the caller is not an administrator of the hub.
        InvalidName: the status is unknown.
    """
    found = scan_reports.list_reports(hub, caller, worst, before=before or None, limit=SHOWN + 1)
    shown = found[:SHOWN]
    values = {
        "form": form,
        "found": shown,
        "icons": ICONS,
        "worst": worst,
        "sizes": scan_reports.count_reports(hub, caller),
        "most": MAX_COUNTED,
        "before": before,
        "more": shown[-1].repo.id if len(found) > SHOWN else 0,
        "scanning": hub.settings.scanning,
        "api": f"/api/admin/scans?status={worst}",
    }
    return admin_page("scans", values)


def _request_scan(hub: HubContext, caller: Caller, form: Form) -> str:
    scan_reports.request_scan(hub, caller, repo_in(form))
    return "/scans?done=saved"

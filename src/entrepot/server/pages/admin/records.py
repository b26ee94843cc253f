"""Administration: background jobs, and the audit log."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from entrepot.errors import Malformed
from entrepot.hub import audit
from entrepot.hub.audit import AuditFilter
from entrepot.hub.callers import Caller
from entrepot.hub.context import HubContext
from entrepot.hub.jobs import overviews
from entrepot.server.handlers import query_int
from entrepot.server.pages.admin.guards import BASE, admin_form, admin_page, show_admin
from entrepot.server.pages.forms import FRESH, Form
from entrepot.server.pages.frames import WebPage
from entrepot.server.pages.routing import PageRoute
from entrepot.server.pages.settings.audit_lists import SHOWN, audit_values, read_filter

DEAD = "dead"
"""The state of jobs that failed too often, which are shown first."""

_LAST = (1 << 63) - 1


def routes() -> list[PageRoute]:
    """Return the routes of these pages."""
    return [
        PageRoute(f"{BASE}/jobs", show_jobs),
        PageRoute(f"{BASE}/jobs/retry", admin_form(_retry, build_jobs), ["POST"]),
        PageRoute(f"{BASE}/jobs/cancel", admin_form(_cancel, build_jobs), ["POST"]),
        PageRoute(f"{BASE}/audit", show_audit),
    ]


async def show_jobs(request: Request) -> Response:
    """Serve jobs in one state, newest first."""
    state = request.query_params.get("state", DEAD)
    return await show_admin(request, lambda hub, caller: build_jobs(hub, caller, FRESH, state=state))


async def show_audit(request: Request) -> Response:
    """Serve rows of the audit log that match a filter, newest first."""
    wanted = read_filter(request)

    def build(hub: HubContext, caller: Caller) -> WebPage:
        return build_audit(hub, caller, wanted, query_int(request, "before", 0, low=0, high=_LAST))

    return await show_admin(request, build)


def build_jobs(hub: HubContext, caller: Caller, form: Form, *, state: str = DEAD) -> WebPage:
    """Return the page of jobs.

    Raises:
        NotAllowed: the caller is not an administrator of the hub.
        InvalidName: the state is unknown.
    """
    found = overviews.list_jobs(hub, caller, [state], SHOWN)
    values = {
        "form": form,
        "found": found,
        "api": f"/api/admin/jobs?state={state}",
        "state": state,
        "states": overviews.STATES,
        "sizes": overviews.figures(hub, caller).sizes,
    }
    return admin_page("jobs", values)


def build_audit(hub: HubContext, caller: Caller, wanted: AuditFilter, before: int) -> WebPage:
    """Return a page of the audit log.

    Raises:
        NotAllowed: the caller is not an administrator of the hub.
    """
    rows = audit.list_rows(hub, caller, wanted, before=before or None, limit=SHOWN + 1)
    return admin_page("audit", audit_values(rows, wanted))


def _retry(hub: HubContext, caller: Caller, form: Form) -> str:
    overviews.retry_job(hub, caller, _number(form))
    return "/jobs?done=saved"


def _cancel(hub: HubContext, caller: Caller, form: Form) -> str:
    overviews.cancel_job(hub, caller, _number(form))
    return "/jobs?done=removed"


def _number(form: Form) -> int:
    text = form.text("job")
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(_LAST)) - 1):
        raise Malformed("form", "expected the number of a job")
    return int(text)

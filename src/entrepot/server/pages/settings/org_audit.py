"""Settings of an organisation: its audit log, for its administrators."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from entrepot.hub.accounts import orgs
from entrepot.hub.audit import AuditFilter
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.server.handlers import query_int
from entrepot.server.pages.frames import WebPage, show_page
from entrepot.server.pages.routing import PageRoute, account_of
from entrepot.server.pages.settings.audit_lists import SHOWN, audit_values, read_filter
from entrepot.server.pages.settings.org_frame import org_page

_LAST = (1 << 63) - 1


def routes() -> list[PageRoute]:
    """Return the routes of this page."""
    return [PageRoute("/organizations/{account}/settings/audit", show)]


async def show(request: Request) -> Response:
    """Serve recorded changes that match a filter, newest first."""
    name, wanted = account_of(request), read_filter(request)
    before = query_int(request, "before", 0, low=0, high=_LAST)
    return await show_page(request, lambda hub, caller: build(hub, caller, name, wanted, before))


def build(hub: HubContext, caller: MaybeCaller, name: str, wanted: AuditFilter, before: int) -> WebPage:
    """Return a page of the audit log of an organisation.

    Raises:
        LoginRequired, AccountNotFound, NotAllowed: the caller is not an administrator of the organisation.
    """
    rows = orgs.list_audit(hub, caller, name, wanted, before=before or None, limit=SHOWN + 1)
    return org_page(hub, caller, name, "audit", audit_values(rows, wanted))

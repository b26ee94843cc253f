"""Settings of a repository: its gate, and the requests of those who want to pass it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from entrepot.errors import Malformed
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.community import access_requests
from entrepot.hub.community.access_requests import STATUSES, RequesterId
from entrepot.hub.context import HubContext
from entrepot.hub.repos import repo_rights, repositories
from entrepot.hub.repos.repositories import GATES, RepoChanges
from entrepot.names import RepoRef
from entrepot.server.hf.pages import After, parse_cursor, render_cursor
from entrepot.server.pages.forms import FRESH, Form
from entrepot.server.pages.frames import WebPage, show_page
from entrepot.server.pages.routing import PageRoute, repo_pages
from entrepot.server.pages.settings.repo_frame import repo_form, repo_settings_page

PAGE = 50
"""Requests on a page."""

PENDING = STATUSES[0]


def routes() -> list[PageRoute]:
    """Return the routes of this page."""
    return [
        *repo_pages("/settings/access", show, has_short=False),
        *repo_pages("/settings/gate", repo_form(_set_gate, build), ["POST"], has_short=False),
        *repo_pages("/settings/access/decide", repo_form(_decide, build), ["POST"], has_short=False),
        *repo_pages("/settings/access/grant", repo_form(_grant, build), ["POST"], has_short=False),
    ]


async def show(request: Request, ref: RepoRef) -> Response:
    """Serve the gate and a page of requests."""
    query = request.query_params
    status, cursor = query.get("status", PENDING), query.get("cursor")
    if status not in STATUSES:
        raise Malformed("parameter 'status'", f"expected {', '.join(STATUSES)}")
    after = parse_cursor(cursor) if cursor else None
    return await show_page(request, lambda hub, caller: build(hub, caller, ref, FRESH, status, after))


def build(
    hub: HubContext, caller: MaybeCaller, ref: RepoRef, form: Form, status: str = PENDING, after: After | None = None
) -> WebPage:
    """Return the page of the gate.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled, LoginRequired, NotAllowed: no access.
    """
    repo_rights.check_manage(hub, caller, ref)
    gate = repo_rights.of(hub, caller, ref).row.gated
    found = None
    if gate != GATES[0]:
        found = access_requests.list_requests(hub, caller, ref, status, after=after, limit=PAGE)
    values = {
        "form": form,
        "gate": gate,
        "statuses": STATUSES,
        "status": status,
        "requests": () if found is None else found.items,
        "more": render_cursor(found.after) if found is not None and found.after else "",
    }
    return repo_settings_page(hub, caller, ref, "access", values)


def _set_gate(hub: HubContext, caller: MaybeCaller, ref: RepoRef, form: Form) -> str:
    repositories.configure(hub, caller, ref, RepoChanges(gated=form.text("gate")))
    return "/access?done=saved"


def _decide(hub: HubContext, caller: MaybeCaller, ref: RepoRef, form: Form) -> str:
    status, reason = form.text("status"), form.text("reason").strip() or None
    requester = RequesterId(request_id=form.text("request"))
    access_requests.decide(hub, caller, ref, requester, status, reason if status == "rejected" else None)
    done = {"accepted": "granted", "rejected": "rejected"}.get(status, "saved")
    return f"/access?done={done}"


def _grant(hub: HubContext, caller: MaybeCaller, ref: RepoRef, form: Form) -> str:
    access_requests.grant(hub, caller, ref, form.text("user").strip())
    return "/access?status=accepted&done=granted"

"""Settings of an account: where it is signed in."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from entrepot.hub.accounts import own_sessions
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.server import browser_sessions
from entrepot.server.handlers import app_state, query_int
from entrepot.server.pages.forms import FRESH, Form, FormPage, answer_form
from entrepot.server.pages.frames import WebPage, show_page
from entrepot.server.pages.routing import PageRoute
from entrepot.server.pages.settings.sections import own_page


def routes() -> list[PageRoute]:
    """Return the routes of this page."""
    return [
        PageRoute("/settings/sessions", show),
        PageRoute("/settings/sessions/end", end, ["POST"]),
        PageRoute("/settings/sessions/end-all", end_all, ["POST"]),
    ]


async def show(request: Request) -> Response:
    """Serve a page of the sessions of the account."""
    return await show_page(request, lambda hub, caller: _page(request)(hub, caller, FRESH))


async def end(request: Request) -> Response:
    """End one session."""

    def act(hub: HubContext, caller: MaybeCaller, form: Form) -> str:
        own_sessions.end(hub, caller, form.text("session"))
        return "/settings/sessions?done=signed-out"

    return await answer_form(request, act, _page(request))


async def end_all(request: Request) -> Response:
    """End all sessions, also this one, and redirect to the first page."""

    def act(hub: HubContext, caller: MaybeCaller, _form: Form) -> str:
        own_sessions.end_all(hub, caller)
        return "/"

    answer = await answer_form(request, act, _page(request))
    if answer.status_code == 303:
        cookie = browser_sessions.cookie_header(request.scope, app_state(request).hub, None)
        answer.headers["set-cookie"] = cookie
    return answer


def _page(request: Request) -> FormPage:
    page = query_int(request, "p", 0, low=0, high=10**6)

    def build(hub: HubContext, caller: MaybeCaller, form: Form) -> WebPage:
        secret = browser_sessions.secret_of(request.scope, hub)
        found = own_sessions.list_own(hub, caller, secret, page=page)
        values = {"form": form, "found": found.items, "page": page, "has_more": found.has_more}
        return own_page("sessions", values)

    return build

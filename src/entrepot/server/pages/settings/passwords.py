"""Settings of an account: the password."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from entrepot.errors import Malformed
from entrepot.hub.accounts import own_sessions
from entrepot.hub.accounts.passwords import MIN_LENGTH
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.hub.sso import identities
from entrepot.hub.sso.browser_sign_ins import issuer_host
from entrepot.server import browser_sessions
from entrepot.server.handlers import app_state
from entrepot.server.pages.forms import FRESH, Form, FormPage
from entrepot.server.pages.frames import WebPage, show_page
from entrepot.server.pages.routing import PageRoute
from entrepot.server.pages.settings.attempts import run_attempt
from entrepot.server.pages.settings.sections import own_page


def routes() -> list[PageRoute]:
    """Return the routes of this page."""
    return [
        PageRoute("/settings/password", show, sets_up_factor=True),
        PageRoute("/settings/password", change, ["POST"], sets_up_factor=True),
    ]


async def show(request: Request) -> Response:
    """Serve the form of a new password."""
    return await show_page(request, lambda hub, caller: _page(request)(hub, caller, FRESH))


async def change(request: Request) -> Response:
    """Set the password; attempts with a wrong current one wait as those to sign in do."""
    secret = browser_sessions.secret_of(request.scope, app_state(request).hub)

    def act(hub: HubContext, caller: MaybeCaller, sent: Form) -> str:
        if sent.text("wanted") != sent.text("again"):
            raise Malformed("new password", "the two fields differ")
        own_sessions.change_password(hub, caller, secret, sent.text("present"), sent.text("wanted"))
        return "/settings/password?done=password"

    return await run_attempt(request, act, _page(request))


def _page(request: Request) -> FormPage:
    def build(hub: HubContext, caller: MaybeCaller, form: Form) -> WebPage:
        secret = browser_sessions.secret_of(request.scope, hub)
        is_needed = own_sessions.needs_password(hub, caller, secret)
        values = {"form": form, "is_needed": is_needed, "shortest": MIN_LENGTH, "sso": issuer_host(hub)}
        return own_page("password", {**values, "identities": identities.list_own(hub, caller), "now_ms": hub.now_ms()})

    return build

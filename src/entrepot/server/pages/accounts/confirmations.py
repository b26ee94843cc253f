"""The page on which a signed-in visitor confirms their identity, before changes that could take over the account."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from entrepot.hub.accounts import confirmations, passkeys
from entrepot.hub.callers import MaybeCaller, require_write
from entrepot.hub.context import HubContext
from entrepot.server import browser_sessions
from entrepot.server.handlers import app_state
from entrepot.server.pages.forms import Form, FormPage, safe_target
from entrepot.server.pages.frames import WebPage, passkey_site, show_page, with_script
from entrepot.server.pages.routing import PageRoute
from entrepot.server.pages.settings.attempts import run_attempt
from entrepot.server.public_urls import path_prefix

PATH = "/settings/confirm"
"""The address of this page."""


def routes() -> list[PageRoute]:
    """Return the routes of this page."""
    return [PageRoute(PATH, show, sets_up_factor=True), PageRoute(PATH, confirm, ["POST"], sets_up_factor=True)]


async def show(request: Request) -> Response:
    """Serve the form for the password, and for the code if the account needs one."""
    target = request.query_params.get("next", "")
    return await show_page(request, lambda hub, caller: confirm_page(request)(hub, caller, Form({"next": [target]})))


async def confirm(request: Request) -> Response:
    """Record that the visitor has proved their identity, and redirect back."""
    secret = browser_sessions.secret_of(request.scope, app_state(request).hub)

    def act(hub: HubContext, caller: MaybeCaller, sent: Form) -> str:
        confirmations.confirm(hub, caller, secret, sent.text("password"), sent.text("code"))
        return target_of(hub, sent)

    return await run_attempt(request, act, confirm_page(request))


def target_of(hub: HubContext, form: Form) -> str:
    """Return the page to open afterwards, below the root of the hub; by default the visitor's settings."""
    root = path_prefix(hub.settings)
    target = safe_target(form.text("next"), root).removeprefix(root)
    return target if len(target) > 1 else "/settings/security?done=confirmed"


def confirm_page(request: Request) -> FormPage:
    """Return the function that builds the page.

    The page raises:
        LoginRequired, NotAllowed: the visitor has not signed in with a browser.
    """

    def build(hub: HubContext, caller: MaybeCaller, form: Form) -> WebPage:
        secret = browser_sessions.secret_of(request.scope, hub)
        confirmations.is_recent(hub, caller, secret)
        known = require_write(caller)
        values = {
            "form": form,
            "target": form.text("next"),
            "has_password": known.account.password_hash is not None,
            "needs_code": confirmations.needs_code(hub, caller),
            "is_personal": True,
            "passkeys": bool(passkeys.list_own(hub, caller)) and passkey_site(request) is not None,
        }
        page = WebPage("confirm.html", "Confirm that it is you", values)
        return with_script(page) if values["passkeys"] else page

    return build

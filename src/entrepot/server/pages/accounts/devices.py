"""The page on which a user signs a program in: type its code, see what it is, accept or reject it.

Opening an address, even one that contains the code, decides nothing: its sender may be an
attacker who waits for access to the account. Source: RFC 8628, sections 3.3 and 5.4.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from entrepot.hub.accounts import confirmations, devices
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.server import browser_sessions
from entrepot.server.handlers import app_state
from entrepot.server.pages.forms import FRESH, Form, read_form, run_form
from entrepot.server.pages.frames import WebPage, show_page
from entrepot.server.pages.routing import PageRoute

_PATH = "/-/device"
_TITLE = "Sign a program in"
_MAX_FORM = 64 << 10


def routes() -> list[PageRoute]:
    """Return the routes of this page."""
    return [PageRoute(_PATH, show_form), PageRoute(_PATH, decide, ["POST"])]


async def show_form(request: Request) -> Response:
    """Serve the form for a code; one in the address is filled in, and looked up only when the form is sent."""
    code = request.query_params.get("user_code", "")[:100]

    def build(hub: HubContext, caller: MaybeCaller) -> WebPage:
        devices.require_session(caller)
        return _form_page(Form({"user_code": [code]}))

    return await show_page(request, build)


async def decide(request: Request) -> Response:
    """Show the program with this code, or (with ``decision``) accept or reject it."""
    state = app_state(request)
    browser_sessions.check_origin(request, state.hub)
    form = await read_form(request, _MAX_FORM)
    browser_sessions.check_form_token(request, state.hub, form.text("csrf"))
    secret = browser_sessions.secret_of(request.scope, state.hub)
    network: bytes = request.scope["state"].get("network", b"")

    def act(hub: HubContext, caller: MaybeCaller, sent: Form) -> str | WebPage:
        name = devices.require_session(caller).account.name
        if sent.text("decision") == "accept":
            confirmations.require_recent_of_admin(hub, caller, secret)
        wait_s = state.typed_codes.begin(name, network)
        if wait_s:
            text = f"Too many codes with which no program was waiting. Wait {wait_s:,} seconds."
            return _form_page(Form(sent.fields, text), 429)
        code, decision = sent.text("user_code"), sent.text("decision")
        if decision in ("accept", "reject"):
            devices.decide(hub, caller, code, accepts=decision == "accept")
            state.typed_codes.note_success(name, network)
            return f"{_PATH}?done=device-{decision}ed"
        found = devices.waiting(hub, caller, code)
        state.typed_codes.note_success(name, network)
        return WebPage("device.html", _TITLE, {"form": FRESH, "program": found})

    def again(_hub: HubContext, _caller: MaybeCaller, sent: Form) -> WebPage:
        return _form_page(sent)

    return await run_form(request, form, act, again)


def _form_page(form: Form, status: int = 200) -> WebPage:
    return WebPage("device.html", _TITLE, {"form": form, "program": None}, status)

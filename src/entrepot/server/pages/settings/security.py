"""Settings of an account: two-step sign-in, and the list of passkeys."""

from __future__ import annotations

import attrs
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from entrepot.errors import StepExpired
from entrepot.hub.accounts import confirmations, own_factors, passkeys
from entrepot.hub.accounts.own_factors import FactorSetup
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.server import browser_sessions
from entrepot.server.handlers import app_state
from entrepot.server.pages.browsers import browser_name
from entrepot.server.pages.forms import FRESH, Form, FormPage, answer_form, confirmation_path
from entrepot.server.pages.frames import WebPage, endpoint_of, passkey_site, show_page, with_script
from entrepot.server.pages.routing import PageRoute
from entrepot.server.pages.settings.attempts import run_attempt
from entrepot.server.pages.settings.sections import own_page

PATH = "/settings/security"
"""The address of these pages."""


def routes() -> list[PageRoute]:
    """Return the routes of these pages."""
    return [
        PageRoute(PATH, show, sets_up_factor=True),
        PageRoute(f"{PATH}/app", begin, ["POST"], sets_up_factor=True),
        PageRoute(f"{PATH}/app/confirm", enable, ["POST"], sets_up_factor=True),
        PageRoute(f"{PATH}/app/disable", disable, ["POST"]),
        PageRoute(f"{PATH}/codes", renew_codes, ["POST"]),
    ]


async def show(request: Request) -> Response:
    """Serve the state of two-step sign-in, and the passkeys."""
    return await show_page(request, lambda hub, caller: build_page(request)(hub, caller, FRESH))


async def begin(request: Request) -> Response:
    """Show the secret of a new app, as QR code and as text."""

    def act(hub: HubContext, caller: MaybeCaller, _form: Form) -> WebPage:
        secret = browser_sessions.secret_of(request.scope, hub)
        return _setup_page(own_factors.begin(hub, caller, secret, _issuer(request)), FRESH)

    return await answer_form(request, act, build_page(request))


async def enable(request: Request) -> Response:
    """Turn two-step sign-in on and show the recovery codes, once; with a wrong code, show the same secret again."""

    def act(hub: HubContext, caller: MaybeCaller, form: Form) -> WebPage:
        secret = browser_sessions.secret_of(request.scope, hub)
        codes = own_factors.enable(hub, caller, secret, form.text("setup"), form.text("code"))
        return build_page(request, codes)(hub, caller, FRESH)

    def again(hub: HubContext, caller: MaybeCaller, form: Form) -> WebPage:
        if own_factors.status(hub, caller).created_ms is not None:  # the form was sent twice, as reloading does
            return build_page(request)(hub, caller, form)
        try:
            return _setup_page(own_factors.show_setup(hub, caller, form.text("setup"), _issuer(request)), form)
        except StepExpired:  # the set-up has to begin again
            return build_page(request)(hub, caller, form)

    return await answer_form(request, act, again)


async def disable(request: Request) -> Response:
    """Turn two-step sign-in off."""
    secret = browser_sessions.secret_of(request.scope, app_state(request).hub)

    def act(hub: HubContext, caller: MaybeCaller, form: Form) -> str:
        own_factors.disable(hub, caller, secret, form.text("password"), form.text("code"))
        return f"{PATH}?done=two-step-off"

    return await run_attempt(request, act, build_page(request))


async def renew_codes(request: Request) -> Response:
    """Replace the recovery codes and show the new ones, once."""
    secret = browser_sessions.secret_of(request.scope, app_state(request).hub)

    def act(hub: HubContext, caller: MaybeCaller, form: Form) -> WebPage:
        codes = own_factors.renew_codes(hub, caller, secret, form.text("code"))
        return build_page(request, codes)(hub, caller, FRESH)

    return await run_attempt(request, act, build_page(request))


def build_page(request: Request, codes: own_factors.RecoveryCodes = ()) -> FormPage:
    """Return the function that builds the page.

    Args:
        codes: recovery codes that were made by this request.

    The page raises:
        LoginRequired, NotAllowed: the visitor has not signed in with a browser.
    """

    def build(hub: HubContext, caller: MaybeCaller, form: Form) -> WebPage:
        secret = browser_sessions.secret_of(request.scope, hub)
        values = {
            "form": form,
            "factor": own_factors.status(hub, caller),
            "is_recent": confirmations.is_recent(hub, caller, secret),
            "confirm": confirmation_path(request),
            "codes": codes,
            "known": passkeys.list_own(hub, caller),
            "passkeys": passkey_site(request) is not None,
            "suggested": browser_name(request.headers.get("user-agent", "")) or "Passkey",
        }
        page = own_page("security", values)
        return with_script(page) if values["passkeys"] else page

    return build


def qr_code(text: str) -> Markup:
    """Return the QR code of a text as an SVG element without styles, black on white in every theme."""
    import segno  # drawn rarely, so it is not loaded with the server

    drawn = segno.make(text, error="m", micro=False).svg_inline(scale=4, border=4, dark="#000", light="#fff")
    return Markup(drawn)  # noqa: S704 - made of numbers


def _setup_page(setup: FactorSetup, form: Form) -> WebPage:
    shown = " ".join(setup.secret[start : start + 4] for start in range(0, len(setup.secret), 4))
    page = own_page("security", {"form": form, "setup": setup, "secret": shown, "qr": qr_code(setup.url)})
    return attrs.evolve(page, template="settings_two_step.html", title="Two-step sign-in")


def _issuer(request: Request) -> str:
    return endpoint_of(request).partition("//")[2].partition("/")[0] or "entrepot"

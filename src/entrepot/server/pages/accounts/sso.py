"""Sign in with another issuer: the way there, the way back, and linking an identity with an account."""

from __future__ import annotations

import attrs
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from entrepot.errors import ClientGone, ConfirmationNeeded, Damaged, EntrepotError, InvalidName, Refused
from entrepot.hub.accounts.confirmations import require_recent
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.hub.sso import browser_sign_ins, identities
from entrepot.hub.sso.browser_sign_ins import LIFETIME_S, BegunSignIn, FinishedSignIn, IssuerReply
from entrepot.server import browser_sessions
from entrepot.server.error_responses import error_response
from entrepot.server.handlers import app_state, base_url, call_hub, call_hub_in_turn, call_hub_slow
from entrepot.server.pages.accounts.kept_cookies import kept_cookie, kept_value
from entrepot.server.pages.forms import (
    FRESH,
    Form,
    checked_form,
    confirmation_path,
    go_to,
    read_form,
    safe_target,
    sentence,
    wait_text,
)
from entrepot.server.pages.frames import HEADERS, WebPage, page_response
from entrepot.server.pages.routing import PageRoute
from entrepot.server.pages.sign_in import login_page, origin_of
from entrepot.server.public_urls import path_prefix

CALLBACK = "/-/sso/callback"
"""The path to which the issuer sends the browser back."""

NAME = "/-/sso/name"
"""The page on which a person chooses the name of the new account."""

_COOKIE = "entrepot_sso"
_MAX_FORM = 4 << 10
_SETTINGS = "/settings/password"


def routes() -> list[PageRoute]:
    """Return the routes of these pages."""
    return [
        PageRoute("/-/sso", start),
        PageRoute(CALLBACK, finish),
        PageRoute(NAME, show_name),
        PageRoute(NAME, choose_name, ["POST"]),
        PageRoute("/settings/password/link", link, ["POST"]),
        PageRoute("/settings/password/unlink", unlink, ["POST"]),
    ]


async def start(request: Request) -> Response:
    """Send the browser to the issuer; a link and no form, because the policy of pages keeps forms on this hub."""
    root = path_prefix(app_state(request).hub.settings)
    target = safe_target(request.query_params.get("next", ""), root)
    callback = base_url(request) + CALLBACK

    def begin(hub: HubContext, _caller: MaybeCaller) -> BegunSignIn:
        return browser_sign_ins.begin(hub, callback, target)

    try:
        begun = await call_hub_in_turn(request, app_state(request).issuers, begin)
    except EntrepotError as error:
        return _problem(request, error)
    return RedirectResponse(begun.url, 303, {**_headers(), "set-cookie": _cookie(request, begun.sealed)})


async def finish(request: Request) -> Response:
    """Open a session, or link an identity, and redirect to the page that the visitor came from."""
    state, query = app_state(request), request.query_params
    reply = IssuerReply(*(query.get(name, "") for name in ("state", "code", "error", "iss")))
    kept, origin = kept_value(request, _COOKIE), origin_of(request)
    replaced = browser_sessions.secret_of(request.scope, state.hub)

    def end(hub: HubContext, caller: MaybeCaller) -> FinishedSignIn:
        return browser_sign_ins.finish(hub, caller, kept, reply, replaced=replaced, origin=origin)

    try:
        done = await call_hub_in_turn(request, state.issuers, end)
    except EntrepotError as error:
        return _problem(request, error)
    if done.sealed:
        root = path_prefix(state.hub.settings)
        return RedirectResponse(root + NAME, 303, {**_headers(), "set-cookie": _cookie(request, done.sealed)})
    return _enter(request, done)


async def show_name(request: Request) -> Response:
    """Serve the form for the name of the account that a first sign-in makes."""
    return await _name_page(request)


async def choose_name(request: Request) -> Response:
    """Make the account with the chosen name, and redirect to the page that the visitor came from.

    Refused names count as failed attempts to sign in, of the identity and of the address.
    """
    state = app_state(request)
    hub, network = state.hub, request.scope["state"].get("network", b"")
    browser_sessions.check_origin(request, hub)
    form = await read_form(request, _MAX_FORM)
    kept, origin = kept_value(request, _COOKIE), origin_of(request)
    replaced = browser_sessions.secret_of(request.scope, hub)

    def choose(_hub: HubContext, _caller: MaybeCaller) -> FinishedSignIn | int:
        """Return the sign-in, or how many seconds it has to wait."""
        attempt = f"name {browser_sign_ins.show_choice(hub, kept).identity}"
        if wait_s := state.sign_ins.begin(attempt, network):
            return wait_s
        token, name = form.text("token"), form.text("name")
        done = browser_sign_ins.choose_name(hub, kept, token, name, replaced=replaced, origin=origin)
        state.sign_ins.note_success(attempt, network)
        return done

    try:
        done = await call_hub(request, choose)
        if isinstance(done, int):
            return await _name_page(request, attrs.evolve(form, problem=wait_text(done)), 429, done)
        return _enter(request, done)
    except (InvalidName, Refused) as error:
        return await _name_page(request, attrs.evolve(form, problem=sentence(error)), _status_of(request, error))
    except EntrepotError as error:
        return _problem(request, error)


async def _name_page(request: Request, form: Form = FRESH, status: int = 200, wait_s: int = 0) -> Response:
    kept = kept_value(request, _COOKIE)
    try:
        choice = await call_hub(request, lambda hub, _caller: browser_sign_ins.show_choice(hub, kept))
    except EntrepotError as error:
        return _problem(request, error)
    issuer = browser_sign_ins.issuer_host(app_state(request).hub)
    values = {"choice": choice, "form": form, "sso": issuer, "action": NAME}
    page = WebPage("sso_name.html", "Choose a name", values, status=status)
    waits = {"retry-after": str(wait_s)} if wait_s else {}
    return page_response(request, page, {"cache-control": "no-store", **waits})


def _enter(request: Request, done: FinishedSignIn) -> Response:
    """Return the redirect after a sign-in or a link, with the cookie of the session that was opened."""
    state = app_state(request)
    answer = RedirectResponse(done.target, 303, _headers())
    answer.headers.append("set-cookie", _cookie(request, None))
    if done.opened is not None:
        session = browser_sessions.cookie_header(request.scope, state.hub, done.opened.secret)
        answer.headers.append("set-cookie", session)
    return answer


async def link(request: Request) -> Response:
    """Show the way to the issuer, whose identity will be linked with the visitor's account."""
    await checked_form(request)
    hub = app_state(request).hub
    root = path_prefix(hub.settings)
    callback = base_url(request) + CALLBACK

    def begin(_hub: HubContext, caller: MaybeCaller) -> BegunSignIn:
        known = require_recent(hub, caller, browser_sessions.secret_of(request.scope, hub))
        return browser_sign_ins.begin(hub, callback, f"{root}{_SETTINGS}?done=linked", link_to=known)

    try:
        begun = await call_hub_in_turn(request, app_state(request).issuers, begin)
    except ConfirmationNeeded:
        return RedirectResponse(confirmation_path(request), 303, _headers())
    page = WebPage("sso_link.html", "Link an identity", {"url": begun.url, "sso": browser_sign_ins.issuer_host(hub)})
    return page_response(request, page, {"cache-control": "no-store", "set-cookie": _cookie(request, begun.sealed)})


async def unlink(request: Request) -> Response:
    """Remove an identity from the visitor's account."""
    form = await checked_form(request)
    session = browser_sessions.secret_of(request.scope, app_state(request).hub)
    try:
        await call_hub_slow(request, identities.unlink, session, form.text("identity"))
    except ConfirmationNeeded:
        return RedirectResponse(confirmation_path(request), 303, _headers())
    return go_to(request, f"{_SETTINGS}?done=removed")


def _problem(request: Request, error: EntrepotError) -> Response:
    if isinstance(error, ClientGone | Damaged):
        raise error
    status = _status_of(request, error)
    answer = login_page(request, name="", code="", target="", problem=sentence(error), status=status)
    answer.headers.append("set-cookie", _cookie(request, None))
    return answer


def _status_of(request: Request, error: EntrepotError) -> int:
    return error_response(error, raw_path=request.scope["path"], query=b"").status


def _headers() -> dict[str, str]:
    return {**HEADERS, "cache-control": "no-store"}


def _cookie(request: Request, value: str | None) -> str:
    return kept_cookie(request, _COOKIE, value, LIFETIME_S)

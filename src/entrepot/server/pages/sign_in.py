"""Sign in with a password or a one-time link, and sign out."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from entrepot.errors import (
    AccountSuspended,
    EntrepotError,
    InvalidSignInCode,
    PasskeyNeeded,
    SecondFactorNeeded,
    WrongPassword,
)
from entrepot.hub.accounts import sessions
from entrepot.hub.accounts.sessions import OpenedSession, SessionOrigin
from entrepot.hub.sso.browser_sign_ins import issuer_host
from entrepot.server import browser_sessions
from entrepot.server.client_addresses import client_address, network_text
from entrepot.server.handlers import app_state
from entrepot.server.pages.browsers import browser_name
from entrepot.server.pages.forms import go_to, read_form, safe_target, sentence, wait_text
from entrepot.server.pages.frames import HEADERS, WebPage, page_response, passkey_site, with_script
from entrepot.server.pages.routing import PageRoute
from entrepot.server.public_urls import path_prefix
from entrepot.server.threads import line_of

_MAX_FORM = 64 << 10


def routes() -> list[PageRoute]:
    """Return the routes of these pages."""
    return [
        PageRoute("/login", show_form),
        PageRoute("/login", sign_in, ["POST"]),
        PageRoute("/logout", sign_out, ["POST"]),
    ]


async def show_form(request: Request) -> Response:
    """Serve the form; with ``code`` in the query, the button that uses up the code."""
    query = request.query_params
    return login_page(request, name="", code=query.get("code", ""), target=query.get("next", ""))


async def sign_in(request: Request) -> Response:
    """Open a session, and redirect to the page that the visitor came from."""
    state = app_state(request)
    browser_sessions.check_origin(request, state.hub)
    fields = await read_form(request, _MAX_FORM)
    name, code, target = (fields.text(key) for key in ("name", "code", "next"))
    network: bytes = request.scope["state"].get("network", b"")
    line = line_of(request.scope)
    wait_s = await state.threads.run_short(state.sign_ins.begin, name, network, line=line)
    if wait_s:
        text = wait_text(wait_s)
        return login_page(request, name=name, code="", target=target, problem=text, status=429, wait_s=wait_s)
    replaced = browser_sessions.secret_of(request.scope, state.hub)

    origin = origin_of(request)

    def open_session() -> OpenedSession:
        if code:
            return sessions.sign_in_with_code(state.hub, code, replaced=replaced, origin=origin)
        return sessions.sign_in(state.hub, name, fields.text("password"), replaced=replaced, origin=origin)

    try:
        async with state.sign_ins.checking:
            opened = await state.threads.run_transfer(open_session, line=line)
    except SecondFactorNeeded as needed:
        await state.threads.run_short(state.sign_ins.note_success, name, network, line=line)
        return code_page(request, name=name, proof=needed.proof, target=target)
    except (WrongPassword, PasskeyNeeded, InvalidSignInCode, AccountSuspended) as error:
        return login_page(request, name=name, code="", target=target, problem=sentence(error), status=_status(error))
    await state.threads.run_short(state.sign_ins.note_success, name, network, line=line)
    return enter(request, opened, target)


async def sign_out(request: Request) -> Response:
    """End the session, and redirect to the first page."""
    state = app_state(request)
    browser_sessions.check_origin(request, state.hub)
    fields = await read_form(request, _MAX_FORM)
    secret = browser_sessions.secret_of(request.scope, state.hub)
    if secret is None:  # signed out already, in another tab
        return go_to(request, "/")
    browser_sessions.check_form_token(request, state.hub, fields.text("csrf"))
    await state.threads.run_short(sessions.sign_out, state.hub, secret, line=line_of(request.scope))
    cookie = browser_sessions.cookie_header(request.scope, state.hub, None)
    return _redirect(request, path_prefix(state.hub.settings) + "/", cookie)


def enter(request: Request, opened: OpenedSession, target: str) -> Response:
    """Return the redirect of a visitor who has signed in, with the cookie of the session."""
    hub = app_state(request).hub
    cookie = browser_sessions.cookie_header(request.scope, hub, opened.secret)
    return _redirect(request, safe_target(target, path_prefix(hub.settings)), cookie)


def origin_of(request: Request) -> SessionOrigin:
    """Return where a request comes from, as the list of sessions shows it."""
    address = client_address(request.scope, app_state(request).hub.settings)
    return SessionOrigin(network_text(address), browser_name(request.headers.get("user-agent", "")))


def _redirect(request: Request, target: str, cookie: str) -> Response:
    headers = {**HEADERS, "set-cookie": cookie, "cache-control": "no-store"}
    return RedirectResponse(target, 303, headers)


def login_page(
    request: Request, *, name: str, code: str, target: str, problem: str = "", status: int = 200, wait_s: int = 0
) -> Response:
    """Return the page of the form, with the reason if a sign-in failed."""
    root = path_prefix(app_state(request).hub.settings)
    values = {"name": name[:100], "code": code[:200], "target": safe_target(target, root), "problem": problem}
    values["sso"] = issuer_host(app_state(request).hub)
    headers = {"cache-control": "no-store", **({"retry-after": str(wait_s)} if wait_s else {})}
    has_passkeys = not code and passkey_site(request) is not None
    page = WebPage("login.html", "Sign in", {**values, "passkeys": has_passkeys}, status)
    return page_response(request, with_script(page) if has_passkeys else page, headers)


def code_page(
    request: Request, *, name: str, proof: str, target: str, problem: str = "", status: int = 200, wait_s: int = 0
) -> Response:
    """Return the page of the second step, after the password.

    Args:
        proof: that the password was right.
    """
    root = path_prefix(app_state(request).hub.settings)
    values = {"name": name[:100], "proof": proof, "target": safe_target(target, root), "problem": problem}
    headers = {"cache-control": "no-store", **({"retry-after": str(wait_s)} if wait_s else {})}
    return page_response(request, WebPage("login_code.html", "Sign in", values, status), headers)


def _status(error: EntrepotError) -> int:
    return 403 if isinstance(error, AccountSuspended) else 401

"""Passkeys: signing in and confirming with one, adding, naming and removing them.

A script fetches options, passes them to the authenticator, and sends a form with its response.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from entrepot.errors import AccountSuspended, NotOffered, PasskeyRefused, StepExpired
from entrepot.hub.accounts import passkeys
from entrepot.hub.accounts.passkey_proofs import PasskeySite
from entrepot.hub.accounts.passkeys import LIFETIME_S, BegunPasskey, PasskeyReply
from entrepot.hub.accounts.sessions import OpenedSession
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.server import browser_sessions
from entrepot.server.handlers import app_state, call_hub_slow
from entrepot.server.pages.accounts.confirmations import PATH as CONFIRM
from entrepot.server.pages.accounts.confirmations import confirm_page, target_of
from entrepot.server.pages.accounts.kept_cookies import kept_cookie, kept_value
from entrepot.server.pages.forms import Form, answer_form, checked_form, read_form, sentence, wait_text
from entrepot.server.pages.frames import HEADERS, passkey_site
from entrepot.server.pages.routing import PageRoute
from entrepot.server.pages.settings.security import PATH, build_page
from entrepot.server.pages.sign_in import enter, login_page, origin_of
from entrepot.server.threads import line_of

_COOKIE = "entrepot_passkey"
_MAX_FORM = 64 << 10


def routes() -> list[PageRoute]:
    """Return the routes of these pages."""
    return [
        PageRoute("/login/passkey/options", begin_using, ["POST"]),
        PageRoute("/login/passkey", sign_in, ["POST"]),
        PageRoute(f"{CONFIRM}/passkey", confirm, ["POST"]),
        PageRoute(f"{PATH}/passkeys/options", begin_adding, ["POST"], sets_up_factor=True),
        PageRoute(f"{PATH}/passkeys", add, ["POST"], sets_up_factor=True),
        PageRoute(f"{PATH}/passkeys/rename", rename, ["POST"]),
        PageRoute(f"{PATH}/passkeys/remove", remove, ["POST"]),
    ]


async def begin_using(request: Request) -> Response:
    """Serve the options of a sign-in, which are the same for everyone except for the challenge."""
    state = app_state(request)
    browser_sessions.check_origin(request, state.hub)
    site, session = _site(request), browser_sessions.secret_of(request.scope, state.hub)
    # In a thread: the first use loads the library.
    begun = await state.threads.run_transfer(
        passkeys.begin_using, state.hub, session, site, line=line_of(request.scope)
    )
    return _options(request, begun)


async def sign_in(request: Request) -> Response:
    """Open a session, and redirect to the page that the visitor came from."""
    state = app_state(request)
    browser_sessions.check_origin(request, state.hub)
    fields = await read_form(request, _MAX_FORM)
    target, network = fields.text("next"), request.scope["state"].get("network", b"")
    site, reply = _site(request), _reply(request, fields)
    line = line_of(request.scope)
    # Passkeys cannot be guessed: the failures of one must not let the others of an office wait.
    attempt = f"passkey {passkeys.attempted(reply)}"
    wait_s = await state.threads.run_short(state.sign_ins.begin, attempt, network, line=line)
    if wait_s:
        text = wait_text(wait_s)
        return login_page(request, name="", code="", target=target, problem=text, status=429, wait_s=wait_s)
    replaced, origin = browser_sessions.secret_of(request.scope, state.hub), origin_of(request)

    def open_session() -> OpenedSession:
        return passkeys.sign_in(state.hub, site, reply, replaced=replaced, origin=origin)

    try:
        opened = await state.threads.run_transfer(open_session, line=line)
    except (PasskeyRefused, StepExpired, AccountSuspended) as error:
        status = 403 if isinstance(error, AccountSuspended) else 401
        answer = login_page(request, name="", code="", target=target, problem=sentence(error), status=status)
    else:
        await state.threads.run_short(state.sign_ins.note_success, attempt, network, line=line)
        answer = enter(request, opened, target)
    answer.headers.append("set-cookie", kept_cookie(request, _COOKIE, None, 0))
    return answer


async def confirm(request: Request) -> Response:
    """Record that the visitor has proved their identity, and redirect back."""
    secret = browser_sessions.secret_of(request.scope, app_state(request).hub)

    def act(hub: HubContext, caller: MaybeCaller, form: Form) -> str:
        passkeys.confirm(hub, caller, secret, _site(request), _reply(request, form))
        return target_of(hub, form)

    return await answer_form(request, act, confirm_page(request), limit=_MAX_FORM)


async def begin_adding(request: Request) -> Response:
    """Serve the options of a new passkey."""
    await checked_form(request, _MAX_FORM)
    hub = app_state(request).hub
    site, secret = _site(request), browser_sessions.secret_of(request.scope, hub)

    def begin(hub: HubContext, caller: MaybeCaller) -> BegunPasskey:
        return passkeys.begin_adding(hub, caller, secret, site)

    return _options(request, await call_hub_slow(request, begin))


async def add(request: Request) -> Response:
    """Store a new passkey."""

    def act(hub: HubContext, caller: MaybeCaller, form: Form) -> str:
        secret = browser_sessions.secret_of(request.scope, hub)
        passkeys.add(hub, caller, secret, _site(request), _reply(request, form), form.text("name"))
        return f"{PATH}?done=passkey"

    return await answer_form(request, act, build_page(request), limit=_MAX_FORM)


async def rename(request: Request) -> Response:
    """Rename a passkey."""

    def act(hub: HubContext, caller: MaybeCaller, form: Form) -> str:
        passkeys.rename(hub, caller, form.text("passkey"), form.text("name"))
        return f"{PATH}?done=saved"

    return await answer_form(request, act, build_page(request))


async def remove(request: Request) -> Response:
    """Remove a passkey."""

    def act(hub: HubContext, caller: MaybeCaller, form: Form) -> str:
        secret = browser_sessions.secret_of(request.scope, hub)
        passkeys.remove(hub, caller, secret, form.text("passkey"))
        return f"{PATH}?done=removed"

    return await answer_form(request, act, build_page(request))


def _site(request: Request) -> PasskeySite:
    found = passkey_site(request)
    if found is None:
        raise NotOffered("passkeys")
    return found


def _options(request: Request, begun: BegunPasskey) -> Response:
    cookie = kept_cookie(request, _COOKIE, begun.sealed, LIFETIME_S)
    headers = {**HEADERS, "cache-control": "no-store", "set-cookie": cookie}
    return Response(begun.options, 200, headers, "application/json")


def _reply(request: Request, form: Form) -> PasskeyReply:
    return PasskeyReply(form.text("credential"), kept_value(request, _COOKIE))

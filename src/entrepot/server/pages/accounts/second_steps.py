"""The second step of signing in: the form for the code, which is shown after the password."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from entrepot.errors import AccountSuspended, CodesPaused, StepExpired, WrongCode
from entrepot.hub.accounts import second_steps
from entrepot.hub.accounts.sessions import OpenedSession
from entrepot.server import browser_sessions
from entrepot.server.handlers import app_state
from entrepot.server.pages.forms import read_form, sentence, wait_text
from entrepot.server.pages.routing import PageRoute
from entrepot.server.pages.sign_in import code_page, enter, login_page, origin_of
from entrepot.server.threads import line_of

_MAX_FORM = 64 << 10


def routes() -> list[PageRoute]:
    """Return the routes of this page."""
    return [PageRoute("/login/code", enter_code, ["POST"])]


async def enter_code(request: Request) -> Response:
    """Open a session with the proof of the password and a code; wrong codes are limited like wrong passwords."""
    state = app_state(request)
    browser_sessions.check_origin(request, state.hub)
    fields = await read_form(request, _MAX_FORM)
    proof, code, target = (fields.text(key) for key in ("proof", "code", "next"))
    network: bytes = request.scope["state"].get("network", b"")
    replaced, origin = browser_sessions.secret_of(request.scope, state.hub), origin_of(request)
    name, line = "", line_of(request.scope)

    def open_session() -> OpenedSession:
        return second_steps.finish(state.hub, proof, code, replaced=replaced, origin=origin)

    try:
        name = await state.threads.run_transfer(second_steps.user_name, state.hub, proof, line=line)
        wait_s = await state.threads.run_short(state.sign_ins.begin, f"code {name}", network, line=line)
        if wait_s:
            text = wait_text(wait_s)
            return code_page(request, name=name, proof=proof, target=target, problem=text, status=429, wait_s=wait_s)
        opened = await state.threads.run_transfer(open_session, line=line)
    except (WrongCode, CodesPaused) as error:
        status, wait_s = (429, error.wait_s) if isinstance(error, CodesPaused) else (401, 0)
        text = sentence(error)
        return code_page(request, name=name, proof=proof, target=target, problem=text, status=status, wait_s=wait_s)
    except (StepExpired, AccountSuspended) as error:
        status = 403 if isinstance(error, AccountSuspended) else 401
        return login_page(request, name=name, code="", target=target, problem=sentence(error), status=status)
    await state.threads.run_short(state.sign_ins.note_success, f"code {name}", network, line=line)
    return enter(request, opened, target)

"""Forms of a signed-in visitor that contain a password: wrong passwords are limited as in the sign-in form."""

from __future__ import annotations

import attrs
from starlette.requests import Request
from starlette.responses import Response

from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.server import browser_sessions
from entrepot.server.handlers import app_state
from entrepot.server.pages.forms import Form, FormAction, FormPage, checked_form, run_form, wait_text
from entrepot.server.pages.frames import WebPage


async def run_attempt(request: Request, act: FormAction, again: FormPage) -> Response:
    """Run a form that contains a password, like :func:`~entrepot.server.pages.forms.answer_form`.

    Raises:
        NotAllowed: it was not sent by a page of this hub, or belongs to another session.
    """
    state = app_state(request)
    form = await checked_form(request)
    network: bytes = request.scope["state"].get("network", b"")
    # Counts attempts of this session.
    account = browser_sessions.csrf_token(browser_sessions.secret_of(request.scope, state.hub))

    def attempt(hub: HubContext, caller: MaybeCaller, sent: Form) -> str | WebPage:
        wait_s = state.sign_ins.begin(account, network)
        if wait_s:
            problem = wait_text(wait_s)
            return attrs.evolve(again(hub, caller, Form(problem=problem)), status=429)
        done = act(hub, caller, sent)
        state.sign_ins.note_success(account, network)
        return done

    async with state.sign_ins.checking:
        return await run_form(request, form, attempt, again, is_slow=True)

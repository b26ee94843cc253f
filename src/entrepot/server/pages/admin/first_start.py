"""The page that makes the first account, which the link printed at the first start opens."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from entrepot.errors import InvalidName, Malformed, Refused, ThingNotFound
from entrepot.hub.accounts import first_accounts
from entrepot.hub.accounts.first_accounts import FirstAccount
from entrepot.hub.accounts.passwords import MIN_LENGTH
from entrepot.hub.accounts.sessions import OpenedSession
from entrepot.server import browser_sessions
from entrepot.server.handlers import app_state
from entrepot.server.pages.error_pages import error_page
from entrepot.server.pages.forms import FRESH, Form, go_to, read_form, sentence
from entrepot.server.pages.frames import WebPage, page_response
from entrepot.server.pages.routing import PageRoute
from entrepot.server.pages.sign_in import origin_of
from entrepot.server.threads import line_of

ADDRESS = "/-/setup"

_FRESH = {"cache-control": "no-store", "referrer-policy": "no-referrer"}
_MAX_FORM = 64 << 10


def routes() -> list[PageRoute]:
    """Return the routes of this page."""
    return [PageRoute(ADDRESS, show), PageRoute(ADDRESS, create, ["POST"])]


async def show(request: Request) -> Response:
    """Serve the form; 404 if the code is wrong, and a page that leads to signing in if the link has been used."""
    state = app_state(request)
    code = request.query_params.get("code", "")
    try:
        await state.threads.run_short(first_accounts.check_setup, state.hub, code, line=line_of(request.scope))
    except ThingNotFound:
        raise HTTPException(404) from None
    except Refused as error:
        return page_response(request, error_page(410, "This link has been used", sentence(error)), _FRESH)
    return _page(request, code, FRESH)


async def create(request: Request) -> Response:
    """Create the administrator, sign them in, and redirect to the administration."""
    state = app_state(request)
    browser_sessions.check_origin(request, state.hub)
    form = await read_form(request, _MAX_FORM)
    code, origin = form.text("code"), origin_of(request)

    def run() -> OpenedSession:
        first_accounts.check_setup(state.hub, code)
        if form.text("password") != form.text("again"):
            raise Malformed("password", "the two fields differ")
        email = form.text("email").strip() or None
        new = FirstAccount(form.text("name").strip(), form.text("password"), email)
        return first_accounts.create_first(state.hub, code, new, origin)

    try:
        async with state.sign_ins.checking:
            opened = await state.threads.run_transfer(run, line=line_of(request.scope))
    except ThingNotFound:
        raise HTTPException(404) from None
    except Refused as error:
        return page_response(request, error_page(410, "This link has been used", sentence(error)), _FRESH)
    except (InvalidName, Malformed) as error:
        return _page(request, code, Form(form.fields, sentence(error)), 400)
    cookie = browser_sessions.cookie_header(request.scope, state.hub, opened.secret)
    return go_to(request, "/-/admin", {"set-cookie": cookie})


def _page(request: Request, code: str, form: Form, status: int = 200) -> Response:
    values = {"code": code, "form": form, "shortest": MIN_LENGTH, "address": ADDRESS}
    return page_response(request, WebPage("first_start.html", "Create the first account", values, status), _FRESH)

"""The page that creates an organisation."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from entrepot.hub.accounts import orgs
from entrepot.hub.accounts.orgs import NewOrg
from entrepot.hub.callers import MaybeCaller, require_login
from entrepot.hub.context import HubContext
from entrepot.server.pages.forms import FRESH, Form, answer_form
from entrepot.server.pages.frames import WebPage, show_page
from entrepot.server.pages.routing import PageRoute

_PATH = "/organizations/new"


def routes() -> list[PageRoute]:
    """Return the routes of this page."""
    return [PageRoute(_PATH, show_new_org), PageRoute(_PATH, create_org, ["POST"])]


async def show_new_org(request: Request) -> Response:
    """Serve the form of a new organisation."""
    return await show_page(request, lambda hub, caller: build_new_org(hub, caller, FRESH))


async def create_org(request: Request) -> Response:
    """Create an organisation, and redirect to its page."""

    def act(hub: HubContext, caller: MaybeCaller, form: Form) -> str:
        new = NewOrg(form.text("name").strip(), form.text("fullname").strip() or None, form.text("visibility") or None)
        return f"/{orgs.create(hub, caller, new).name}?done=created"

    return await answer_form(request, act, build_new_org)


def build_new_org(hub: HubContext, caller: MaybeCaller, form: Form) -> WebPage:
    """Return the form of a new organisation, or a page that says who may create one.

    Raises:
        LoginRequired: the visitor has not signed in.
    """
    known = require_login(caller)
    may_create = hub.settings.users_create_orgs or known.sees_all
    values = {"form": form, "may_create": may_create, "default": hub.settings.default_visibility}
    return WebPage("new_org.html", "New organisation", values)

"""The frame of the settings of an organisation, which its members see."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from starlette.requests import Request
from starlette.responses import Response

from entrepot.hub.accounts import orgs
from entrepot.hub.callers import MaybeCaller, Role, require_login
from entrepot.hub.context import HubContext
from entrepot.server.pages.forms import FRESH, Form, answer_form
from entrepot.server.pages.frames import WebPage, show_page
from entrepot.server.pages.routing import PageHandler, account_of
from entrepot.server.pages.settings.sections import sections

SECTIONS = (("members", "Members"), ("quota", "Storage"))
"""Sections that all members see."""

ADMIN_SECTIONS = (("invitations", "Invitations"), ("general", "General"), ("audit", "Audit log"))
"""Sections for administrators of the organisation."""

OrgPage = Callable[[HubContext, MaybeCaller, str, Form], WebPage]
"""Returns a page of the settings of an organisation."""

OrgForm = Callable[[HubContext, MaybeCaller, str, Form], str]
"""Runs the use case of a form; returns the address to go to, or its end if it does not begin with a slash."""


def base_of(name: str) -> str:
    """Return the address of the settings of an organisation."""
    return f"/organizations/{name}/settings"


def org_page(hub: HubContext, caller: MaybeCaller, name: str, current: str, values: Mapping[str, object]) -> WebPage:
    """Return a page of the settings of an organisation; ``is_admin``: the caller may change it.

    Raises:
        LoginRequired, AccountNotFound, NotAllowed: the caller is not a member.
    """
    org = orgs.settings(hub, caller, name)
    role = require_login(caller).role_in(org.id)
    is_admin = role is Role.ADMIN
    shown = (*SECTIONS, *(ADMIN_SECTIONS if is_admin else ()))
    around = {
        "side_links": sections(base_of(org.name), shown, current),
        "sections_of": org.name,
        "base": base_of(org.name),
        "org": org,
        "is_admin": is_admin,
        "api": f"/api/organizations/{org.name}/{'settings' if current == 'general' else current}",
        "is_personal": True,
        **values,
    }
    return WebPage(f"org_{current}.html", f"{dict(shown)[current]} · {org.name}", around)


def show_org(build: OrgPage) -> PageHandler:
    """Return the handler of a page of an organisation's settings."""

    async def endpoint(request: Request) -> Response:
        name = account_of(request)
        return await show_page(request, lambda hub, caller: build(hub, caller, name, FRESH))

    return endpoint


def org_form(act: OrgForm, page: OrgPage) -> PageHandler:
    """Return the handler of a form of an organisation's settings."""

    async def endpoint(request: Request) -> Response:
        name = account_of(request)

        def run(hub: HubContext, caller: MaybeCaller, form: Form) -> str:
            done = act(hub, caller, name, form)
            return done if done.startswith("/") else f"{base_of(name)}/{done}"

        return await answer_form(request, run, lambda hub, caller, form: page(hub, caller, name, form))

    return endpoint

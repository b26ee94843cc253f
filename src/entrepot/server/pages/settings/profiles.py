"""Settings of an account: its public profile, and the page of its organisations, invitations and storage."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from entrepot.hub.accounts import avatars, invitations, members, quotas
from entrepot.hub.callers import MaybeCaller, require_login
from entrepot.hub.context import HubContext
from entrepot.hub.search import profiles
from entrepot.server.handlers import query_int
from entrepot.server.hf.pages import name_after
from entrepot.server.pages.forms import FRESH, Form, answer_form, go_to
from entrepot.server.pages.frames import WebPage, show_page
from entrepot.server.pages.repositories.storage_maps import map_of
from entrepot.server.pages.routing import PageRoute
from entrepot.server.pages.settings.sections import own_page

SHOWN = 100
"""Organisations on a page."""


def routes() -> list[PageRoute]:
    """Return the routes of these pages."""
    return [
        PageRoute("/settings", show_first),
        PageRoute("/settings/profile", show_profile),
        PageRoute("/settings/profile", save_profile, ["POST"]),
        PageRoute("/settings/account", show_account),
        PageRoute("/settings/account/accept", accept, ["POST"]),
        PageRoute("/settings/account/decline", decline, ["POST"]),
        PageRoute("/settings/account/leave", leave, ["POST"]),
    ]


async def show_first(request: Request) -> Response:
    """Redirect to the first section."""
    return go_to(request, "/settings/profile")


async def show_profile(request: Request) -> Response:
    """Serve the profile."""
    return await show_page(request, lambda hub, caller: build_profile(hub, caller, FRESH))


async def save_profile(request: Request) -> Response:
    """Change the profile."""

    def act(hub: HubContext, caller: MaybeCaller, form: Form) -> str:
        profiles.change_profile(hub, caller, fullname=form.text("fullname"), details=form.text("details"))
        return "/settings/profile?done=saved"

    return await answer_form(request, act, build_profile)


async def show_account(request: Request) -> Response:
    """Serve the organisations, invitations and storage of the account."""
    after, orgs_after = query_int(request, "after", 0, low=0, high=2**62), name_after(request)
    return await show_page(
        request, lambda hub, caller: build_account(hub, caller, FRESH, after=after, orgs_after=orgs_after)
    )


async def accept(request: Request) -> Response:
    """Accept an invitation."""

    def act(hub: HubContext, caller: MaybeCaller, form: Form) -> str:
        invitations.accept(hub, caller, form.text("invitation"))
        return "/settings/account?done=accepted"

    return await answer_form(request, act, build_account)


async def decline(request: Request) -> Response:
    """Decline an invitation."""

    def act(hub: HubContext, caller: MaybeCaller, form: Form) -> str:
        invitations.decline(hub, caller, form.text("invitation"))
        return "/settings/account?done=declined"

    return await answer_form(request, act, build_account)


async def leave(request: Request) -> Response:
    """Leave an organisation."""

    def act(hub: HubContext, caller: MaybeCaller, form: Form) -> str:
        known = require_login(caller)
        members.remove(hub, known, form.text("organisation"), known.account.name)
        return "/settings/account?done=left"

    return await answer_form(request, act, build_account)


def build_profile(hub: HubContext, caller: MaybeCaller, form: Form) -> WebPage:
    """Return the form of the profile.

    Raises:
        LoginRequired, NotAllowed: the caller is anonymous, or uses a fine-grained token.
    """
    quotas.own(hub, caller)
    account = require_login(caller).account
    fullname, details = form.text("fullname", account.fullname), form.text("details", account.details or "")
    faces = avatars.versions(hub, [account.name])
    return own_page("profile", {"form": form, "fullname": fullname, "details": details, "faces": faces})


def build_account(hub: HubContext, caller: MaybeCaller, form: Form, *, after: int = 0, orgs_after: str = "") -> WebPage:
    """Return the organisations, invitations and storage of the account.

    Args:
        after: the row id of the last invitation of the previous page.
        orgs_after: the last name of the page of organisations before.

    Raises:
        LoginRequired, NotAllowed: the caller is anonymous, or uses a fine-grained token.
    """
    quota, offers = quotas.own(hub, caller), invitations.list_own(hub, caller, after=after)
    known = require_login(caller)
    memberships = [item for item in known.memberships if item.org.name.lower() > orgs_after.lower()]
    values = {
        "form": form,
        "account": known.account,
        "memberships": memberships[:SHOWN],
        "orgs_after": orgs_after,
        "more_orgs": memberships[SHOWN - 1].org.name if len(memberships) > SHOWN else None,
        "offers": offers.items,
        "more_offers": 0 if offers.after is None else offers.after[1],
        "quota": quota,
        "map": map_of(hub, caller, None, quota),
    }
    return own_page("account", values)

"""Settings of an organisation: members, invitations, storage, its profile, and its deletion."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from entrepot.errors import Malformed
from entrepot.hub.accounts import avatars, invitations, members, orgs, quotas
from entrepot.hub.accounts.orgs import HUB_DEFAULT, OrgChanges
from entrepot.hub.callers import MaybeCaller, Role, require_login
from entrepot.hub.context import HubContext
from entrepot.server.handlers import query_int
from entrepot.server.hf.pages import name_after
from entrepot.server.pages.forms import FRESH, Form
from entrepot.server.pages.frames import WebPage, show_page
from entrepot.server.pages.repositories.storage_maps import map_of
from entrepot.server.pages.routing import PageRoute, account_of
from entrepot.server.pages.settings.org_frame import org_form, org_page, show_org

ROLES = {
    Role.READ: "sees and reads private repositories",
    Role.CONTRIBUTOR: "also creates repositories, and controls those",
    Role.WRITE: "also changes all repositories",
    Role.ADMIN: "also manages members and the organisation",
}
"""What each role adds to the one before."""

SHOWN = 100
"""Members on a page."""

_BASE = "/organizations/{account}/settings"


def routes() -> list[PageRoute]:
    """Return the routes of these pages."""
    return [
        PageRoute(_BASE, show_members),
        PageRoute(f"{_BASE}/members", show_members),
        PageRoute(f"{_BASE}/members/role", org_form(_set_role, build_members), ["POST"]),
        PageRoute(f"{_BASE}/members/remove", org_form(_remove, build_members), ["POST"]),
        PageRoute(f"{_BASE}/quota", show_org(build_quota)),
        PageRoute(f"{_BASE}/invitations", show_invitations),
        PageRoute(f"{_BASE}/invitations", org_form(_invite, build_invitations), ["POST"]),
        PageRoute(f"{_BASE}/invitations/cancel", org_form(_cancel, build_invitations), ["POST"]),
        PageRoute(f"{_BASE}/general", show_org(build_general)),
        PageRoute(f"{_BASE}/general", org_form(_configure, build_general), ["POST"]),
        PageRoute(f"{_BASE}/delete", org_form(_delete, build_general), ["POST"]),
    ]


async def show_members(request: Request) -> Response:
    """Serve a page of the members."""
    name, after = account_of(request), name_after(request)
    return await show_page(request, lambda hub, caller: build_members(hub, caller, name, FRESH, after=after))


async def show_invitations(request: Request) -> Response:
    """Serve a page of the unanswered invitations."""
    name, after = account_of(request), query_int(request, "after", 0, low=0, high=2**62)
    return await show_page(request, lambda hub, caller: build_invitations(hub, caller, name, FRESH, after=after))


def build_members(hub: HubContext, caller: MaybeCaller, name: str, form: Form, *, after: str = "") -> WebPage:
    """Return a page of the members with their roles, those after a name.

    Raises:
        LoginRequired, AccountNotFound, NotAllowed: the caller is not a member.
    """
    org = orgs.settings(hub, caller, name)
    page = members.list_members(hub, caller, org.name, after=after, limit=SHOWN)
    values = {"form": form, "found": page.members, "after": after, "more": page.after, "roles": _roles()}
    return org_page(hub, caller, name, "members", values)


def build_quota(hub: HubContext, caller: MaybeCaller, name: str, _form: Form) -> WebPage:
    """Return what the organisation stores, and its limits.

    Raises:
        LoginRequired, AccountNotFound, NotAllowed: the caller is not a member.
    """
    quota = quotas.of_org(hub, caller, name)
    return org_page(hub, caller, name, "quota", {"quota": quota, "map": map_of(hub, caller, name, quota)})


def build_invitations(hub: HubContext, caller: MaybeCaller, name: str, form: Form, *, after: int = 0) -> WebPage:
    """Return a page of the unanswered invitations, those after a row id.

    Raises:
        LoginRequired, AccountNotFound, NotAllowed: the caller is not an administrator of the organisation.
    """
    page = invitations.of_org(hub, caller, name, after=after)
    more = 0 if page.after is None else page.after[1]
    values = {"form": form, "found": page.items, "more": more, "roles": _roles()}
    return org_page(hub, caller, name, "invitations", values)


def build_general(hub: HubContext, caller: MaybeCaller, name: str, form: Form) -> WebPage:
    """Return the profile of the organisation, and the form that deletes it.

    Raises:
        LoginRequired, AccountNotFound, NotAllowed: the caller is not an administrator of the organisation.
    """
    invitations.of_org(hub, caller, name, limit=1)
    values = {"form": form, "hub_default": HUB_DEFAULT, "faces": avatars.versions(hub, [name])}
    return org_page(hub, caller, name, "general", values)


def _roles() -> list[tuple[str, str]]:
    return [(role.name.lower(), words) for role, words in ROLES.items()]


def _set_role(hub: HubContext, caller: MaybeCaller, name: str, form: Form) -> str:
    members.change_role(hub, caller, name, form.text("user"), form.text("role"))
    return "members?done=saved"


def _remove(hub: HubContext, caller: MaybeCaller, name: str, form: Form) -> str:
    user = form.text("user")
    members.remove(hub, caller, name, user)
    is_self = require_login(caller).account.name.lower() == user.lower()
    return "/settings/account?done=left" if is_self else "members?done=removed"


def _invite(hub: HubContext, caller: MaybeCaller, name: str, form: Form) -> str:
    invitations.invite(hub, caller, name, form.text("user").strip(), form.text("role"))
    return "invitations?done=invited"


def _cancel(hub: HubContext, caller: MaybeCaller, name: str, form: Form) -> str:
    invitations.cancel(hub, caller, name, form.text("invitation"))
    return "invitations?done=removed"


def _configure(hub: HubContext, caller: MaybeCaller, name: str, form: Form) -> str:
    changes = OrgChanges(form.text("fullname"), form.text("details"), form.text("visibility"))
    orgs.configure(hub, caller, name, changes)
    return "general?done=saved"


def _delete(hub: HubContext, caller: MaybeCaller, name: str, form: Form) -> str:
    org = orgs.settings(hub, caller, name)
    if form.text("confirm").strip() != org.name:
        raise Malformed("confirmation", f"type {org.name} to delete it")
    orgs.delete(hub, caller, org.name)
    return "/settings/account?done=removed"

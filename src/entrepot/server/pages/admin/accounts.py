"""Administration: users, organisations and repositories of the hub."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from entrepot.errors import Malformed
from entrepot.hub.accounts import administration, avatars, factor_resets, sign_ins
from entrepot.hub.callers import Caller
from entrepot.hub.context import HubContext
from entrepot.hub.jobs import overviews
from entrepot.server.handlers import query_int
from entrepot.server.hf.pages import name_after
from entrepot.server.pages.admin.guards import BASE, admin_form, admin_page, show_admin
from entrepot.server.pages.forms import FRESH, Form
from entrepot.server.pages.frames import WebPage
from entrepot.server.pages.routing import PageRoute
from entrepot.server.pages.rows import ICONS
from entrepot.wire.accounts.administration import NewOrgByAdmin, NewUser, NewUsers, SignInCode, UserChanges

SHOWN = 50
"""Rows on a page."""

LINK_S = 7 * 86_400
"""Lifetime of a one-time link."""

_LAST = (1 << 63) - 1


def routes() -> list[PageRoute]:
    """Return the routes of these pages."""
    return [
        PageRoute(f"{BASE}/users", show_users),
        PageRoute(f"{BASE}/users", admin_form(_create_user, build_users, is_grave=True), ["POST"]),
        PageRoute(f"{BASE}/users/link", admin_form(_issue_link, build_users, is_grave=True), ["POST"]),
        PageRoute(f"{BASE}/users/reset-2fa", admin_form(_reset_factors, build_users, is_grave=True), ["POST"]),
        PageRoute(f"{BASE}/users/change", admin_form(_change_user, build_users, is_grave=True), ["POST"]),
        PageRoute(f"{BASE}/orgs", show_orgs),
        PageRoute(f"{BASE}/orgs", admin_form(_create_org, build_orgs), ["POST"]),
        PageRoute(f"{BASE}/repos", show_repos),
    ]


async def show_users(request: Request) -> Response:
    """Serve a page of the users, found by a part of their names."""
    text, after = request.query_params.get("search", ""), name_after(request)
    return await show_admin(request, lambda hub, caller: build_users(hub, caller, FRESH, search=text, after=after))


async def show_orgs(request: Request) -> Response:
    """Serve a page of the organisations, found by a part of their names."""
    text, after = request.query_params.get("search", ""), name_after(request)
    return await show_admin(request, lambda hub, caller: build_orgs(hub, caller, FRESH, search=text, after=after))


async def show_repos(request: Request) -> Response:
    """Serve repositories of the hub, or of one namespace."""
    namespace = request.query_params.get("namespace", "").strip()

    def build(hub: HubContext, caller: Caller) -> WebPage:
        return build_repos(hub, caller, namespace, query_int(request, "after", 0, low=0, high=_LAST))

    return await show_admin(request, build)


def build_users(
    hub: HubContext, caller: Caller, form: Form, *, search: str = "", after: str = "", code: SignInCode | None = None
) -> WebPage:
    """Return a page of users.

    Args:
        after: the last name of the previous page.
        code: that of a one-time link, which was made by this request.

    Raises:
        NotAllowed: the caller is not an administrator of the hub.
    """
    page = overviews.find_accounts(hub, caller, "user", search, after=after, limit=SHOWN)
    values = {"form": form, "found": page.items, "after": after, "more": page.after, "search": search, "code": code}
    values["with_factors"] = factor_resets.users_with_factors(hub, caller, page.items)
    values["faces"] = avatars.versions(hub, [user.name for user in page.items])
    values["lacking"] = factor_resets.users_lacking(hub, caller, page.items)
    return admin_page("users", {**values, "is_required": hub.settings.second_factor == "required"})


def build_orgs(hub: HubContext, caller: Caller, form: Form, *, search: str = "", after: str = "") -> WebPage:
    """Return a page of organisations, those after a name.

    Raises:
        NotAllowed: the caller is not an administrator of the hub.
    """
    page = overviews.find_accounts(hub, caller, "org", search, after=after, limit=SHOWN)
    values = {"form": form, "found": page.items, "after": after, "more": page.after, "search": search}
    return admin_page("orgs", values)


def build_repos(hub: HubContext, caller: Caller, namespace: str, after: int) -> WebPage:
    """Return a page of repositories, including private and disabled ones.

    Raises:
        NotAllowed: the caller is not an administrator of the hub.
        AccountNotFound: the namespace does not exist.
    """
    found = overviews.find_repos(hub, caller, namespace, after, SHOWN + 1)
    shown = found[:SHOWN]
    values = {
        "found": shown,
        "icons": ICONS,
        "namespace": namespace,
        "more": shown[-1].id if len(found) > SHOWN else 0,
        "after": after,
    }
    return admin_page("repos", values)


def _create_user(hub: HubContext, caller: Caller, form: Form) -> WebPage:
    name, fullname, email = (form.text(key).strip() for key in ("name", "fullname", "email"))
    new = NewUser(name=name, fullname=fullname or None, email=email or None, is_admin=form.has("admin"))
    [code] = sign_ins.create_users(hub, caller, NewUsers(users=[new], expires_s=LINK_S))
    return build_users(hub, caller, FRESH, search=name, code=code)


def _issue_link(hub: HubContext, caller: Caller, form: Form) -> WebPage:
    code = sign_ins.issue_code(hub, caller, form.text("user"), LINK_S)
    return build_users(hub, caller, FRESH, search=code.user, code=code)


def _change_user(hub: HubContext, caller: Caller, form: Form) -> str:
    changes = {
        "suspend": UserChanges(is_suspended=True),
        "unsuspend": UserChanges(is_suspended=False),
        "appoint": UserChanges(is_admin=True),
        "dismiss": UserChanges(is_admin=False),
    }
    wanted = changes.get(form.text("change"))
    if wanted is None:
        raise Malformed("form", f"expected change: {', '.join(changes)}")
    administration.change_user(hub, caller, form.text("user"), wanted)
    return "/users?done=saved"


def _reset_factors(hub: HubContext, caller: Caller, form: Form) -> str:
    factor_resets.reset(hub, caller, form.text("user"))
    return "/users?done=saved"


def _create_org(hub: HubContext, caller: Caller, form: Form) -> str:
    name, admin, fullname = (form.text(key).strip() for key in ("name", "admin", "fullname"))
    administration.create_org(hub, caller, NewOrgByAdmin(name=name, admin=admin, fullname=fullname or None))
    return "/orgs?done=created"

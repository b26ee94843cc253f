"""Administration: quota and deletion of one account, and repositories that are disabled."""

from __future__ import annotations

import attrs
from starlette.requests import Request
from starlette.responses import Response

from entrepot.errors import Malformed
from entrepot.hub.accounts import administration
from entrepot.hub.callers import Caller
from entrepot.hub.context import HubContext
from entrepot.hub.jobs import overviews
from entrepot.hub.repos import account_removal
from entrepot.names import RepoRef, RepoType, parse_repo_id
from entrepot.server.pages.admin.accounts import build_repos
from entrepot.server.pages.admin.guards import BASE, AdminForm, AdminPage, admin_form, admin_page, show_admin
from entrepot.server.pages.forms import FRESH, Form
from entrepot.server.pages.frames import WebPage
from entrepot.server.pages.routing import PageHandler, PageRoute, account_of
from entrepot.wire.accounts.administration import Removal
from entrepot.wire.accounts.quotas import QuotaChanges

_GB = 1_000_000_000


def routes() -> list[PageRoute]:
    """Return the routes of these pages."""
    one = f"{BASE}/namespaces/{{account}}"
    return [
        PageRoute(one, show_namespace),
        PageRoute(f"{one}/quota", _form(_set_quota), ["POST"]),
        PageRoute(f"{one}/delete", _form(_delete, is_grave=True), ["POST"]),
        PageRoute(f"{BASE}/repos/switch", admin_form(_switch, _repos_again), ["POST"]),
    ]


async def show_namespace(request: Request) -> Response:
    """Serve quota and deletion of an account."""
    name = account_of(request)
    return await show_admin(request, lambda hub, caller: build_namespace(hub, caller, FRESH, name))


def build_namespace(hub: HubContext, caller: Caller, form: Form, name: str) -> WebPage:
    """Return the page of one user or organisation.

    Raises:
        NotAllowed: the caller is not an administrator of the hub.
        AccountNotFound: no user or organisation has this name.
    """
    account, quota = overviews.find_account(hub, caller, name), administration.show_quota(hub, caller, name)
    used = {"used": quota.used_bytes, "repos": quota.repos}
    limits = {key: getattr(quota, key) for key in ("max_bytes", "max_repos", "max_file_bytes")}
    page = admin_page(
        "users" if account.is_user else "orgs", {"form": form, "account": account, "quota": used | limits}
    )
    return attrs.evolve(page, template="admin_namespace.html", title=account.name)


def _form(act: AdminForm, *, is_grave: bool = False) -> PageHandler:
    """Return the handler of a form of one account, whose name the form gets as its field ``account``."""

    async def endpoint(request: Request) -> Response:
        name = account_of(request)

        def run(hub: HubContext, caller: Caller, form: Form) -> str | WebPage:
            return act(hub, caller, attrs.evolve(form, fields={**form.fields, "account": [name]}))

        again: AdminPage = lambda hub, caller, form: build_namespace(hub, caller, form, name)  # noqa: E731
        return await admin_form(run, again, is_grave=is_grave)(request)

    return endpoint


def _set_quota(hub: HubContext, caller: Caller, form: Form) -> str:
    name = form.text("account")
    if form.has("default"):
        changes = QuotaChanges(max_bytes=None, max_repos=None, max_file_bytes=None)
    else:
        fields = {"max_bytes": _GB, "max_repos": 1, "max_file_bytes": _GB}
        given = {key: _number(form, key, unit) for key, unit in fields.items() if form.text(key).strip()}
        if not given:
            raise Malformed("quota", "type at least one limit; fields that are empty stay as they are")
        changes = QuotaChanges(**given)
    administration.set_quota(hub, caller, name, changes)
    return f"/namespaces/{name}?done=saved"


def _number(form: Form, key: str, unit: int) -> int:
    try:
        return round(float(form.text(key)) * unit)
    except (ValueError, OverflowError):
        raise Malformed("quota", f"{key.replace('_', ' ')}: expected a number") from None


def _delete(hub: HubContext, caller: Caller, form: Form) -> str:
    name, what = form.text("account"), form.text("repos")
    account = overviews.find_account(hub, caller, name)
    if form.text("confirm").strip() != account.name:
        raise Malformed("confirmation", f"type {account.name} to delete it")
    if what not in ("none", "transfer", "purge"):
        raise Malformed("form", "expected repos: none, transfer or purge")
    target = form.text("to").strip()
    if what == "transfer" and not target:
        raise Malformed("form", "name the account that gets the repositories")
    removal = Removal(transfer_to=target if what == "transfer" else None, purge=what == "purge")
    delete = account_removal.delete_user if account.is_user else account_removal.delete_org
    delete(hub, caller, account.name, removal)
    return f"/{'users' if account.is_user else 'orgs'}?done=deleted"


def _switch(hub: HubContext, caller: Caller, form: Form) -> str:
    kind = next((kind for kind in RepoType if kind.value == form.text("type")), None)
    if kind is None:
        raise Malformed("form", "expected the type of a repository")
    ref = RepoRef(kind, parse_repo_id(form.text("repo")))
    overviews.switch_repo(hub, caller, ref, None if form.text("to") == "on" else form.text("reason"))
    return f"/repos?namespace={ref.id.namespace}&done=saved"


def _repos_again(hub: HubContext, caller: Caller, form: Form) -> WebPage:
    page = build_repos(hub, caller, form.text("repo").partition("/")[0], 0)
    return attrs.evolve(page, values={**page.values, "form": form})

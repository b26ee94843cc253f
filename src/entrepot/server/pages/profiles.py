"""Pages of users and organisations, with their repositories."""

from __future__ import annotations

import attrs
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from entrepot.errors import AccountNotFound, RepoNotFound
from entrepot.hub.accounts.orgs import Account
from entrepot.hub.buckets import buckets
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.hub.repos import infos
from entrepot.hub.repos.infos import Search
from entrepot.hub.search import profiles
from entrepot.hub.search.profiles import OrgProfile, UserProfile
from entrepot.names import VERSIONED_TYPES, RepoRef, RepoType
from entrepot.server.handlers import repo_of
from entrepot.server.pages.admin.guards import BASE as ADMINISTRATION
from entrepot.server.pages.formats import quoted
from entrepot.server.pages.frames import WebPage, show_page
from entrepot.server.pages.routing import PageRoute, account_of, wants_html
from entrepot.server.pages.rows import RepoLine, repo_rows
from entrepot.server.pages.settings.folder_sharing import lines_of
from entrepot.server.pages.settings.org_frame import base_of

_SHOWN = 20


@attrs.frozen
class OwnedRepos:
    """The newest repositories of one type, and the number of all."""

    plural: str
    total: int
    rows: list[RepoLine]


def routes() -> list[PageRoute]:
    """Return the route of this page."""
    return [PageRoute("/{account}", show_account)]


async def show_account(request: Request) -> Response:
    """Serve the page of an account; for the alias of a model, a redirect to the model."""
    name = account_of(request)
    request.path_params.update(namespace="", name=request.path_params["account"])
    alias = repo_of(request, RepoType.MODEL)
    try:
        return await show_page(request, lambda hub, caller: build_account(hub, caller, name, alias))
    except RepoNotFound:
        if wants_html(request):
            raise AccountNotFound(name) from None
        # As for every path that nothing serves: a client that is no browser did not ask for a page.
        raise HTTPException(404) from None


def build_account(hub: HubContext, caller: MaybeCaller, name: str, alias: RepoRef) -> WebPage:
    """Return the page of a user or an organisation.

    Raises:
        RepoMoved: the name is an alias of a model that the caller may see.
        RepoNotFound: it is neither.
    """
    profile = _find(hub, caller, name)
    if profile is None:
        infos.describe(hub, caller, alias, "main", with_files=False, with_sizes=False)
        raise AssertionError("no repository has an id without a namespace")
    account = profile.account
    owned = [
        OwnedRepos(kind.plural, total, repo_rows(infos.search(hub, caller, _newest(kind, account.name)).infos))
        for kind in VERSIONED_TYPES
        if (total := profile.counts.get(kind, 0))
    ]
    orgs = [org.name for org in profile.orgs] if isinstance(profile, UserProfile) else []
    members = profile.members if isinstance(profile, OrgProfile) else None
    folders = () if account.parent_id is not None else lines_of(hub, caller, account.name)
    path = "users" if isinstance(profile, UserProfile) else "organizations"
    found = buckets.list_all(hub, caller, account.name, limit=_SHOWN)
    api = f"/api/{path}/{quoted(account.name)}/overview"
    values = {
        "api": api,
        "account": account,
        "owned": owned,
        "orgs": orgs,
        "members": members,
        "followers": profile.followers,
        "folders": folders,
        "buckets": found.buckets,
        "more_buckets": found.after is not None,
        "links": _links(caller, account),
    }
    return WebPage("account.html", account.name, values)


def _links(caller: MaybeCaller, account: Account) -> list[tuple[str, str]]:
    """Return the settings that the visitor reaches from the page of an account: labels and paths."""
    if caller is None:
        return []
    if caller.account.id == account.id:
        own = [("Settings", "/settings/profile")]
        return [*own, ("Administration", ADMINISTRATION)] if caller.sees_all else own
    if account.is_user or account.parent_id is not None or caller.role_in(account.id) is None:
        return []
    return [("Settings", base_of(account.name))]


def _find(hub: HubContext, caller: MaybeCaller, name: str) -> UserProfile | OrgProfile | None:
    for find in (profiles.user, profiles.org):
        try:
            return find(hub, caller, name)
        except AccountNotFound:
            continue
    return None


def _newest(kind: RepoType, author: str) -> Search:
    return Search(kind, author=author, limit=_SHOWN)

"""Pages of users, organisations and folders, with their repositories."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from entrepot.errors import AccountNotFound, RepoNotFound
from entrepot.hub import folder_access
from entrepot.hub.accounts import avatars, follows, members
from entrepot.hub.accounts.orgs import Account
from entrepot.hub.buckets import buckets
from entrepot.hub.callers import MaybeCaller, Role
from entrepot.hub.context import HubContext
from entrepot.hub.pages import NamePage
from entrepot.hub.repos import infos
from entrepot.hub.repos.infos import Search
from entrepot.hub.search import activity, profiles
from entrepot.hub.search.profiles import FolderProfile, OrgProfile, UserProfile
from entrepot.names import VERSIONED_TYPES, RepoRef, RepoType
from entrepot.server.handlers import repo_of
from entrepot.server.hf.pages import parse_name
from entrepot.server.pages.accounts import calendars
from entrepot.server.pages.accounts.calendars import DrawnCalendar
from entrepot.server.pages.admin.guards import BASE as ADMINISTRATION
from entrepot.server.pages.creating.repos import PATHS, owners_of
from entrepot.server.pages.formats import quoted
from entrepot.server.pages.forms import FRESH, Form, answer_form
from entrepot.server.pages.frames import WebPage, show_page
from entrepot.server.pages.routing import PageRoute, account_of, wants_html
from entrepot.server.pages.rows import RepoLine, repo_rows
from entrepot.server.pages.settings.folder_sharing import FolderLine, line_of, lines_of
from entrepot.server.pages.settings.org_frame import base_of

_SHOWN = 20
_ORGS = 50
_PEOPLE = 24


@attrs.frozen
class OwnedRepos:
    """The newest repositories of one type, and the number of all."""

    plural: str
    total: int
    rows: list[RepoLine]


@attrs.frozen
class ListStarts:
    """Where the lists of organisations and of folders begin: after these names, or at the start."""

    orgs: str = ""
    folders: str = ""


def routes() -> list[PageRoute]:
    """Return the routes of this page and its form."""
    return [PageRoute("/-/follow/{account}", follow, ["POST"]), PageRoute("/{account}", show_account)]


async def show_account(request: Request) -> Response:
    """Serve the page of an account; for the alias of a model, a redirect to the model."""
    name, begin = account_of(request), ListStarts(_start(request, "orgs"), _start(request, "folders"))
    alias = _alias_of(request)
    try:
        return await show_page(request, lambda hub, caller: build_account(hub, caller, name, alias, begin))
    except RepoNotFound:
        if wants_html(request):
            raise AccountNotFound(name) from None
        # As for every path that nothing serves: a client that is no browser did not ask for a page.
        raise HTTPException(404) from None


async def follow(request: Request) -> Response:
    """Follow or unfollow a user or an organisation, and redirect to its page."""
    name, alias = account_of(request), _alias_of(request)

    def act(hub: HubContext, caller: MaybeCaller, form: Form) -> str:
        change = follows.follow if form.yes_or_no("followed") else follows.unfollow
        profile = _find(hub, caller, name)
        if profile is None or isinstance(profile, FolderProfile):
            raise AccountNotFound(name)
        change(hub, caller, profile.account.name, is_user=profile.account.is_user)
        return f"/{quoted(profile.account.name)}"

    def again(hub: HubContext, caller: MaybeCaller, form: Form) -> WebPage:
        return build_account(hub, caller, name, alias, ListStarts(), form)

    return await answer_form(request, act, again)


def build_account(
    hub: HubContext, caller: MaybeCaller, name: str, alias: RepoRef, begin: ListStarts, form: Form = FRESH
) -> WebPage:
    """Return the page of a user, an organisation or a folder; ``form``: that which follows it, with its problem.

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
    if isinstance(profile, FolderProfile):
        return _folder_page(profile, owned)
    is_org = isinstance(profile, OrgProfile)
    people = members.list_members(hub, caller, account.name, limit=_PEOPLE) if is_org else None
    path = "users" if isinstance(profile, UserProfile) else "organizations"
    found = buckets.list_all(hub, caller, account.name, limit=_SHOWN)
    base = f"/api/{path}/{quoted(account.name)}"
    values = {
        "api": f"{base}/overview",
        "calendar": _calendar(hub, caller, account),
        "calendar_api": f"{base}/activity",
        "account": account,
        "faces": avatars.versions(hub, [account.name]),
        "owned": owned,
        **_lists(hub, caller, account, begin),
        "members": profile.members if isinstance(profile, OrgProfile) else None,
        "people": [] if people is None else [member.user.name for member in people.members],
        "may_create": caller is not None and account.name in owners_of(caller),
        "may_fold": caller is not None and account.name in owners_of(caller, Role.WRITE),
        "followers": profile.followers,
        "is_followed": profile.is_followed,
        "may_follow": caller is not None and caller.account.id != account.id,
        "form": form,
        "buckets": found.buckets,
        "more_buckets": found.after is not None,
        "links": _links(caller, account),
    }
    return WebPage("account.html", account.name, values)


def _folder_page(profile: FolderProfile, owned: list[OwnedRepos]) -> WebPage:
    """Return the page of the folders with one name."""
    account = profile.account
    values = {
        "api": f"/api/organizations/{quoted(account.name)}/overview",
        "account": account,
        "owned": owned,
        "folders": [(line_of(known), known.row) for known in profile.folders],
        "may_create": [
            (known.row.type.value, PATHS[known.row.type])
            for known in profile.folders
            if known.permission != folder_access.VIEW
        ],
    }
    return WebPage("folder.html", f"Folder {account.name}", values)


def _alias_of(request: Request) -> RepoRef:
    """Return the model that has the name in the path as its alias; it need not exist."""
    request.path_params.update(namespace="", name=request.path_params["account"])
    return repo_of(request, RepoType.MODEL)


def _lists(hub: HubContext, caller: MaybeCaller, account: Account, begin: ListStarts) -> dict[str, object]:
    """Return the lists beside the repositories: folders, and the organisations of a user."""
    folders: Sequence[FolderLine]
    folders, more_folders = lines_of(hub, caller, account.name, begin.folders)
    orgs = NamePage[Account]((), None)
    if account.is_user:
        orgs = profiles.list_orgs(hub, caller, account.name, after=begin.orgs, limit=_ORGS)
    return {
        "orgs": [org.name for org in orgs.items],
        "more_orgs": orgs.after,
        "folders": folders,
        "more_folders": more_folders,
        "begin": begin,
    }


def _calendar(hub: HubContext, caller: MaybeCaller, account: Account) -> DrawnCalendar | None:
    """Return the activity of the last year that the visitor may see; folders have no calendar."""
    if account.parent_id is not None:
        return None
    find_activity = activity.of_user if account.is_user else activity.of_org
    return calendars.draw(find_activity(hub, caller, account.name))


def _start(request: Request, name: str) -> str:
    return parse_name(request.query_params.get(name, ""))


def _links(caller: MaybeCaller, account: Account) -> list[tuple[str, str]]:
    """Return the settings that the visitor reaches from the page of an account: labels and paths."""
    if caller is None:
        return []
    if caller.account.id == account.id:
        own = [("Settings", "/settings/profile")]
        return [*own, ("Administration", ADMINISTRATION)] if caller.sees_all else own
    if account.is_user or caller.role_in(account.id) is None:
        return []
    return [("Settings", base_of(account.name))]


def _find(hub: HubContext, caller: MaybeCaller, name: str) -> UserProfile | OrgProfile | FolderProfile | None:
    for find in (profiles.folder,) if "." in name else (profiles.user, profiles.org):
        try:
            return find(hub, caller, name)
        except AccountNotFound:
            continue
    return None


def _newest(kind: RepoType, author: str) -> Search:
    return Search(kind, author=author, limit=_SHOWN)

"""The first page: what this hub is, how to use it, and what is on it."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from entrepot.hub.accounts import accounts, invitations, own_sessions, quotas
from entrepot.hub.callers import Caller, MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.hub.folders import folder_lists
from entrepot.hub.folders.folder_lists import SHARED, FolderQuery
from entrepot.hub.folders.folders import KnownFolder
from entrepot.hub.repos import infos
from entrepot.hub.repos.infos import RevisionInfo, Search
from entrepot.hub.search import searches
from entrepot.names import VERSIONED_TYPES, RepoType
from entrepot.server.pages.frames import WebPage, show_page
from entrepot.server.pages.routing import PageRoute
from entrepot.server.pages.rows import repo_rows

_SHOWN = 6
_MAX_OWNERS = 100


def routes() -> list[PageRoute]:
    """Return the route of this page."""
    return [PageRoute("/", show_home)]


async def show_home(request: Request) -> Response:
    """Serve the first page."""
    return await show_page(request, build_home)


def build_home(hub: HubContext, caller: MaybeCaller) -> WebPage:
    """Return the first page: trending repositories, and what belongs to, is offered to or shared with the caller."""
    models = searches.trending(hub, caller, [RepoType.MODEL], limit=_SHOWN)
    datasets = searches.trending(hub, caller, [RepoType.DATASET], limit=_SHOWN)
    own = [] if caller is None else _newest_of(hub, caller)
    is_browser = caller is not None and caller.limits is None
    example = next(iter([*models, *datasets]), None)
    values = {
        "api": "/api/trending",
        "models": repo_rows(models),
        "datasets": repo_rows(datasets),
        "own": repo_rows(own),
        "orgs": [] if caller is None else [membership.org.name for membership in caller.memberships[:_SHOWN]],
        "quota": quotas.own(hub, caller) if is_browser else None,
        "offers": invitations.list_own(hub, caller, limit=_SHOWN).items if is_browser else (),
        "shared": _shared_with(hub, caller) if is_browser else (),
        "example": None if example is None else example.info.row.ref,
        "needs_link": caller is not None and own_sessions.needs_link(hub, caller),
        "is_new": example is None and not accounts.has_accounts(hub),
    }
    return WebPage("home.html", "Models and datasets on your own server", values)


def _shared_with(hub: HubContext, caller: MaybeCaller) -> list[KnownFolder]:
    """Return the first folders that others share with the caller, or with an organisation of the caller."""
    return [
        folder
        for kind in (RepoType.MODEL, RepoType.DATASET)
        for folder in folder_lists.list_folders(hub, caller, FolderQuery(kind, SHARED), limit=_SHOWN).items
    ]


def _newest_of(hub: HubContext, caller: Caller) -> Sequence[RevisionInfo]:
    """Return the newest repositories of the caller and of the organisations that they are a member of."""
    owners = (caller.account.id, *(membership.org.id for membership in caller.memberships[:_MAX_OWNERS]))
    return infos.newest(hub, caller, Search(RepoType.MODEL, owners=owners, limit=_SHOWN), VERSIONED_TYPES)

"""The first page: what this hub is, how to use it, and what is on it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from entrepot.hub.accounts import accounts, own_sessions, quotas
from entrepot.hub.callers import Caller, MaybeCaller
from entrepot.hub.context import HubContext
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
    """Return the first page: trending repositories, and those of the caller and of their organisations."""
    models = searches.trending(hub, caller, [RepoType.MODEL], limit=_SHOWN)
    datasets = searches.trending(hub, caller, [RepoType.DATASET], limit=_SHOWN)
    own = [] if caller is None else _newest_of(hub, caller)
    example = next(iter([*models, *datasets]), None)
    values = {
        "api": "/api/trending",
        "models": repo_rows(models),
        "datasets": repo_rows(datasets),
        "own": repo_rows(own),
        "orgs": [] if caller is None else [membership.org.name for membership in caller.memberships[:_SHOWN]],
        "quota": None if caller is None or caller.limits is not None else quotas.own(hub, caller),
        "example": None if example is None else example.info.row.ref,
        "needs_link": caller is not None and own_sessions.needs_link(hub, caller),
        "is_new": example is None and not accounts.has_accounts(hub),
    }
    return WebPage("home.html", "Models and datasets on your own server", values)


def _newest_of(hub: HubContext, caller: Caller) -> list[RevisionInfo]:
    """Return the newest repositories of the caller and of the organisations that they are a member of."""
    owners = (caller.account.id, *(membership.org.id for membership in caller.memberships[:_MAX_OWNERS]))
    found = [
        info
        for kind in VERSIONED_TYPES
        for info in infos.search(hub, caller, Search(kind, owners=owners, limit=_SHOWN)).infos
    ]
    return sorted(found, key=lambda info: -info.info.row.updated_ms)[:_SHOWN]

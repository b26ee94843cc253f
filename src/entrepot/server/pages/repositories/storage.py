"""The page of a repository's storage: what it takes, what it shares, and what a deletion frees."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

import attrs
from starlette.requests import Request
from starlette.responses import Response

from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.hub.repos import storage_costs
from entrepot.hub.repos.storage_costs import StorageCost
from entrepot.names import MAIN, RepoRef, RepoType
from entrepot.server.handlers import app_state
from entrepot.server.pages.formats import length_text
from entrepot.server.pages.frames import WebPage, show_page
from entrepot.server.pages.repo_headers import describe_repo
from entrepot.server.pages.routing import PageRoute, repo_pages

_MAX_REFS = 20


@attrs.frozen
class RefLine:
    """A branch or tag in the table of refs. ``ref``: its full name, empty if it cannot be deleted."""

    ref: str
    name: str
    icon: str
    cost: StorageCost


def routes() -> list[PageRoute]:
    """Return the routes of this page."""
    return repo_pages("/storage", show_storage, has_short=False)


async def show_storage(request: Request, ref: RepoRef) -> Response:
    """Serve the storage of a repository."""
    without = list(dict.fromkeys(request.query_params.getlist("without")))
    turns = app_state(request).viewers  # histories are walked
    return await show_page(request, lambda hub, caller: build_storage(hub, caller, ref, without), turns=turns)


def build_storage(hub: HubContext, caller: MaybeCaller, ref: RepoRef, without: Sequence[str] = ()) -> WebPage:
    """Return the storage of a repository and of its branches and tags, for those who may change it.

    Args:
        without: full names of refs; the page says what deleting them together would free.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled, LoginRequired, NotAllowed: no access.
        RevisionNotFound, LimitExceeded: a ref does not exist, or there are too many.
    """
    costs = storage_costs.of_refs(hub, caller, ref, most=_MAX_REFS)
    header, may = describe_repo(hub, caller, ref)
    values: dict[str, object] = {
        "section": may.row.type.plural,
        "repo": header,
        "tab": "storage",
        "total": costs.total,
        "refs": [
            RefLine(
                "" if item.ref == MAIN else item.ref,
                item.ref.split("/", 2)[2],
                "tag" if item.ref.startswith("refs/tags/") else "branch",
                item.cost,
            )
            for item in costs.refs
        ],
        "without": without,
        "freed": storage_costs.freed_without(hub, caller, ref, without) if without else None,
        "left_out": costs.left_out,
        "grace": length_text(hub.settings.gc_grace_s),
    }
    if may.row.type is not RepoType.SPACE:  # of spaces, the public hub has another route at this address
        values["api"] = f"/api/{may.row.type.plural}/{header.id}/storage"
        if without:
            values["api"] = f"{values['api']}?{urlencode([('without', name) for name in without])}"
    return WebPage("storage.html", f"Storage of {header.id}", values)

"""The page of all branches, tags and pull requests of a repository; the picker offers only the first ones."""

from __future__ import annotations

import re
from urllib.parse import urlencode

import attrs
from starlette.requests import Request
from starlette.responses import Response

from entrepot.errors import Malformed
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.hub.repos import branches
from entrepot.hub.repos.branches import RefHead
from entrepot.names import RepoRef
from entrepot.server.hf.pages import bad_cursor
from entrepot.server.pages.frames import WebPage, show_page
from entrepot.server.pages.repo_headers import RefChoice, choice_of, describe_repo
from entrepot.server.pages.routing import PageRoute, repo_pages
from entrepot.wire.texts import legible

SHOWN = 100
"""Refs on a page."""

KINDS = {"branch": "refs/heads/", "tag": "refs/tags/", "pull": "refs/pr/"}
"""The prefix of the refs that the page lists, by the value of the parameter ``type``."""

_LABELS = {"branch": "Branches", "tag": "Tags", "pull": "Pull requests"}
_TEXT = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]{0,1000}")


@attrs.frozen
class ListedRef:
    """A ref in the list, and the commit that it leads to."""

    choice: RefChoice
    commit: str


def routes() -> list[PageRoute]:
    """Return the routes of this page."""
    return repo_pages("/refs", show, has_short=False)


async def show(request: Request, ref: RepoRef) -> Response:
    """Serve a page of the branches, tags or pull requests, found by a part of their names."""
    query = request.query_params
    kind, part, after = query.get("type", "branch"), query.get("search", "").strip(), query.get("cursor", "")
    if kind not in KINDS:
        raise Malformed("parameter 'type'", f"expected {', '.join(KINDS)}")
    if not (_TEXT.fullmatch(part) and _TEXT.fullmatch(after)):
        raise bad_cursor()
    return await show_page(request, lambda hub, caller: build(hub, caller, ref, kind, part, after))


def build(hub: HubContext, caller: MaybeCaller, ref: RepoRef, kind: str, part: str = "", after: str = "") -> WebPage:
    """Return a page of the refs of one kind, those after a name.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled: no access.
    """
    header, may = describe_repo(hub, caller, ref)
    found = branches.page_refs(hub, caller, may.row.ref, KINDS[kind], part=part, after=after, limit=SHOWN)
    query = [("type", kind), *([("search", part)] if part else [])]
    values = {
        "section": may.row.type.plural,
        "repo": header,
        "tab": "commits",
        "kind": kind,
        "labels": _LABELS,
        "lines": [_line(head) for head in found.items],
        "search": part,
        "here": urlencode(query),
        "after": after,
        "more": found.after,
        "api": f"/api/{may.row.type.plural}/{header.id}/refs",
    }
    return WebPage("refs.html", f"{_LABELS[kind]} of {header.id}", values)


def _line(head: RefHead) -> ListedRef:
    choice = choice_of(head.ref)
    return ListedRef(attrs.evolve(choice, name=legible(choice.name)), head.commit)

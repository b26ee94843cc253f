"""The page that finds files of a revision by parts of their paths."""

from __future__ import annotations

import attrs
from starlette.requests import Request
from starlette.responses import Response

from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.hub.search.paths import find_paths
from entrepot.names import RepoPath, RepoRef
from entrepot.server.pages.formats import quoted, quoted_segment
from entrepot.server.pages.frames import WebPage, show_page
from entrepot.server.pages.repo_headers import describe_header
from entrepot.server.pages.routing import PageRoute, repo_pages
from entrepot.server.pages.trees import crumbs, path_of
from entrepot.server.raw_path import split_revision
from entrepot.wire.texts import legible

SHOWN = 100
"""Files on the page."""


@attrs.frozen
class FoundFileLine:
    """A file that was found; ``link``: its path in a URL."""

    path: str
    link: str
    size: int


def routes() -> list[PageRoute]:
    """Return the routes of this page."""
    return repo_pages("/find/{tail:path}", show, has_short=False)


async def show(request: Request, ref: RepoRef) -> Response:
    """Serve the files whose paths have all words of the parameter ``q``."""
    revision, tail = split_revision(request.path_params["tail"])
    folder, text = path_of(tail.strip("/")), request.query_params.get("q", "").strip()
    return await show_page(request, lambda hub, caller: build(hub, caller, ref, revision, folder, text), is_slow=True)


def build(hub: HubContext, caller: MaybeCaller, ref: RepoRef, revision: str, folder: RepoPath, text: str) -> WebPage:
    """Return the first files below a folder whose paths have all words of a text.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled: no access.
        RevisionNotFound, EntryNotFound: the revision or the folder does not exist.
        LimitExceeded: the text is too long.
    """
    header, described = describe_header(hub, caller, ref, revision)
    head = described.info.head
    assert head is not None, "a described revision has a commit"
    row = described.info.row
    found = find_paths(hub, caller, row.ref, head, folder, text, limit=SHOWN)
    place = f"{header.segment}/{quoted(folder)}".rstrip("/")
    values = {
        "section": row.type.plural,
        "repo": header,
        "tab": "files",
        "path": folder,
        "place": place,
        "crumbs": crumbs(folder),
        "search": legible(text),
        "files": [FoundFileLine(legible(item.path), quoted(item.path), item.size) for item in found.files],
        "is_complete": found.is_complete,
        "api": f"/api/{row.type.plural}/{header.id}/find/{place}?q={quoted_segment(text)}",
    }
    return WebPage("found_files.html", f"Find a file in {header.id}", values)

"""Pages of folders: names, sizes and last commits of one level."""

from __future__ import annotations

import contextlib
import functools
import re
from collections.abc import Sequence

import attrs
from starlette.requests import Request
from starlette.responses import Response

from entrepot.errors import EntryNotFound, GatedRepo, HistoryBeingIndexed, InvalidPath, NotAllowed
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.hub.repos import contents, histories
from entrepot.hub.repos.contents import DescribedEntry, TreePage
from entrepot.hub.scanning import results
from entrepot.hub.scanning.results import FileScan
from entrepot.hub.search import archives
from entrepot.names import ROOT, Oid, RepoPath, RepoRef, parse_path
from entrepot.server.handlers import app_state
from entrepot.server.hf.repos.tree_cursors import Cursor, encode_cursor, parse_cursor
from entrepot.server.pages.card_html import MAX_CARD, CardLinks, read_card, render_card
from entrepot.server.pages.formats import quoted
from entrepot.server.pages.frames import WebPage, endpoint_of, show_page
from entrepot.server.pages.last_versions import show_or_last
from entrepot.server.pages.repo_headers import describe_header
from entrepot.server.pages.routing import PageRoute, repo_pages
from entrepot.server.pages.scan_marks import ScanMark, warning_of
from entrepot.server.public_urls import path_prefix
from entrepot.server.raw_path import split_revision
from entrepot.wire.texts import legible

PAGE = 100
"""Entries on a page."""

_README = re.compile(r"readme\.(?:md|markdown)", re.IGNORECASE)


@attrs.frozen
class TreeLine:
    """An entry of a folder; ``link``: its path in a URL."""

    name: str
    link: str
    is_folder: bool
    size: int
    mark: str
    title: str
    commit: str
    changed_ms: int
    scan: ScanMark | None = None


@attrs.frozen
class Readme:
    """The README of a folder: its name, and its text as safe HTML."""

    name: str
    html: str


def routes() -> list[PageRoute]:
    """Return the routes of this page."""
    return repo_pages("/tree/{tail:path}", show_tree)


def path_of(tail: str) -> RepoPath:
    """Return a path inside a repository.

    Raises:
        EntryNotFound: no file can have it.
    """
    try:
        return parse_path(tail) if tail.strip("/") else ROOT
    except InvalidPath:
        raise EntryNotFound(tail) from None


def crumbs(path: str) -> list[tuple[str, str]]:
    """Return the folders that lead to a path, and the path itself: name and path of each."""
    parts = [part for part in path.split("/") if part]
    return [(legible(part), "/".join(parts[: at + 1])) for at, part in enumerate(parts)]


async def show_tree(request: Request, ref: RepoRef) -> Response:
    """Serve the page of a folder."""
    revision, tail = split_revision(request.path_params["tail"])
    cursor, endpoint = request.query_params.get("cursor"), endpoint_of(request)
    root = path_prefix(app_state(request).hub.settings)
    after = parse_cursor(cursor) if cursor else None
    path = path_of(tail.strip("/"))
    page = show_page(request, lambda hub, caller: build_tree(hub, caller, ref, revision, path, after, endpoint, root))
    return await show_or_last(page, request, ref, revision, path, is_folder=True)


def build_tree(
    hub: HubContext,
    caller: MaybeCaller,
    ref: RepoRef,
    revision: str,
    path: RepoPath,
    after: Cursor | None,
    endpoint: str,
    root: str = "",
) -> WebPage:
    """Return the page of a folder; below its entries, the README of the folder.

    Args:
        root: the path prefix of the hub, for links of the README.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled: no access.
        RevisionNotFound, EntryNotFound: the revision or the folder does not exist.
    """
    header, found = describe_header(hub, caller, ref, revision)
    head = found.info.head
    assert head is not None, "a described revision has a commit"
    listed_at = after.commit if after is not None and after.commit else head
    tree, has_commits = _list_folder(hub, caller, found.info.row.ref, listed_at, path, after)
    readme = None if after is not None else _readme(hub, caller, found.info.row.ref, head, path, tree.entries, root)
    scans = results.describe_files(hub, caller, found.info.row.ref, [entry.listed for entry in tree.entries])
    values = {
        "section": found.info.row.type.plural,
        "repo": header,
        "tab": "files",
        "api": f"/api/{found.info.row.type.plural}/{header.id}/tree/{header.segment}/{quoted(path)}?expand=true",
        "head": head,
        "newest": histories.newest_commit(hub, caller, found.info.row.ref, listed_at),
        "path": path,
        "crumbs": crumbs(path),
        "files": [_line(entry, scans.get(entry.listed.path)) for entry in tree.entries],
        "left_out": len(tree.left_out),
        "has_commits": has_commits,
        "more": None if tree.after is None else encode_cursor(Cursor(tree.after, tree.commit)),
        "readme": readme,
        "most_archived": archives.MAX_FILES,
        "most_bytes": archives.MAX_BYTES,
        "clone": f"git clone {endpoint}/{header.path}" if endpoint else "",
    }
    return WebPage("tree.html", f"Files of {header.id}", values)


def _list_folder(
    hub: HubContext, caller: MaybeCaller, ref: RepoRef, commit: str, path: RepoPath, after: Cursor | None
) -> tuple[TreePage, bool]:
    """Return a page of a folder, and whether it has last commits: it does without while many commits are new."""
    start = None if after is None else after.after
    listed = functools.partial(
        contents.list_tree, hub, caller, ref, commit, path, is_deep=False, limit=PAGE, after=start
    )
    try:
        return listed(with_commits=True), True
    except HistoryBeingIndexed:
        return listed(with_commits=False), False


def _readme(
    hub: HubContext,
    caller: MaybeCaller,
    ref: RepoRef,
    head: Oid,
    folder: RepoPath,
    entries: Sequence[DescribedEntry],
    root: str,
) -> Readme | None:
    """Return the README among the entries of a folder; None if it is absent or the visitor may not read it."""
    listed = next((item.listed for item in entries if _README.fullmatch(item.listed.path.rpartition("/")[2])), None)
    if listed is None or listed.is_folder or listed.size > MAX_CARD:
        return None
    below = f"{quoted(folder)}/" if folder else ""
    links = CardLinks(f"{root}/{ref.path}/blob/{head}/{below}", f"{root}/{ref.path}/resolve/{head}/{below}", root)
    with contextlib.suppress(GatedRepo, NotAllowed):
        text = read_card(hub, caller, ref, head, listed.path)
        if text:
            return Readme(listed.path.rpartition("/")[2], render_card(text, links))
    return None


def _line(entry: DescribedEntry, scan: FileScan | None) -> TreeLine:
    listed, last = entry.listed, entry.last_commit
    mark = "" if listed.is_folder or not listed.lfs else "XET" if listed.xet_hash else "LFS"
    return TreeLine(
        listed.path.rpartition("/")[2],
        quoted(listed.path),
        listed.is_folder,
        listed.size,
        mark,
        last.commit.title if last else "",
        last.oid if last else "",
        last.commit.committer.time_s * 1000 if last else 0,
        warning_of(scan),
    )

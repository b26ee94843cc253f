"""Pages of files: text with line numbers, pictures, headers of models, and what else can be shown safely."""

from __future__ import annotations

import contextlib

import attrs
from starlette.requests import Request
from starlette.responses import Response

from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.hub.repos import contents
from entrepot.names import RepoPath, RepoRef
from entrepot.server.handlers import app_state
from entrepot.server.pages.formats import quoted
from entrepot.server.pages.frames import WebPage, show_page
from entrepot.server.pages.repo_headers import describe_header
from entrepot.server.pages.repositories.table_files import TableView, TableWindow, is_table, view_table, window_of
from entrepot.server.pages.routing import PageRoute, repo_pages
from entrepot.server.pages.trees import crumbs, path_of
from entrepot.server.pages.viewers import FileView, view_file
from entrepot.server.raw_path import split_revision
from entrepot.wire.texts import legible


def routes() -> list[PageRoute]:
    """Return the routes of this page."""
    return repo_pages("/blob/{tail:path}", show_blob)


async def show_blob(request: Request, ref: RepoRef) -> Response:
    """Serve the page of a file."""
    revision, tail = split_revision(request.path_params["tail"])
    path, window = path_of(tail), window_of(request)
    state = app_state(request)
    turns = state.tables if is_table(path) else state.viewers
    return await show_page(
        request, lambda hub, caller: build_blob(hub, caller, ref, revision, path, window), turns=turns
    )


def build_blob(
    hub: HubContext, caller: MaybeCaller, ref: RepoRef, revision: str, path: RepoPath, window: TableWindow
) -> WebPage:
    """Return the page of a file.

    Args:
        window: the rows that are shown of a table.

    Raises:
        RepoNotFound, RepoMoved, GatedRepo, RepoDisabled: no access.
        RevisionNotFound, EntryNotFound: the revision or the file does not exist.
    """
    located = contents.locate(hub, caller, ref, revision, path)
    header, found = describe_header(hub, caller, located.repo.ref, revision)
    with contextlib.closing(located.open(hub)) as content:
        view: FileView | TableView | None = view_table(hub, caller, located, content, window)
        if view is None or view.form == "text":
            told = view.note if view else ""
            view = view_file(path.rpartition("/")[2], content)
            view = attrs.evolve(view, note=f"{told} {view.note}".strip())
    values = {
        "section": found.info.row.type.plural,
        "repo": header,
        "tab": "files",
        "api": f"/api/{header.kind}s/{header.id}/tree/{located.commit}/{quoted(path.rpartition('/')[0])}",
        "head": located.commit,
        "path": path,
        "crumbs": crumbs(path),
        "size": located.size,
        "sha256": located.lfs.sha256 if located.lfs else None,
        "oid": located.oid,
        "mark": "XET" if located.xet_hash else "LFS" if located.lfs else "",
        "view": view,
        "window": window,
    }
    return WebPage("blob.html", f"{legible(path)} · {header.id}", values)

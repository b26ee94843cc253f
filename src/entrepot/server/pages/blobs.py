"""Pages of files: text with line numbers, pictures, headers of models, and what else can be shown safely."""

from __future__ import annotations

import contextlib

import attrs
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.hub.repos import contents
from entrepot.hub.scanning import results
from entrepot.names import RepoPath, RepoRef
from entrepot.previews.sources import RangeReader
from entrepot.previews.time_limits import time_limit, within_time
from entrepot.server.handlers import app_state, query_choice
from entrepot.server.pages.card_html import MAX_CARD, CardLinks, relink, render_card, without_front_matter
from entrepot.server.pages.file_previews import FileView, view_file
from entrepot.server.pages.formats import quoted
from entrepot.server.pages.frames import WebPage, show_page
from entrepot.server.pages.last_versions import show_or_last
from entrepot.server.pages.repo_headers import describe_header
from entrepot.server.pages.repositories.table_files import TableView, TableWindow, is_table, view_table, window_of
from entrepot.server.pages.routing import PageRoute, repo_pages
from entrepot.server.pages.scan_marks import ScanMark, mark_of
from entrepot.server.pages.trees import crumbs, path_of
from entrepot.server.public_urls import path_prefix
from entrepot.server.raw_path import split_revision
from entrepot.server.rendering.code_colours import ColourBudget, colour
from entrepot.server.rendering.code_languages import language_of_block
from entrepot.server.rendering.json_folds import MAX_JSON, fold_json
from entrepot.server.rendering.markdown import Renderer
from entrepot.server.rendering.tensor_lists import ALL, TensorFilter
from entrepot.wire.texts import legible

_MAX_ASKED = 200


def routes() -> list[PageRoute]:
    """Return the routes of this page."""
    return repo_pages("/blob/{tail:path}", show_blob)


async def show_blob(request: Request, ref: RepoRef) -> Response:
    """Serve the page of a file."""
    root = path_prefix(app_state(request).hub.settings)
    revision, tail = split_revision(request.path_params["tail"])
    path, window, wanted = path_of(tail), window_of(request), filter_of(request)
    state, shape = app_state(request), query_choice(request, "view", ("", "folded", "document"), "")
    turns = state.tables if is_table(path) else state.viewers

    def build(hub: HubContext, caller: MaybeCaller) -> WebPage:
        return build_blob(hub, caller, ref, revision, path, window, root, wanted, shape=shape)

    page = show_page(request, time_limit()(build), turns=turns)
    return await show_or_last(page, request, ref, revision, path)


def filter_of(request: Request) -> TensorFilter:
    """Return which tensors of a file a request asks for."""
    text, dtype = (request.query_params.get(key, "").strip()[:_MAX_ASKED] for key in ("tensor", "dtype"))
    return TensorFilter(text, dtype)


def build_blob(
    hub: HubContext,
    caller: MaybeCaller,
    ref: RepoRef,
    revision: str,
    path: RepoPath,
    window: TableWindow,
    root: str,
    wanted: TensorFilter = ALL,
    *,
    shape: str = "",
) -> WebPage:
    """Return the page of a file.

    Args:
        window: the rows that are shown of a table.
        root: the path prefix of the hub.
        wanted: the tensors that are shown, of a file with tensors.
        shape: ``folded``: JSON is shown as parts that open and close; ``document``: Markdown is shown as on a card.

    Raises:
        RepoNotFound, RepoMoved, GatedRepo, RepoDisabled: no access.
        RevisionNotFound, EntryNotFound: the revision or the file does not exist.
    """
    located = contents.locate(hub, caller, ref, revision, path)
    header, found = describe_header(hub, caller, located.repo.ref, revision)
    with contextlib.closing(located.open(hub)) as content:
        view: FileView | TableView | None = view_table(hub, caller, located, content, window)
        if view is None or view.form == "text":
            note = view.note if view else ""
            view = view_file(path.rpartition("/")[2], content, wanted)
            view = attrs.evolve(view, note=f"{note} {view.note}".strip())
        folded = _folded(path, content) if shape == "folded" else None
        place = f"{root}/{header.path}/{{}}/{header.segment}/{quoted(''.join(path.rpartition('/')[:2]))}"
        document = _document(path, content, place, root) if shape == "document" else None
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
        "scan": _scan_of(hub, caller, located.repo.ref, located.commit, path),
        "view": view,
        "is_svg": isinstance(view, FileView) and view.is_svg,
        "prose": _prose_of(view, place, root),
        "code": _code_of(view),
        "folded": folded,
        "window": window,
        "may_fold": _may_fold(path, located.size),
        "document": document,
        "may_read": _is_document(path, located.size),
    }
    return WebPage("blob.html", f"{legible(path)} · {header.id}", values)


def _may_fold(path: RepoPath, size: int) -> bool:
    return path.lower().endswith(".json") and size <= MAX_JSON


def _folded(path: RepoPath, content: RangeReader) -> Markup | None:
    """Return a small JSON file as parts that open and close; None for other files."""
    if not _may_fold(path, content.size):
        return None
    return fold_json(content.read_at(0, content.size).decode("utf-8", "replace"))


def _is_document(path: RepoPath, size: int) -> bool:
    return path.lower().endswith((".md", ".markdown")) and size <= MAX_CARD


def _document(path: RepoPath, content: RangeReader, place: str, root: str) -> str | None:
    """Return a Markdown file as HTML, without its front matter; None for other files and without any text."""
    if not _is_document(path, content.size):
        return None
    text = without_front_matter(content.read_at(0, content.size).decode("utf-8", "replace"))
    return render_card(text, CardLinks(place.format("blob"), place.format("resolve"), root)) if text else None


def _prose_of(view: FileView | TableView, place: str, root: str) -> dict[int, str]:
    """Return the Markdown cells of a notebook as HTML, by their number."""
    if not isinstance(view, FileView) or view.notebook is None:
        return {}
    links, renderer = CardLinks(place.format("blob"), place.format("resolve"), root), Renderer()
    return {
        number: relink(renderer.render(cell.source), attrs.evolve(links, prefix=f"c{number}"))
        for number, cell in within_time(list(enumerate(view.notebook.cells)))
        if cell.kind == "markdown"
    }


def _code_of(view: FileView | TableView | None) -> dict[int, Markup]:
    """Return the code of a notebook as HTML with colours, by the numbers of its cells."""
    if not isinstance(view, FileView) or view.notebook is None:
        return {}
    language, budget = language_of_block(view.notebook.language), ColourBudget()
    return {
        number: Markup(colour(cell.source, language, budget))  # noqa: S704 - escaped there
        for number, cell in enumerate(view.notebook.cells)
        if cell.kind == "code"
    }


def _scan_of(hub: HubContext, caller: MaybeCaller, ref: RepoRef, commit: str, path: RepoPath) -> ScanMark | None:
    """Return what scanners found in a file; None if scanning is off, or there is nothing to say."""
    if hub.settings.scanning == "off":
        return None
    listed = [entry.listed for entry in contents.paths_info(hub, caller, ref, commit, [path], with_commits=False)]
    return mark_of(results.describe_files(hub, caller, ref, listed).get(path))

"""Pages that edit, create and delete one file, by a commit or a pull request.

A form carries the commit whose file was shown. What others have committed since
is never overwritten: if they changed the same file, the form is shown again with
everything that was typed, and its author decides.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import attrs
from starlette.requests import Request
from starlette.responses import Response

from entrepot.errors import BranchMoved, Refused
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.hub.files.operations import AddFile, Delete, Operation
from entrepot.hub.repos import contents
from entrepot.hub.repos.pulls import pull_refs
from entrepot.hub.repos.pulls.pull_refs import ChangeTarget
from entrepot.names import Oid, RepoPath, RepoRef, parse_path
from entrepot.server.pages.card_html import CARD, CardLinks, render_card, without_front_matter
from entrepot.server.pages.editing.commit_forms import fields_of, parent_of, record
from entrepot.server.pages.editing.texts import EditedText, exists, find_text, read_text
from entrepot.server.pages.formats import quoted, quoted_segment
from entrepot.server.pages.forms import FRESH, Form, answer_form
from entrepot.server.pages.frames import WebPage, show_page
from entrepot.server.pages.repo_headers import describe_header
from entrepot.server.pages.routing import PageRoute, repo_pages
from entrepot.server.pages.trees import crumbs, path_of
from entrepot.server.public_urls import path_prefix
from entrepot.server.raw_path import split_revision
from entrepot.wire.texts import legible

MAX_FORM = 4 << 20
"""Largest form in bytes: a text of 1 MiB in which every byte is escaped, and a message."""

Action = Literal["edit", "new", "delete"]

_MAX_PATH = 4096
_NEW_CARD = """---
license:
tags: []
---

# {name}

What it is, and what it is good for.

## How it was made

## Where it fails
"""
"""The text of a card that its author begins."""


@attrs.frozen
class FilePage:
    """The action of a page on a file. ``path``: the file, or the folder of a new one; ``name``: its suggested name."""

    action: Action
    ref: RepoRef
    revision: str
    path: RepoPath
    name: str = ""


def routes() -> list[PageRoute]:
    """Return the routes of these pages."""
    actions: tuple[Action, ...] = ("edit", "new", "delete")
    return [route for action in actions for route in _routes(action)]


def _routes(action: Action) -> list[PageRoute]:
    def page_of(request: Request, ref: RepoRef) -> FilePage:
        revision, tail = split_revision(request.path_params["tail"])
        name = request.query_params.get("file", "")[:_MAX_PATH] if action == "new" else ""
        return FilePage(action, ref, revision, path_of(tail.strip("/")), name)

    async def show(request: Request, ref: RepoRef) -> Response:
        page = page_of(request, ref)
        return await show_page(request, lambda hub, caller: build(hub, caller, page, FRESH), is_slow=True)

    async def send(request: Request, ref: RepoRef) -> Response:
        page = page_of(request, ref)

        def act(hub: HubContext, caller: MaybeCaller, form: Form) -> str | WebPage:
            return change(hub, caller, page, form)

        def again(hub: HubContext, caller: MaybeCaller, form: Form) -> WebPage:
            return build(hub, caller, page, form)

        return await answer_form(request, act, again, limit=MAX_FORM, is_slow=True)

    pattern = f"/{action}/{{tail:path}}"
    return [
        *repo_pages(pattern, show, has_short=False),
        *repo_pages(pattern, send, ["POST"], has_short=False),
    ]


def build(hub: HubContext, caller: MaybeCaller, page: FilePage, form: Form) -> WebPage:
    """Return the page of a change: fresh, or with what was typed.

    Raises:
        LoginRequired, NotAllowed, GatedRepo, RepoNotFound, RepoMoved, RepoDisabled: the visitor may not change files.
        RevisionNotFound, EntryNotFound, Refused: the branch or file does not exist, or it cannot be edited.
    """
    target = pull_refs.find_target(hub, caller, page.ref, page.revision)
    header, _ = describe_header(hub, caller, target.row.ref, page.revision)
    fresh = "" if form.fields else _shown_text(hub, caller, target, page)
    folder = f"{page.path}/" if page.action == "new" and page.path else page.path
    path = form.text("path", folder + page.name)
    text, root = form.text("text", fresh), f"{path_prefix(hub.settings)}/{header.path}"
    links = CardLinks(f"{root}/blob/{header.segment}/", f"{root}/resolve/{header.segment}/", path_prefix(hub.settings))
    values = {
        "section": target.row.type.plural,
        "repo": header,
        "tab": "files",
        "action": page.action,
        "here_path": page.path,
        "crumbs": crumbs(page.path),
        "path": path,
        "text": text,
        "parent": form.text("parent", target.head),
        "head": target.head,
        "is_moved": False,
        "is_markdown": path.lower().endswith((".md", ".markdown")) or page.action == "new",
        "preview": render_card(without_front_matter(text), links) if form.has("preview") else "",
        "target": fields_of(target, form, _suggested(page, path)),
        "form": form,
    }
    titles = {"edit": f"Edit {page.path}", "new": "New file", "delete": f"Delete {page.path}"}
    return WebPage("edit.html", f"{legible(titles[page.action])} · {header.id}", values)


def change(hub: HubContext, caller: MaybeCaller, page: FilePage, form: Form) -> str | WebPage:
    """Commit what a form says, or return its page with a preview, or with what others have changed.

    Raises:
        as :func:`build` and :func:`~entrepot.server.pages.editing.commit_forms.record`.
    """
    if form.has("preview"):
        return build(hub, caller, page, form)
    target = pull_refs.find_target(hub, caller, page.ref, page.revision)
    path, operations = _OPERATIONS[page.action](hub, caller, target, page, form)
    place = f"/{target.row.ref.path}/{'tree' if page.action == 'delete' else 'blob'}/{quoted_segment(page.revision)}"
    after = "" if page.action == "delete" else path
    try:
        suggested = _suggested(page, path)
        return record(hub, caller, target, form, operations, suggested, f"{place}/{quoted(after)}".rstrip("/"))
    except BranchMoved:
        made = build(hub, caller, page, form)
        return attrs.evolve(made, status=412, values={**made.values, "is_moved": True})


def _edited(
    hub: HubContext, caller: MaybeCaller, target: ChangeTarget, page: FilePage, form: Form
) -> tuple[RepoPath, list[Operation]]:
    parent, path, text = parent_of(form), parse_path(form.text("path")), form.text("text")
    before = find_text(hub, caller, target.row.ref, parent, page.path)
    data = (before or EditedText("")).encode(text)
    if path == page.path:
        if before is not None and before.text == text:
            raise Refused("nothing has changed: edit the text, or go back")
        return path, [AddFile(path, data)]
    _check_free(hub, caller, target, parent, path)
    return path, [AddFile(path, data, page.path if before is not None else None)]


def _created(
    hub: HubContext, caller: MaybeCaller, target: ChangeTarget, page: FilePage, form: Form
) -> tuple[RepoPath, list[Operation]]:
    del page  # the folder in the address is only a proposal
    path = parse_path(form.text("path"))
    _check_free(hub, caller, target, parent_of(form), path)
    return path, [AddFile(path, EditedText("").encode(form.text("text")))]


def _deleted(
    hub: HubContext, caller: MaybeCaller, target: ChangeTarget, page: FilePage, form: Form
) -> tuple[RepoPath, list[Operation]]:
    del hub, caller, target, form
    return page.path, [Delete(page.path)]


_OPERATIONS: dict[
    Action,
    Callable[[HubContext, MaybeCaller, ChangeTarget, FilePage, Form], tuple[RepoPath, list[Operation]]],
] = {"edit": _edited, "new": _created, "delete": _deleted}


def _shown_text(hub: HubContext, caller: MaybeCaller, target: ChangeTarget, page: FilePage) -> str:
    if page.action == "edit":
        return read_text(hub, caller, target.row.ref, target.head, page.path).text
    if page.action == "delete":
        contents.locate(hub, caller, target.row.ref, target.head, page.path, is_raw=True)
    is_card = page.action == "new" and not page.path and page.name == CARD
    return _NEW_CARD.format(name=target.row.ref.id.name) if is_card else ""


def _check_free(hub: HubContext, caller: MaybeCaller, target: ChangeTarget, parent: Oid, path: RepoPath) -> None:
    if exists(hub, caller, target.row.ref, parent, path):
        raise Refused(f"{path} exists already: choose another name, or edit that file")


def _suggested(page: FilePage, path: str) -> str:
    name = path.rpartition("/")[2] or "a file"
    if page.action == "edit":
        return f"Update {name}" if path == page.path else f"Rename {page.path} to {path}"
    return f"{'Create' if page.action == 'new' else 'Delete'} {name}"

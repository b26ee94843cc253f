"""The page of all branches, tags and pull requests of a repository, on which branches and tags are made and deleted.

The picker of other pages offers only the first ones.
"""

from __future__ import annotations

import re
from urllib.parse import urlencode

import attrs
from starlette.requests import Request
from starlette.responses import Response

from entrepot.errors import Malformed
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.hub.repos import branches, repo_rights
from entrepot.hub.repos.branches import RefHead
from entrepot.names import MAIN, RepoRef
from entrepot.server.hf.pages import bad_cursor
from entrepot.server.pages.forms import FRESH, Form, answer_form
from entrepot.server.pages.frames import WebPage, show_page
from entrepot.server.pages.repo_headers import RefChoice, choice_of, describe_repo
from entrepot.server.pages.routing import PageRoute, repo_pages
from entrepot.wire.texts import legible

SHOWN = 100
"""Refs on a page."""

KINDS = {"branch": "refs/heads/", "tag": "refs/tags/", "pull": "refs/pr/"}
"""The prefix of the refs that the page lists, by the value of the parameter ``type``."""

_MADE = ("branch", "tag")
"""The kinds of refs that are made and deleted on the page."""

_LABELS = {"branch": "Branches", "tag": "Tags", "pull": "Pull requests"}
_TEXT = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]{0,1000}")


@attrs.frozen
class ListedRef:
    """A ref in the list, and the commit that it leads to. ``removable``: its name if it can be deleted, else empty."""

    choice: RefChoice
    commit: str
    removable: str = ""


def routes() -> list[PageRoute]:
    """Return the routes of this page and its forms."""
    return [
        *repo_pages("/refs", show, has_short=False),
        *repo_pages("/refs", create, ["POST"], has_short=False),
        *repo_pages("/refs/delete", delete, ["POST"], has_short=False),
    ]


async def show(request: Request, ref: RepoRef) -> Response:
    """Serve a page of the branches, tags or pull requests, found by a part of their names."""
    query = request.query_params
    kind, part, after = query.get("type", "branch"), query.get("search", "").strip(), query.get("cursor", "")
    start = query.get("start", "")
    if kind not in KINDS:
        raise Malformed("parameter 'type'", f"expected {', '.join(KINDS)}")
    if not all(_TEXT.fullmatch(text) for text in (part, after, start)):
        raise bad_cursor()
    return await show_page(request, lambda hub, caller: build(hub, caller, ref, kind, part, after, start=start))


async def create(request: Request, ref: RepoRef) -> Response:
    """Create a branch or a tag, and redirect to the list."""

    def act(hub: HubContext, caller: MaybeCaller, form: Form) -> str:
        found, kind = repo_rights.of(hub, caller, ref).row.ref, kind_of(form)
        name, start = form.text("name").strip(), form.text("start").strip() or "main"
        if kind == "tag":
            branches.create_tag(hub, caller, found, start, name, form.text("message").strip() or None)
        else:
            branches.create_branch(hub, caller, found, name, start=start, is_empty=False, overwrites=False)
        return f"/{found.path}/refs?type={kind}&done=created"

    return await answer_form(request, act, lambda hub, caller, form: build_again(hub, caller, ref, form))


async def delete(request: Request, ref: RepoRef) -> Response:
    """Delete a branch or a tag, and redirect to the list."""

    def act(hub: HubContext, caller: MaybeCaller, form: Form) -> str:
        found, kind = repo_rights.of(hub, caller, ref).row.ref, kind_of(form)
        remove = branches.delete_tag if kind == "tag" else branches.delete_branch
        remove(hub, caller, found, form.text("removed"))
        return f"/{found.path}/refs?type={kind}&done=removed"

    return await answer_form(request, act, lambda hub, caller, form: build_again(hub, caller, ref, form))


def kind_of(form: Form) -> str:
    """Return whether a form is about a branch or a tag.

    Raises:
        Malformed: it does not say.
    """
    kind = form.text("type")
    if kind not in _MADE:
        raise Malformed("form", f"expected type: {' or '.join(_MADE)}")
    return kind


def build_again(hub: HubContext, caller: MaybeCaller, ref: RepoRef, form: Form) -> WebPage:
    """Return the first page of the kind of refs that a form was about, with what was wrong.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled: no access.
    """
    kind = form.text("type")
    return build(hub, caller, ref, kind if kind in _MADE else "branch", form=form)


def build(
    hub: HubContext,
    caller: MaybeCaller,
    ref: RepoRef,
    kind: str,
    part: str = "",
    after: str = "",
    *,
    start: str = "",
    form: Form = FRESH,
) -> WebPage:
    """Return a page of the refs of one kind, those after a name.

    Args:
        start: the revision that the form of a new ref suggests.
        form: the one that is shown again.

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
        "lines": [_line(head, kind, may_write=header.may_write) for head in found.items],
        "may_make": header.may_write and kind in _MADE,
        "start": start or "main",
        "form": form,
        "search": part,
        "here": urlencode(query),
        "after": after,
        "more": found.after,
        "api": f"/api/{may.row.type.plural}/{header.id}/refs",
    }
    return WebPage("refs.html", f"{_LABELS[kind]} of {header.id}", values)


def _line(head: RefHead, kind: str, *, may_write: bool) -> ListedRef:
    choice = choice_of(head.ref)
    removable = choice.name if may_write and kind in _MADE and head.ref != MAIN else ""
    return ListedRef(attrs.evolve(choice, name=legible(choice.name)), head.commit, removable)

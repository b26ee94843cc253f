"""Pages of discussions and pull requests: the list, one thread, and the changes of a pull request."""

from __future__ import annotations

import re
from collections.abc import Callable

import attrs
from starlette.requests import Request
from starlette.responses import Response

from entrepot.catalog.community.discussions import DiscussionRow
from entrepot.errors import Malformed, ThingNotFound
from entrepot.hub.callers import MaybeCaller, require_login
from entrepot.hub.community import discussions
from entrepot.hub.community.discussions import ListedDiscussion
from entrepot.hub.context import HubContext
from entrepot.hub.repos import pulls
from entrepot.names import RepoRef
from entrepot.server.handlers import query_int
from entrepot.server.pages.card_html import CardLinks
from entrepot.server.pages.community.threads import author_name, thread_of
from entrepot.server.pages.diffs import parse_diff
from entrepot.server.pages.forms import FRESH, Form
from entrepot.server.pages.frames import WebPage, show_page
from entrepot.server.pages.repo_headers import RepoHeader, describe_repo
from entrepot.server.pages.routing import PageRoute, repo_pages
from entrepot.server.public_urls import path_prefix
from entrepot.wire.texts import legible

PAGE = 50
"""Discussions on a page."""

_LAST_PAGE = 10**7
_KINDS = {"": None, "discussion": False, "pull_request": True}
_NUMBER = re.compile(r"[1-9][0-9]{0,9}", re.ASCII)


@attrs.frozen
class DiscussionLine:
    """A discussion in a list, and at the top of its own page."""

    num: int
    title: str
    status: str
    is_pull: bool
    is_pinned: bool
    author: str
    comments: int
    created_ms: int


@attrs.frozen
class MergeState:
    """Whether a pull request can be merged. ``conflicts``: paths; ``has_more``: there are too many to list."""

    reason: str
    conflicts: tuple[str, ...] = ()
    has_more: bool = False


def routes() -> list[PageRoute]:
    """Return the routes of these pages."""
    one = "/discussions/{num}"
    return [
        *repo_pages("/discussions", show_list, has_short=False),
        *repo_pages("/discussions/new", show_new, has_short=False),
        *repo_pages(one, show_discussion, has_short=False),
        *repo_pages(f"{one}/files", show_files, has_short=False),
    ]


def number_of(request: Request) -> int:
    """Return the number of the discussion in the path.

    Raises:
        ThingNotFound: no discussion can have it.
    """
    text: str = request.path_params["num"]
    if not _NUMBER.fullmatch(text):
        raise ThingNotFound("discussion", text)
    return int(text)


async def show_list(request: Request, ref: RepoRef) -> Response:
    """Serve the discussions of a repository, newest first."""
    kind, state = request.query_params.get("type", ""), request.query_params.get("status", "open")
    if kind not in _KINDS:
        raise Malformed("parameter 'type'", "expected discussion or pull_request")
    page = query_int(request, "p", 0, low=0, high=_LAST_PAGE)
    return await show_page(request, lambda hub, caller: build_list(hub, caller, ref, kind, state, page))


async def show_new(request: Request, ref: RepoRef) -> Response:
    """Serve the form of a new discussion."""
    return await show_page(request, lambda hub, caller: build_new(hub, caller, ref, FRESH))


async def show_discussion(request: Request, ref: RepoRef) -> Response:
    """Serve one discussion."""
    return await show_page(request, discussion_page(ref, number_of(request)), is_slow=True)


async def show_files(request: Request, ref: RepoRef) -> Response:
    """Serve the changes of a pull request."""
    num = number_of(request)
    return await show_page(request, lambda hub, caller: build_files(hub, caller, ref, num), is_slow=True)


def discussion_page(ref: RepoRef, num: int) -> Callable[[HubContext, MaybeCaller], WebPage]:
    """Return the builder of one discussion's page with fresh forms."""
    return lambda hub, caller: build_discussion(hub, caller, ref, num, FRESH)


def build_list(hub: HubContext, caller: MaybeCaller, ref: RepoRef, kind: str, state: str, page: int) -> WebPage:
    """Return a page of discussions.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled, NotAllowed: no access, or discussions are disabled.
        Malformed: the state is unknown.
    """
    header, may = describe_repo(hub, caller, ref)
    found = discussions.list_page(
        hub, caller, may.row.ref, is_pull=_KINDS[kind], state=state, offset=page * PAGE, limit=PAGE
    )
    values = {
        **_around(header, may.row.type.plural),
        "items": [_line(shown) for shown in found.discussions],
        "total": found.total,
        "kind": kind,
        "state": state,
        "page": page,
        "has_more": (page + 1) * PAGE < found.total,
    }
    return WebPage("discussions.html", f"Discussions of {header.id}", values)


def build_new(hub: HubContext, caller: MaybeCaller, ref: RepoRef, form: Form) -> WebPage:
    """Return the form of a new discussion.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled, LoginRequired: no access.
    """
    header, may = describe_repo(hub, caller, ref)
    require_login(caller)
    values = {**_around(header, may.row.type.plural), "form": form}
    return WebPage("discussion_new.html", f"New discussion in {header.id}", values)


def build_discussion(hub: HubContext, caller: MaybeCaller, ref: RepoRef, num: int, form: Form) -> WebPage:
    """Return the page of one discussion.

    Args:
        form: the one that is shown again, with its problem.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled, NotAllowed, ThingNotFound: no access, or it does not exist.
    """
    header, may = describe_repo(hub, caller, ref)
    found = discussions.show(hub, caller, may.row.ref, num)
    row, root = found.shown.discussion, path_prefix(hub.settings)
    links = CardLinks(f"{root}/{header.path}/blob/main/", f"{root}/{header.path}/resolve/main/", root)
    visitor_id = None if caller is None else caller.account.id
    is_author = visitor_id == row.author_id
    values = {
        **_around(header, may.row.type.plural),
        "topic": _line(found.shown),
        "base": legible(row.base or "").removeprefix("refs/heads/"),
        "thread": thread_of(found.events, links, may_write=may.may_write, visitor_id=visitor_id),
        "may_change": may.may_write or (is_author and may.may_discuss),
        "merge": merge_state(hub, caller, may.row.ref, row) if row.is_pull and row.is_alive else None,
        "form": form,
        "view": "conversation",
    }
    return WebPage("discussion.html", f"{legible(row.title)} · {header.id}", values)


def build_files(hub: HubContext, caller: MaybeCaller, ref: RepoRef, num: int) -> WebPage:
    """Return the changes of a pull request.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled, NotAllowed, GatedRepo: no access.
        ThingNotFound: it does not exist, or is no pull request.
    """
    header, may = describe_repo(hub, caller, ref)
    found = discussions.show(hub, caller, may.row.ref, num)
    review = pulls.review(hub, caller, may.row.ref, num, with_diff=True)
    diff = None if review.diff is None else parse_diff(review.diff)
    values = {
        **_around(header, may.row.type.plural),
        "topic": _line(found.shown),
        "base": legible(found.shown.discussion.base or "").removeprefix("refs/heads/"),
        "diff": diff,
        "added": sum(file.added for file in diff.files) if diff else 0,
        "removed": sum(file.removed for file in diff.files) if diff else 0,
        "form": FRESH,
        "view": "files",
    }
    return WebPage("discussion_files.html", f"Changes of pull request {num} · {header.id}", values)


def merge_state(hub: HubContext, caller: MaybeCaller, ref: RepoRef, row: DiscussionRow) -> MergeState:
    """Return whether a pull request that is not closed can be merged, and why not."""
    conflicts = pulls.review(hub, caller, ref, row.num, with_diff=False).conflicts
    if conflicts is None or conflicts:
        paths = tuple(legible(path) for path in conflicts or ())
        return MergeState("conflict", paths, has_more=conflicts is None)
    return MergeState("draft" if row.status == "draft" else "")


def _around(header: RepoHeader, section: str) -> dict[str, object]:
    return {"section": section, "repo": header, "tab": "discussions"}


def _line(shown: ListedDiscussion) -> DiscussionLine:
    row = shown.discussion
    return DiscussionLine(
        row.num,
        legible(row.title),
        row.status,
        row.is_pull,
        row.is_pinned,
        author_name(shown.author),
        row.comments,
        row.created_ms,
    )

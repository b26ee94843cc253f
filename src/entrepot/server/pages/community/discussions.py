"""Pages of discussions and pull requests: the list, one thread, and the changes of a pull request."""

from __future__ import annotations

import re
from collections.abc import Sequence

import attrs
from starlette.requests import Request
from starlette.responses import Response

from entrepot.errors import Malformed, ThingNotFound
from entrepot.hub.accounts import avatars
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.community import discussions, notification_lists, subscriptions
from entrepot.hub.community.discussion_events import DiscussionEvent
from entrepot.hub.community.discussion_rules import MAX_EVENTS
from entrepot.hub.community.discussions import ListedDiscussion
from entrepot.hub.context import HubContext
from entrepot.hub.notifications import may_change
from entrepot.hub.repos import repo_rights
from entrepot.hub.repos.pulls import reviews
from entrepot.names import RepoRef
from entrepot.server.handlers import query_int
from entrepot.server.pages.community.threads import author_name, comment_html, links_of, thread_of
from entrepot.server.pages.community.visits import is_visit
from entrepot.server.pages.diffs import MAX_FILES, colour_diff, parse_diff
from entrepot.server.pages.forms import FRESH, Form
from entrepot.server.pages.frames import WebPage, show_page
from entrepot.server.pages.repo_headers import RepoHeader, describe_repo
from entrepot.server.pages.routing import PageRoute, repo_pages
from entrepot.server.public_urls import path_prefix
from entrepot.wire.texts import legible

PAGE = 50
"""Discussions on a page."""

EVENTS = 100
"""Events of a discussion on a page."""

MAX_CHOICES = 100
"""Files in conflict that a page offers a choice for."""

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
    is_locked: bool
    author: str
    comments: int
    created_ms: int


@attrs.frozen
class MergeBox:
    """Whether a pull request can be merged.

    ``obstacle``: as in :class:`~entrepot.hub.repos.pulls.reviews.Mergeability`;
    ``sides``: the commits of base and pull request, if the visitor may choose between them here.
    """

    obstacle: str
    conflicts: tuple[str, ...]
    added_bytes: int
    sides: tuple[str, str] | None


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
    """Serve the form of a new discussion; with ``head``, of a pull request with the commits of this revision."""
    asked = request.query_params
    suggested = {key: [asked[key]] for key in ("head", "base") if asked.get(key)}
    form = Form({"kind": ["pull_request"], **suggested}) if "head" in suggested else FRESH
    return await show_page(request, lambda hub, caller: build_new(hub, caller, ref, form))


async def show_discussion(request: Request, ref: RepoRef) -> Response:
    """Serve one discussion."""
    part = query_int(request, "p", -1, low=-1, high=MAX_EVENTS)
    num = number_of(request)

    def build(hub: HubContext, caller: MaybeCaller) -> WebPage:
        page = build_discussion(hub, caller, ref, num, FRESH, part)
        if is_visit(request):
            notification_lists.note_seen(hub, caller, ref, num)
        return page

    return await show_page(request, build, is_slow=True)


async def show_files(request: Request, ref: RepoRef) -> Response:
    """Serve the changes of a pull request."""
    num = number_of(request)
    return await show_page(request, lambda hub, caller: build_files(hub, caller, ref, num), is_slow=True)


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
        "level": _level(hub, caller, may.row.ref),
        "state": state,
        "page": page,
        "has_more": (page + 1) * PAGE < found.total,
    }
    return WebPage("discussions.html", f"Discussions of {header.id}", values)


def build_new(hub: HubContext, caller: MaybeCaller, ref: RepoRef, form: Form) -> WebPage:
    """Return the form of a new discussion.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled, LoginRequired, NotAllowed: no access, or discussions are disabled.
    """
    header, may = describe_repo(hub, caller, ref)
    discussions.check_create(hub, caller, may.row.ref)
    text = form.text("text") if form.has("preview") else ""
    values = {
        **_around(header, may.row.type.plural),
        "form": form,
        "preview": comment_html(text, links_of(header, path_prefix(hub.settings))),
    }
    return WebPage("discussion_new.html", f"New discussion in {header.id}", values)


def build_discussion(
    hub: HubContext, caller: MaybeCaller, ref: RepoRef, num: int, form: Form, part: int = -1
) -> WebPage:
    """Return the page of one discussion.

    Args:
        part: which of its parts is shown; -1: its first event and the last ones.
        form: the one that is shown again, with its problem or with the preview that it asks for.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled, NotAllowed, ThingNotFound: no access, or it does not exist.
    """
    header, may = describe_repo(hub, caller, ref)
    found = discussions.show(hub, caller, may.row.ref, num)
    row, links = found.shown.discussion, links_of(header, path_prefix(hub.settings))
    is_shut = row.is_locked and not may.may_write
    visitor_id = None if caller is None or is_shut else caller.account.id
    if form.problem and form.has("event"):  # its text must not get lost
        part = _part_with(found.events, form.text("event"), part)
    shown, left_out = part_of(found.events, part)
    people = {event.author.name for event in shown if event.author is not None}
    values = {
        **_around(header, may.row.type.plural),
        **_top(found.shown, "conversation"),
        "thread": thread_of(shown, links, may_write=may.may_write, visitor_id=visitor_id),
        "faces": avatars.versions(hub, [*people, *([] if caller is None else [caller.account.name])]),
        "part": part,
        "parts": -(-len(found.events) // EVENTS),
        "left_out": left_out,
        "is_shut": is_shut,
        "is_muted": _is_muted(hub, caller, may.row.ref, num),
        "may_change": may.may_write or (visitor_id == row.author_id and may.may_discuss),
        "merge": _merge_box(hub, caller, may.row.ref, num) if row.is_pull and row.is_alive else None,
        "form": form,
        "preview": comment_html(form.text("text") if form.has("preview") else "", links),
    }
    return WebPage("discussion.html", f"{legible(row.title)} · {header.id}", values)


def part_of(events: Sequence[DiscussionEvent], part: int) -> tuple[Sequence[DiscussionEvent], int]:
    """Return the events on a page, and how many are left out after the first of them.

    Args:
        part: which page; -1: the first event and the last ones.
    """
    if part >= 0:
        return events[part * EVENTS : (part + 1) * EVENTS], 0
    if len(events) <= EVENTS:
        return events, 0
    return [events[0], *events[1 - EVENTS :]], len(events) - EVENTS


def _part_with(events: Sequence[DiscussionEvent], uid: str, otherwise: int) -> int:
    found = next((number for number, event in enumerate(events) if event.uid == uid), None)
    is_hidden = found is not None and len(events) > EVENTS and 0 < found <= len(events) - EVENTS
    return found // EVENTS if found is not None and is_hidden else otherwise


def build_files(hub: HubContext, caller: MaybeCaller, ref: RepoRef, num: int) -> WebPage:
    """Return the changes of a pull request.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled, NotAllowed, GatedRepo: no access.
        ThingNotFound: it does not exist, or is no pull request.
    """
    header, may = describe_repo(hub, caller, ref)
    repo_rights.check_read(hub, caller, may.row.ref)
    found = discussions.show(hub, caller, may.row.ref, num)
    reviewed = reviews.review(hub, caller, may.row.ref, num, with_diff=True, most_files=MAX_FILES)
    diff = colour_diff(parse_diff(reviewed.diff or ""))
    values = {
        **_around(header, may.row.type.plural),
        **_top(found.shown, "files"),
        "diff": diff,
        "added": sum(file.added for file in diff.files),
        "removed": sum(file.removed for file in diff.files),
    }
    return WebPage("discussion_files.html", f"Changes of pull request {num} · {header.id}", values)


def _level(hub: HubContext, caller: MaybeCaller, ref: RepoRef) -> str:
    """Return the level of notifications of the visitor about a repository; empty if they cannot choose it."""
    return subscriptions.of_repo(hub, caller, ref).level if may_change(caller) else ""


def _is_muted(hub: HubContext, caller: MaybeCaller, ref: RepoRef, num: int) -> bool | None:
    """Return whether the visitor has muted a discussion; None if they cannot."""
    return subscriptions.is_muted(hub, caller, ref, num) if may_change(caller) else None


def _merge_box(hub: HubContext, caller: MaybeCaller, ref: RepoRef, num: int) -> MergeBox:
    found = reviews.mergeability(hub, caller, ref, num)
    sides = found.sides if len(found.conflicts) <= MAX_CHOICES else None
    return MergeBox(found.obstacle, tuple(legible(path) for path in found.conflicts), found.added_bytes, sides)


def _top(shown: ListedDiscussion, view: str) -> dict[str, object]:
    base = legible(shown.discussion.base or "").removeprefix("refs/heads/")
    return {"topic": _line(shown), "base": base, "view": view}


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
        row.is_locked,
        author_name(shown.author),
        row.comments,
        row.created_ms,
    )

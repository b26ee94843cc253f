"""Discussions and pull requests. Source: docs/protocols/hf_api.md, section 1B.1."""

from __future__ import annotations

import re

import attrs
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute

from entrepot.errors import Malformed, ThingNotFound
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.community import discussions
from entrepot.hub.community.discussions import DiscussionWithEvents
from entrepot.hub.context import HubContext
from entrepot.hub.repos.pulls import merges, openings, pull_refs, reviews
from entrepot.hub.repos.pulls.reviews import PullRequestDiff
from entrepot.hub.repos.push_reservations import ReservationWaiter
from entrepot.names import RepoRef
from entrepot.server.bodies import read_small
from entrepot.server.handlers import (
    MAX_JSON,
    base_url,
    call_hub,
    call_hub_slow,
    decode_json,
    json_response,
    query_flag,
    query_int,
    read_json,
)
from entrepot.server.hf.accounts.people import avatar_urls
from entrepot.server.hf.community.discussion_json import render_details, render_event, render_page
from entrepot.server.hf.repo_routes import repo_routes
from entrepot.server.hf.repos.reservation_waits import call_hub_unreserved
from entrepot.wire.community.discussions import (
    CommentResponse,
    DiscussionLockRequest,
    EditedComment,
    MadeDiscussion,
    MergeRequest,
    MessageResponse,
    NewComment,
    NewDiscussion,
    NewStatus,
    NewTitle,
    PinRequest,
    StatusResponse,
    StorageResponse,
    TitleResponse,
)

PAGE = 50
"""Discussions per page; clients cannot choose."""

_LAST_PAGE = 10**7
_KINDS = {"": None, "all": None, "discussion": False, "pull_request": True}
_NUMBER = re.compile(r"[1-9][0-9]{0,9}", re.ASCII)


def routes() -> list[BaseRoute]:
    """Return the routes of discussions, for all types of repositories."""
    one = "discussions/{num}"
    return [
        *repo_routes("GET", "discussions", list_all),
        *repo_routes("POST", "discussions", create),
        *repo_routes("GET", one, show),
        *repo_routes("DELETE", one, delete),
        *repo_routes("POST", f"{one}/comment", comment),
        *repo_routes("POST", f"{one}/comment/{{event}}/edit", edit),
        *repo_routes("POST", f"{one}/comment/{{event}}/hide", hide),
        *repo_routes("POST", f"{one}/title", rename),
        *repo_routes("POST", f"{one}/status", set_status),
        *repo_routes("POST", f"{one}/merge", merge),
        *repo_routes("POST", f"{one}/pin", pin),
        *repo_routes("POST", f"{one}/lock", lock),
        *repo_routes("DELETE", f"{one}/ref", delete_ref),
        *repo_routes("GET", f"{one}/storage", measure),
    ]


async def list_all(request: Request, ref: RepoRef) -> Response:
    """Serve ``GET discussions``: a page of discussions, newest first."""
    query = request.query_params
    kind = query.get("type", "")
    if kind not in _KINDS:
        raise Malformed("parameter 'type'", "expected discussion, pull_request or all")
    start = PAGE * query_int(request, "p", 0, low=0, high=_LAST_PAGE)
    found = await call_hub(
        request,
        discussions.list_page,
        ref,
        is_pull=_KINDS[kind],
        state=query.get("status") or "all",
        author=query.get("author") or None,
        offset=start,
        limit=PAGE,
    )
    return json_response(render_page(found, start, avatar_urls(request)))


async def create(request: Request, ref: RepoRef) -> Response:
    """Handle ``POST discussions``: create a discussion, or a pull request as a draft."""
    new = await read_json(request, NewDiscussion)
    begin = openings.open_draft if new.pull_request else discussions.create
    text = new.description or ""
    discussion = await call_hub(request, begin, ref, new.title, text if text.strip() else "_No description._")
    url = f"{base_url(request)}/{ref.path}/discussions/{discussion.num}"
    return json_response(MadeDiscussion(num=discussion.num, url=url, pull_request=new.pull_request))


@attrs.frozen
class _Details:
    """The use case of :func:`show`, run in a thread."""

    ref: RepoRef
    num: int
    with_diff: bool

    def run(self, hub: HubContext, caller: MaybeCaller) -> tuple[DiscussionWithEvents, PullRequestDiff | None]:
        """Return the discussion and, for a pull request, its changes."""
        found = discussions.show(hub, caller, self.ref, self.num)
        if not found.shown.discussion.is_pull:
            return found, None
        return found, reviews.review(hub, caller, self.ref, self.num, with_diff=self.with_diff)


async def show(request: Request, ref: RepoRef) -> Response:
    """Serve ``GET discussions/{num}``: a discussion with its events; with ``diff``, also the diff of a pull request."""
    wanted = _Details(ref, number_of(request), query_flag(request, "diff"))

    avatar_url = avatar_urls(request)

    def answer(hub: HubContext, caller: MaybeCaller) -> Response:
        return json_response(render_details(*wanted.run(hub, caller), avatar_url))

    return await call_hub_slow(request, answer)


async def delete(request: Request, ref: RepoRef) -> Response:
    """Handle ``DELETE discussions/{num}``."""
    await call_hub(request, discussions.delete, ref, number_of(request))
    return PlainTextResponse("OK")


async def comment(request: Request, ref: RepoRef) -> Response:
    """Handle ``POST comment``: add a comment."""
    new = await read_json(request, NewComment)
    event = await call_hub(request, discussions.comment, ref, number_of(request), new.comment)
    return json_response(MessageResponse(render_event(event, avatar_urls(request))), 201)


async def edit(request: Request, ref: RepoRef) -> Response:
    """Handle ``POST comment/{event}/edit``: replace the text of a comment."""
    new = await read_json(request, EditedComment)
    event = await call_hub(request, discussions.edit_comment, ref, number_of(request), _event(request), new.content)
    return json_response(CommentResponse(render_event(event, avatar_urls(request))))


async def hide(request: Request, ref: RepoRef) -> Response:
    """Handle ``POST comment/{event}/hide``: delete the text of a comment; the body is ignored."""
    event = await call_hub(request, discussions.hide_comment, ref, number_of(request), _event(request))
    return json_response(CommentResponse(render_event(event, avatar_urls(request))))


async def rename(request: Request, ref: RepoRef) -> Response:
    """Handle ``POST title``: rename a discussion."""
    new = await read_json(request, NewTitle)
    event = await call_hub(request, discussions.rename, ref, number_of(request), new.title)
    return json_response(TitleResponse(render_event(event, avatar_urls(request))))


async def set_status(request: Request, ref: RepoRef) -> Response:
    """Handle ``POST status``: open or close a discussion."""
    new = await read_json(request, NewStatus)
    event = await call_hub(request, discussions.set_status, ref, number_of(request), new.status, new.comment)
    return json_response(StatusResponse(render_event(event, avatar_urls(request))))


async def merge(request: Request, ref: RepoRef) -> Response:
    """Handle ``POST merge``: merge a pull request; the body may be empty or ``null``."""
    num, body = number_of(request), await read_small(request, MAX_JSON)
    wish = decode_json(b"{}" if body.strip() in (b"", b"null") else body, MergeRequest)

    def act(hub: HubContext, caller: MaybeCaller, waiter: ReservationWaiter) -> None:
        merges.merge(hub, caller, ref, num, text=wish.comment, is_squash=wish.squash, waiter=waiter)

    await call_hub_unreserved(request, act)
    return json_response({})


async def pin(request: Request, ref: RepoRef) -> Response:
    """Handle ``POST pin``: pin or unpin a discussion."""
    wish = await read_json(request, PinRequest)
    await call_hub(request, discussions.pin, ref, number_of(request), is_pinned=wish.pinned)
    return json_response(wish)


async def lock(request: Request, ref: RepoRef) -> Response:
    """Handle ``POST lock``: lock or unlock a discussion."""
    wish = await read_json(request, DiscussionLockRequest)
    await call_hub(request, discussions.lock, ref, number_of(request), is_locked=wish.locked)
    return json_response(wish)


async def delete_ref(request: Request, ref: RepoRef) -> Response:
    """Handle ``DELETE ref``: delete the ref of a closed pull request."""
    await call_hub(request, pull_refs.delete_ref, ref, number_of(request))
    return PlainTextResponse("OK")


async def measure(request: Request, ref: RepoRef) -> Response:
    """Serve ``GET storage``: the storage that a pull request adds."""
    return json_response(StorageResponse(await call_hub(request, reviews.added_bytes, ref, number_of(request))))


def number_of(request: Request) -> int:
    """Return the number of the discussion in the path.

    Raises:
        ThingNotFound: no discussion can have it.
    """
    text = request.path_params["num"]
    if not _NUMBER.fullmatch(text):
        raise ThingNotFound("discussion", text)
    return int(text)


def _event(request: Request) -> str:
    uid: str = request.path_params["event"]
    return uid

"""Discussions as JSON: events, users, and texts rendered as HTML. Source: docs/protocols/hf_api.md, section 1B.1."""

from __future__ import annotations

import msgspec
from msgspec import UNSET, UnsetType

from entrepot.hub.community.discussion_events import (
    AuthorRow,
    Comment,
    CommentVersion,
    CommitAdded,
    DiscussionEvent,
    EventContent,
    LockChange,
    PinChange,
    StatusChange,
    TitleChange,
)
from entrepot.hub.community.discussions import DiscussionList, DiscussionWithEvents, ListedDiscussion
from entrepot.hub.repos.pulls.reviews import PullRequestDiff
from entrepot.server.hf.accounts.people import AvatarUrl
from entrepot.server.rendering.footnotes import without_anchors
from entrepot.server.rendering.markdown import Renderer
from entrepot.wire.community.discussions import (
    Author,
    Changes,
    CommentData,
    CommitData,
    Discussion,
    DiscussionDetails,
    DiscussionPage,
    Event,
    EventData,
    LockData,
    PinData,
    RepoName,
    StatusData,
    Text,
    TitleData,
)
from entrepot.wire.texts import legible
from entrepot.wire.times import format_ms

_TYPES: dict[type[EventContent], str] = {
    Comment: "comment",
    StatusChange: "status-change",
    CommitAdded: "commit",
    TitleChange: "title-change",
    PinChange: "pinning-change",
    LockChange: "locking-change",
}


def render_page(found: DiscussionList, start: int, avatar_url: AvatarUrl) -> DiscussionPage:
    """Return a page of a list; the page begins at ``start``."""
    return DiscussionPage(
        discussions=[_render(shown, avatar_url) for shown in found.discussions],
        count=found.total,
        start=start,
        num_closed_discussions=found.closed,
    )


def render_details(
    found: DiscussionWithEvents, review: PullRequestDiff | None, avatar_url: AvatarUrl
) -> DiscussionDetails[EventData]:
    """Return one discussion with its events; with a review, as a pull request."""
    discussion, renderer = found.shown.discussion, Renderer()
    head = _render(found.shown, avatar_url)
    details = DiscussionDetails(
        num=head.num,
        title=head.title,
        status=head.status,
        is_pull_request=head.is_pull_request,
        author=head.author,
        created_at=head.created_at,
        repo=head.repo,
        num_comments=head.num_comments,
        pinned=head.pinned,
        locked=head.locked,
        events=[render_event(event, avatar_url, renderer) for event in found.events],
    )
    if review is None:
        return details
    conflicts = True if review.conflicts is None else [legible(path) for path in review.conflicts]
    return msgspec.structs.replace(
        details,
        changes=Changes(base=legible(discussion.base or ""), merge_commit_id=discussion.merge_oid or UNSET),
        files_with_conflicts=conflicts,
        diff=UNSET if review.diff is None else legible(review.diff),
    )


def render_event(event: DiscussionEvent, avatar_url: AvatarUrl, renderer: Renderer | None = None) -> Event[EventData]:
    """Return one event; the renderer is shared by all events of the response."""
    return Event(
        id=event.uid,
        type=_TYPES[type(event.what)],
        created_at=format_ms(event.created_ms),
        author=_author(event.author, avatar_url),
        data=_data(event.what, avatar_url, renderer or Renderer()),
    )


def _render(shown: ListedDiscussion, avatar_url: AvatarUrl) -> Discussion:
    discussion, repo = shown.discussion, shown.repo
    return Discussion(
        num=discussion.num,
        title=legible(discussion.title),
        status=discussion.status,
        is_pull_request=discussion.is_pull,
        author=_author(shown.author, avatar_url),
        created_at=format_ms(discussion.created_ms),
        repo=RepoName(name=str(repo.ref.id), type=repo.type.value),
        num_comments=discussion.comments,
        pinned=discussion.is_pinned,
        locked=discussion.is_locked,
    )


def _data(what: EventContent, avatar_url: AvatarUrl, renderer: Renderer) -> EventData:
    match what:
        case Comment():
            return CommentData(
                edited=what.edits > 0,
                hidden=what.is_hidden,
                latest=_text(what.latest, avatar_url, renderer),
                history=[_text(version, avatar_url, renderer) for version in what.history],
                num_edits=what.edits,
            )
        case StatusChange():
            return StatusData(what.status)
        case CommitAdded():
            return CommitData(legible(what.subject), what.oid)
        case TitleChange():
            return TitleData(legible(what.old), legible(what.new))
        case PinChange():
            return PinData(what.is_pinned)
        case LockChange():
            return LockData(what.is_locked)


def _text(version: CommentVersion, avatar_url: AvatarUrl, renderer: Renderer) -> Text:
    raw = legible(version.raw)
    return Text(
        raw=raw,
        html=without_anchors(renderer.render(raw)),
        updated_at=format_ms(version.updated_ms),
        author=_author(version.author, avatar_url),
    )


def _author(person: AuthorRow | None, avatar_url: AvatarUrl) -> Author | UnsetType:
    if person is None:
        return UNSET
    return Author(
        uid=person.uid, name=person.name, fullname=person.fullname, type=person.kind, avatar_url=avatar_url(person.name)
    )

"""How discussions are written: events, texts as HTML, people. Source: hf_api, section 1B.1."""

from __future__ import annotations

import msgspec
from msgspec import UNSET, UnsetType

from entrepot.hub.discussions import Detailed, Page, Shown
from entrepot.hub.happenings import (
    Comment,
    CommitAdded,
    Happening,
    Person,
    PinChange,
    StatusChange,
    TitleChange,
    Version,
    What,
)
from entrepot.hub.pulls import Review
from entrepot.server.markdown import Renderer
from entrepot.wire.discussions import (
    Author,
    Changes,
    CommentData,
    CommitData,
    Discussion,
    DiscussionDetails,
    DiscussionPage,
    Event,
    EventData,
    PinData,
    RepoName,
    StatusData,
    Text,
    TitleData,
)
from entrepot.wire.texts import legible
from entrepot.wire.times import format_ms

_TYPES: dict[type[What], str] = {
    Comment: "comment",
    StatusChange: "status-change",
    CommitAdded: "commit",
    TitleChange: "title-change",
    PinChange: "pinning-change",
}


def render_page(found: Page, start: int) -> DiscussionPage:
    """A page of a list that begins at ``start``."""
    return DiscussionPage(
        discussions=[_render(shown) for shown in found.talks],
        count=found.total,
        start=start,
        num_closed_discussions=found.closed,
    )


def render_details(found: Detailed, review: Review | None) -> DiscussionDetails:
    """One discussion with its events; with a review it is a pull request."""
    talk, renderer = found.shown.talk, Renderer()
    head = _render(found.shown)
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
        events=[render_event(event, renderer) for event in found.events],
    )
    if review is None:
        return details
    conflicts = True if review.conflicts is None else [legible(path) for path in review.conflicts]
    return msgspec.structs.replace(
        details,
        changes=Changes(base=legible(talk.base or ""), merge_commit_id=talk.merge_oid or UNSET),
        files_with_conflicts=conflicts,
        diff=UNSET if review.diff is None else legible(review.diff),
    )


def render_event(event: Happening, renderer: Renderer | None = None) -> Event:
    """One event, its texts rendered by a renderer that others of the same answer share."""
    return Event(
        id=event.uid,
        type=_TYPES[type(event.what)],
        created_at=format_ms(event.created_ms),
        author=_author(event.author),
        data=_data(event.what, renderer or Renderer()),
    )


def _render(shown: Shown) -> Discussion:
    talk, repo = shown.talk, shown.repo
    return Discussion(
        num=talk.num,
        title=legible(talk.title),
        status=talk.status,
        is_pull_request=talk.is_pull,
        author=_author(shown.author),
        created_at=format_ms(talk.created_ms),
        repo=RepoName(name=str(repo.ref.id), type=repo.type.value),
        num_comments=talk.comments,
        pinned=talk.is_pinned,
    )


def _data(what: What, renderer: Renderer) -> EventData:
    match what:
        case Comment():
            return CommentData(
                edited=what.edits > 0,
                hidden=what.is_hidden,
                latest=_text(what.latest, renderer),
                history=[_text(version, renderer) for version in what.history],
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


def _text(version: Version, renderer: Renderer) -> Text:
    raw = legible(version.raw)
    return Text(
        raw=raw, html=renderer.render(raw), updated_at=format_ms(version.updated_ms), author=_author(version.author)
    )


def _author(person: Person | None) -> Author | UnsetType:
    if person is None:
        return UNSET
    return Author(uid=person.uid, name=person.name, fullname=person.fullname, type=person.kind)

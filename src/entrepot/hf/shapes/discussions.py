"""Discussions, pull requests, and what happens in them."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Sequence
from typing import Any

from entrepot.client.calls import known
from entrepot.errors import AnswerUnusable
from entrepot.hf.shapes.times import moment
from entrepot.names import parse_repo_type
from entrepot.wire.community.discussions import Author, ReceivedDetails, ReceivedEvent
from entrepot.wire.community.discussions import Discussion as ListedDiscussion


@dataclasses.dataclass
class Discussion:
    """A discussion or pull request; ``status`` is open, closed, merged or draft."""

    title: str
    status: str
    num: int
    repo_id: str
    repo_type: str
    author: str
    is_pull_request: bool
    created_at: datetime.datetime
    endpoint: str

    @property
    def git_reference(self) -> str | None:
        """The ref that a pull request can be pushed to; None for a discussion."""
        return f"refs/pr/{self.num}" if self.is_pull_request else None

    @property
    def url(self) -> str:
        """The address of its page."""
        return f"{self.endpoint}/{parse_repo_type(self.repo_type).prefix}{self.repo_id}/discussions/{self.num}"


@dataclasses.dataclass
class DiscussionWithDetails(Discussion):
    """A discussion with all that happened in it; the last four are None unless it is a pull request.

    ``conflicting_files``: True means that there are some, and nobody says which.
    """

    events: list[DiscussionEvent]
    conflicting_files: list[str] | bool | None
    target_branch: str | None
    merge_commit_oid: str | None
    diff: str | None


@dataclasses.dataclass
class DiscussionEvent:
    """Something that happened; ``_event`` is all that the hub said of it."""

    id: str
    type: str
    created_at: datetime.datetime
    author: str
    _event: dict[str, Any]


@dataclasses.dataclass
class DiscussionComment(DiscussionEvent):
    """Somebody said something; a hidden comment has no content."""

    content: str
    edited: bool
    hidden: bool

    @property
    def rendered(self) -> str:
        """The content as HTML."""
        return str(self._latest.get("html", ""))

    @property
    def last_edited_at(self) -> datetime.datetime:
        """When the content was last changed."""
        return moment(self._latest["updatedAt"]) if "updatedAt" in self._latest else self.created_at

    @property
    def last_edited_by(self) -> str:
        """Who last changed the content."""
        return str((self._latest.get("author") or {}).get("name", "deleted"))

    @property
    def edit_history(self) -> list[dict[str, Any]]:
        """The contents that were, as the hub keeps them."""
        return list(self._event["data"].get("history", ()))

    @property
    def number_of_edits(self) -> int:
        """How often the content was changed."""
        return len(self.edit_history)

    @property
    def _latest(self) -> dict[str, Any]:
        return dict(self._event["data"].get("latest") or {})


@dataclasses.dataclass
class DiscussionStatusChange(DiscussionEvent):
    """Somebody opened, closed or merged it."""

    new_status: str


@dataclasses.dataclass
class DiscussionCommit(DiscussionEvent):
    """Somebody pushed a commit to the pull request."""

    summary: str
    oid: str


@dataclasses.dataclass
class DiscussionTitleChange(DiscussionEvent):
    """Somebody gave it another title."""

    old_title: str
    new_title: str


def discussion_of(found: ListedDiscussion, endpoint: str) -> Discussion:
    """A discussion as a hub lists it."""
    return Discussion(**_usual(found, endpoint))


def details_of(found: ReceivedDetails, endpoint: str) -> DiscussionWithDetails:
    """A discussion as a hub shows it."""
    changes = known(found.changes)
    conflicts = found.files_with_conflicts
    names = list(conflicts) if isinstance(conflicts, Sequence) else None
    return DiscussionWithDetails(
        **_usual(found, endpoint),
        events=[event_of(event) for event in found.events],
        conflicting_files=conflicts if isinstance(conflicts, bool) else names,
        target_branch=changes.base if changes else None,
        merge_commit_oid=known(changes.merge_commit_id) if changes else None,
        diff=known(found.diff),
    )


def comment_of(event: ReceivedEvent) -> DiscussionComment:
    """The comment that an event is.

    Raises:
        AnswerUnusable: it is none.
    """
    found = event_of(event)
    if not isinstance(found, DiscussionComment):
        raise AnswerUnusable("the hub", f"a comment was expected, not {event.type!r}")
    return found


def status_change_of(event: ReceivedEvent) -> DiscussionStatusChange:
    """The change of status that an event is.

    Raises:
        AnswerUnusable: it is none.
    """
    found = event_of(event)
    if not isinstance(found, DiscussionStatusChange):
        raise AnswerUnusable("the hub", f"a change of status was expected, not {event.type!r}")
    return found


def title_change_of(event: ReceivedEvent) -> DiscussionTitleChange:
    """The change of title that an event is.

    Raises:
        AnswerUnusable: it is none.
    """
    found = event_of(event)
    if not isinstance(found, DiscussionTitleChange):
        raise AnswerUnusable("the hub", f"a change of title was expected, not {event.type!r}")
    return found


def event_of(event: ReceivedEvent) -> DiscussionEvent:
    """What happened, as the class of its type; a type that is new stays a plain event.

    Raises:
        AnswerUnusable: it lacks what its type must have.
    """
    usual: dict[str, Any] = {
        "id": event.id,
        "type": event.type,
        "created_at": moment(event.created_at),
        "author": _name(known(event.author)),
        "_event": _document(event),
    }
    data = event.data
    try:
        match event.type:
            case "comment":
                return DiscussionComment(
                    **usual,
                    content=data["latest"]["raw"],
                    edited=data["edited"],
                    hidden=data["hidden"],
                )
            case "status-change":
                return DiscussionStatusChange(**usual, new_status=data["status"])
            case "commit":
                return DiscussionCommit(**usual, summary=data["subject"], oid=data["oid"])
            case "title-change":
                return DiscussionTitleChange(**usual, old_title=data["from"], new_title=data["to"])
    except KeyError as error:
        raise AnswerUnusable("the hub", f"a {event.type} has no {error}") from error
    return DiscussionEvent(**usual)


def _usual(found: ListedDiscussion, endpoint: str) -> dict[str, Any]:
    return {
        "title": found.title,
        "status": found.status,
        "num": found.num,
        "repo_id": found.repo.name,
        "repo_type": found.repo.type,
        "author": _name(known(found.author)),
        "is_pull_request": found.is_pull_request,
        "created_at": moment(found.created_at),
        "endpoint": endpoint,
    }


def _document(event: ReceivedEvent) -> dict[str, Any]:
    author = {"author": {"name": event.author.name}} if event.author else {}
    return {"id": event.id, "type": event.type, "createdAt": event.created_at, "data": dict(event.data), **author}


def _name(author: Author | None) -> str:
    return author.name if author else "deleted"

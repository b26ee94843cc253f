"""Discussions, pull requests and their events."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Sequence
from typing import Any

from entrepot.client.calls import known
from entrepot.errors import AnswerUnusable
from entrepot.hf.shapes.times import parse_timestamp
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
        """The ref to push commits of a pull request to; None for a discussion."""
        return f"refs/pr/{self.num}" if self.is_pull_request else None

    @property
    def url(self) -> str:
        """The URL of the discussion's page."""
        return f"{self.endpoint}/{parse_repo_type(self.repo_type).prefix}{self.repo_id}/discussions/{self.num}"


@dataclasses.dataclass
class DiscussionWithDetails(Discussion):
    """A discussion with all its events; the last four fields are None for a plain discussion.

    ``conflicting_files`` is True if there are conflicts and the hub does not list the files.
    """

    events: list[DiscussionEvent]
    conflicting_files: list[str] | bool | None
    target_branch: str | None
    merge_commit_oid: str | None
    diff: str | None


@dataclasses.dataclass
class DiscussionEvent:
    """An event of a discussion; ``_event`` is the hub's JSON."""

    id: str
    type: str
    created_at: datetime.datetime
    author: str
    _event: dict[str, Any]


@dataclasses.dataclass
class DiscussionComment(DiscussionEvent):
    """A comment; the content of a hidden comment is empty."""

    content: str
    edited: bool
    hidden: bool

    @property
    def rendered(self) -> str:
        """The content as HTML."""
        return str(self._latest.get("html", ""))

    @property
    def last_edited_at(self) -> datetime.datetime:
        """The time of the last edit."""
        return parse_timestamp(self._latest["updatedAt"]) if "updatedAt" in self._latest else self.created_at

    @property
    def last_edited_by(self) -> str:
        """The user who made the last edit."""
        return str((self._latest.get("author") or {}).get("name", "deleted"))

    @property
    def edit_history(self) -> list[dict[str, Any]]:
        """The earlier versions of the content, as the hub stores them."""
        return list(self._event["data"].get("history", ()))

    @property
    def number_of_edits(self) -> int:
        """The number of edits."""
        return len(self.edit_history)

    @property
    def _latest(self) -> dict[str, Any]:
        return dict(self._event["data"].get("latest") or {})


@dataclasses.dataclass
class DiscussionStatusChange(DiscussionEvent):
    """The discussion was opened or closed, or the pull request merged."""

    new_status: str


@dataclasses.dataclass
class DiscussionCommit(DiscussionEvent):
    """A commit was pushed to the pull request."""

    summary: str
    oid: str


@dataclasses.dataclass
class DiscussionTitleChange(DiscussionEvent):
    """The title was changed."""

    old_title: str
    new_title: str


def discussion_of(found: ListedDiscussion, endpoint: str) -> Discussion:
    """Convert a discussion from a list."""
    return Discussion(**_usual(found, endpoint))


def details_of(found: ReceivedDetails, endpoint: str) -> DiscussionWithDetails:
    """Convert a discussion with its events."""
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
    """Convert an event to a comment.

    Raises:
        AnswerUnusable: the event is not a comment.
    """
    found = event_of(event)
    if not isinstance(found, DiscussionComment):
        raise AnswerUnusable("the hub", f"expected a comment, not {event.type!r}")
    return found


def status_change_of(event: ReceivedEvent) -> DiscussionStatusChange:
    """Convert an event to a change of status.

    Raises:
        AnswerUnusable: the event is not a change of status.
    """
    found = event_of(event)
    if not isinstance(found, DiscussionStatusChange):
        raise AnswerUnusable("the hub", f"expected a change of status, not {event.type!r}")
    return found


def title_change_of(event: ReceivedEvent) -> DiscussionTitleChange:
    """Convert an event to a change of title.

    Raises:
        AnswerUnusable: the event is not a change of title.
    """
    found = event_of(event)
    if not isinstance(found, DiscussionTitleChange):
        raise AnswerUnusable("the hub", f"expected a change of title, not {event.type!r}")
    return found


def event_of(event: ReceivedEvent) -> DiscussionEvent:
    """Convert an event to the class of its type; an unknown type becomes a plain DiscussionEvent.

    Raises:
        AnswerUnusable: the event lacks a field that its type requires.
    """
    usual: dict[str, Any] = {
        "id": event.id,
        "type": event.type,
        "created_at": parse_timestamp(event.created_at),
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
        "created_at": parse_timestamp(found.created_at),
        "endpoint": endpoint,
    }


def _document(event: ReceivedEvent) -> dict[str, Any]:
    author = {"author": {"name": event.author.name}} if event.author else {}
    return {"id": event.id, "type": event.type, "createdAt": event.created_at, "data": dict(event.data), **author}


def _name(author: Author | None) -> str:
    return author.name if author else "deleted"

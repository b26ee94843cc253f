"""The events of a discussion as values, and their stored form.

Users are stored by their permanent id, so after an account is deleted, no other
user can appear as the author of its texts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

from entrepot.catalog import Read
from entrepot.catalog.community import discussions
from entrepot.catalog.community.discussions import AuthorRow as AuthorRow
from entrepot.catalog.community.discussions import EventRow
from entrepot.names import Oid, Uid

HIDDEN = "This comment has been hidden"
"""Shown instead of a hidden comment, whose text is deleted."""

MAX_VERSIONS = 50
_HISTORY_CHARACTERS = 64 * 1024


@attrs.frozen
class CommentVersion:
    """One version of a comment's text; ``author`` is None if the account is gone."""

    raw: str
    updated_ms: int
    author: AuthorRow | None


@attrs.frozen
class Comment:
    """A comment; ``history`` holds those of its earlier versions that are kept, oldest first."""

    latest: CommentVersion
    history: Sequence[CommentVersion]
    edits: int
    is_hidden: bool


@attrs.frozen
class StatusChange:
    """The discussion was opened, closed or merged."""

    status: str


@attrs.frozen
class CommitAdded:
    """A commit became the head of the pull request."""

    subject: str
    oid: Oid


@attrs.frozen
class TitleChange:
    """The title of the discussion changed."""

    old: str
    new: str


@attrs.frozen
class PinChange:
    """The discussion was pinned or unpinned."""

    is_pinned: bool


@attrs.frozen
class LockChange:
    """The discussion was locked or unlocked."""

    is_locked: bool


EventContent = Comment | StatusChange | CommitAdded | TitleChange | PinChange | LockChange


@attrs.frozen
class DiscussionEvent:
    """One event; ``author`` is None if the account is gone."""

    uid: Uid
    created_ms: int
    author: AuthorRow | None
    what: EventContent


def comment_data(raw: str, author: Uid, now_ms: int) -> Mapping[str, Any]:
    """Return the stored form of a new comment."""
    return {"raw": raw, "by": author, "at": now_ms, "hidden": False, "edits": 0, "history": []}


def edited(data: Mapping[str, Any], raw: str, author: Uid, now_ms: int) -> Mapping[str, Any]:
    """Return the stored form of an edited comment, with as many earlier versions as are kept."""
    kept = [*data["history"], {"raw": data["raw"], "by": data["by"], "at": data["at"]}][-MAX_VERSIONS:]
    while kept and sum(len(version["raw"]) for version in kept) > _HISTORY_CHARACTERS:
        kept.pop(0)
    return {**data, "raw": raw, "by": author, "at": now_ms, "edits": data["edits"] + 1, "history": kept}


def hidden(data: Mapping[str, Any], author: Uid, now_ms: int) -> Mapping[str, Any]:
    """Return the stored form of a hidden comment, without any of its texts."""
    return {**data, "raw": HIDDEN, "by": author, "at": now_ms, "hidden": True, "history": []}


def read_events(tx: Read, events: Sequence[EventRow]) -> list[DiscussionEvent]:
    """Return stored events as values, with their users."""
    authors = discussions.people(tx, (event.author_id for event in events))
    comments = [event.data for event in events if event.kind == "comment"]
    writers = discussions.people_by_uid(tx, _writers(comments))
    return [
        DiscussionEvent(event.uid, event.created_ms, authors.get(event.author_id), _read(event, writers))
        for event in events
    ]


def _writers(comments: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    for data in comments:
        yield data["by"]
        yield from (version["by"] for version in data["history"])


def _read(event: EventRow, writers: Mapping[str, AuthorRow]) -> EventContent:
    data = event.data
    match event.kind:
        case "status-change":
            return StatusChange(data["status"])
        case "commit":
            return CommitAdded(data["subject"], Oid(data["oid"]))
        case "title-change":
            return TitleChange(data["from"], data["to"])
        case "pinning-change":
            return PinChange(data["pinned"])
        case "locking-change":
            return LockChange(data["locked"])
        case _:
            history = tuple(_version(version, writers) for version in data["history"])
            return Comment(_version(data, writers), history, data["edits"], data["hidden"])


def _version(data: Mapping[str, Any], writers: Mapping[str, AuthorRow]) -> CommentVersion:
    return CommentVersion(data["raw"], data["at"], writers.get(data["by"]))

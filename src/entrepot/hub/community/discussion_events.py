"""What happens in a discussion, as values; and how the catalog keeps them.

People are kept by their permanent id, so that nobody else ever appears as the
author of what somebody wrote whose account is gone.
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
"""What stands in the place of a hidden comment, whose text is deleted."""

MAX_VERSIONS = 50
_HISTORY_CHARACTERS = 64 * 1024


@attrs.frozen
class CommentVersion:
    """One text of a comment; ``author`` is None once the account is gone."""

    raw: str
    updated_ms: int
    author: AuthorRow | None


@attrs.frozen
class Comment:
    """A comment; ``history`` holds its earlier texts, oldest first, as far as they are kept."""

    latest: CommentVersion
    history: Sequence[CommentVersion]
    edits: int
    is_hidden: bool


@attrs.frozen
class StatusChange:
    """From now on the discussion was open, closed or merged."""

    status: str


@attrs.frozen
class CommitAdded:
    """A commit became the head of the pull request."""

    subject: str
    oid: Oid


@attrs.frozen
class TitleChange:
    """The discussion got another title."""

    old: str
    new: str


@attrs.frozen
class PinChange:
    """The discussion was pinned to the top, or is so no more."""

    is_pinned: bool


EventContent = Comment | StatusChange | CommitAdded | TitleChange | PinChange


@attrs.frozen
class DiscussionEvent:
    """One event; ``author`` is None once the account is gone."""

    uid: Uid
    created_ms: int
    author: AuthorRow | None
    what: EventContent


def comment_data(raw: str, author: Uid, now_ms: int) -> dict[str, Any]:
    """A fresh comment as the catalog keeps it."""
    return {"raw": raw, "by": author, "at": now_ms, "hidden": False, "edits": 0, "history": []}


def edited(data: Mapping[str, Any], raw: str, author: Uid, now_ms: int) -> dict[str, Any]:
    """A comment with another text, its last texts kept as far as there is room."""
    kept = [*data["history"], {"raw": data["raw"], "by": data["by"], "at": data["at"]}][-MAX_VERSIONS:]
    while kept and sum(len(version["raw"]) for version in kept) > _HISTORY_CHARACTERS:
        kept.pop(0)
    return {**data, "raw": raw, "by": author, "at": now_ms, "edits": data["edits"] + 1, "history": kept}


def hidden(data: Mapping[str, Any], author: Uid, now_ms: int) -> dict[str, Any]:
    """A comment without any of its texts."""
    return {**data, "raw": HIDDEN, "by": author, "at": now_ms, "hidden": True, "history": []}


def read_events(tx: Read, events: Sequence[EventRow]) -> list[DiscussionEvent]:
    """Stored events as values, with the people in them."""
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
        case _:
            history = tuple(_version(version, writers) for version in data["history"])
            return Comment(_version(data, writers), history, data["edits"], data["hidden"])


def _version(data: Mapping[str, Any], writers: Mapping[str, AuthorRow]) -> CommentVersion:
    return CommentVersion(data["raw"], data["at"], writers.get(data["by"]))

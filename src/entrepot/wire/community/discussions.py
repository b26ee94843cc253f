"""Discussions and pull requests as JSON. Source: docs/protocols/hf_api.md, section 1B.1.

``UNSET`` fields are absent keys. For example, the author is absent if the
account was deleted, and clients then show "deleted". Other defaults stand for
keys that other hubs may omit; this hub writes every key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import UNSET, UnsetType


class Author(msgspec.Struct, frozen=True, kw_only=True, rename={"uid": "_id", "avatar_url": "avatarUrl"}):
    """An author; ``avatar_url`` is empty if there is no picture."""

    uid: str = ""
    name: str
    fullname: str = ""
    type: str = "user"
    avatar_url: str = ""


class RepoName(msgspec.Struct, frozen=True, kw_only=True):
    """The repository of a discussion: its name ``namespace/name`` and its type, ``model``, ``dataset`` or ``space``."""

    name: str
    type: str


class Text(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One version of a comment's text, as source and as sanitised HTML."""

    raw: str
    html: str
    updated_at: str
    author: Author | UnsetType = UNSET


class CommentData(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A comment; ``history`` holds its earlier texts, oldest first."""

    edited: bool
    hidden: bool
    latest: Text
    history: Sequence[Text]
    num_edits: int


class StatusData(msgspec.Struct, frozen=True):
    """A change of status."""

    status: str


class CommitData(msgspec.Struct, frozen=True):
    """A commit added to a pull request."""

    subject: str
    oid: str


class TitleData(msgspec.Struct, frozen=True, rename={"old": "from", "new": "to"}):
    """A change of the title."""

    old: str
    new: str


class PinData(msgspec.Struct, frozen=True):
    """Whether the discussion was pinned or unpinned."""

    pinned: bool


class LockData(msgspec.Struct, frozen=True):
    """Whether the discussion was locked or unlocked."""

    locked: bool


EventData = CommentData | StatusData | CommitData | TitleData | PinData | LockData
"""The data of the events that this hub writes."""

DataT = TypeVar("DataT")


class Event(msgspec.Struct, Generic[DataT], frozen=True, kw_only=True, rename="camel"):
    """One event of a discussion; ``type`` determines the shape of ``data``.

    Clients decode ``data`` as a JSON object, because hubs may send types that clients do not know.
    """

    id: str
    type: str
    created_at: str
    author: Author | UnsetType = UNSET
    data: DataT


class Discussion(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A discussion as it appears in lists."""

    num: int
    title: str
    status: str
    is_pull_request: bool
    author: Author | UnsetType = UNSET
    created_at: str
    repo: RepoName
    num_comments: int = 0
    pinned: bool = False
    locked: bool = False


class DiscussionPage(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A page of a list; clients request the next page while ``start`` plus the items received is below ``count``."""

    discussions: Sequence[Discussion]
    count: int
    start: int
    num_closed_discussions: int = 0


class Changes(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The target of a pull request, and the commit that merged it."""

    base: str
    merge_commit_id: str | UnsetType = UNSET


class DiscussionDetails(Discussion, Generic[DataT], frozen=True, kw_only=True, rename="camel"):
    """A discussion with its events; the last three keys are present only for pull requests.

    ``files_with_conflicts`` is true if there are too many files to list;
    ``diff`` is absent unless the caller requested it and may read it.
    """

    events: Sequence[Event[DataT]]
    changes: Changes | UnsetType = UNSET
    files_with_conflicts: Sequence[str] | bool | UnsetType = UNSET
    diff: str | UnsetType = UNSET


class NewDiscussion(msgspec.Struct, kw_only=True, rename="camel"):
    """Body of ``POST discussions``."""

    title: str
    description: str | None = None
    pull_request: bool = False


class MadeDiscussion(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Response of ``POST discussions``: the number and the absolute URL of the page."""

    num: int
    url: str = ""
    pull_request: bool = False


class NewComment(msgspec.Struct):
    """Body of ``POST comment``."""

    comment: str


class EditedComment(msgspec.Struct):
    """Body of ``POST comment/{id}/edit``."""

    content: str


class NewTitle(msgspec.Struct):
    """Body of ``POST title``."""

    title: str


class NewStatus(msgspec.Struct):
    """Body of ``POST status``; ``open`` or ``closed``."""

    status: str
    comment: str | None = None


class MergeRequest(msgspec.Struct, omit_defaults=True):
    """Body of ``POST merge``, which may be empty or ``null``; ``squash`` is an extension of this hub."""

    comment: str | None = None
    squash: bool = False


class PinRequest(msgspec.Struct):
    """Body of ``POST pin``."""

    pinned: bool


class DiscussionLockRequest(msgspec.Struct):
    """Body of ``POST lock``, an extension of this hub."""

    locked: bool


class MessageResponse(msgspec.Struct, Generic[DataT], frozen=True, rename="camel"):
    """Response to a new comment."""

    new_message: Event[DataT]


class CommentResponse(msgspec.Struct, Generic[DataT], frozen=True, rename="camel"):
    """Response to an edited or hidden comment."""

    updated_comment: Event[DataT]


class TitleResponse(msgspec.Struct, Generic[DataT], frozen=True, rename="camel"):
    """Response to a new title."""

    new_title: Event[DataT]


class StatusResponse(msgspec.Struct, Generic[DataT], frozen=True, rename="camel"):
    """Response to a new status."""

    new_status: Event[DataT]


class StorageResponse(msgspec.Struct, frozen=True):
    """Total size in bytes of the files that a pull request adds or rewrites."""

    storage: int


ReceivedEvent = Event[Mapping[str, Any]]
ReceivedDetails = DiscussionDetails[Mapping[str, Any]]

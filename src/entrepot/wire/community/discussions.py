"""Discussions and pull requests as JSON. Source: docs/protocols/hf_api.md, section 1B.1.

``UNSET`` fields are absent keys: the author of what outlived its account, for
instance, which clients then show as "deleted". Other defaults stand for what
other hubs may leave out; this one writes every key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import UNSET, UnsetType


class Author(msgspec.Struct, frozen=True, kw_only=True, rename={"uid": "_id", "avatar_url": "avatarUrl"}):
    """Who wrote something; ``avatar_url`` is empty when there is no picture."""

    uid: str = ""
    name: str
    fullname: str = ""
    type: str = "user"
    avatar_url: str = ""


class RepoName(msgspec.Struct, frozen=True, kw_only=True):
    """The repository of a discussion: ``namespace/name``, and ``model``, ``dataset`` or ``space``."""

    name: str
    type: str


class Text(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One text of a comment, as it was written and as safe HTML."""

    raw: str
    html: str
    updated_at: str
    author: Author | UnsetType = UNSET


class CommentData(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A comment; ``history`` are its earlier texts, oldest first."""

    edited: bool
    hidden: bool
    latest: Text
    history: Sequence[Text]
    num_edits: int


class StatusData(msgspec.Struct, frozen=True):
    """A change of state."""

    status: str


class CommitData(msgspec.Struct, frozen=True):
    """A commit that came to a pull request."""

    subject: str
    oid: str


class TitleData(msgspec.Struct, frozen=True, rename={"old": "from", "new": "to"}):
    """A change of the title."""

    old: str
    new: str


class PinData(msgspec.Struct, frozen=True):
    """Pinned to the top, or no more."""

    pinned: bool


EventData = CommentData | StatusData | CommitData | TitleData | PinData
"""What this hub writes into events."""

DataT = TypeVar("DataT")


class Event(msgspec.Struct, Generic[DataT], frozen=True, kw_only=True, rename="camel"):
    """Something that happened; ``type`` says what ``data`` is.

    Clients read ``data`` as a JSON object, because hubs may have types that clients do not know.
    """

    id: str
    type: str
    created_at: str
    author: Author | UnsetType = UNSET
    data: DataT


class Discussion(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A discussion as lists show it."""

    num: int
    title: str
    status: str
    is_pull_request: bool
    author: Author | UnsetType = UNSET
    created_at: str
    repo: RepoName
    num_comments: int = 0
    pinned: bool = False


class DiscussionPage(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A page of a list; clients ask for the next one while ``start`` and what they got is less than ``count``."""

    discussions: Sequence[Discussion]
    count: int
    start: int
    num_closed_discussions: int = 0


class Changes(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a pull request asks to change, and the commit that merged it."""

    base: str
    merge_commit_id: str | UnsetType = UNSET


class DiscussionDetails(Discussion, Generic[DataT], frozen=True, kw_only=True, rename="camel"):
    """A discussion with its events; the last three keys only of pull requests.

    ``files_with_conflicts`` is true when there are too many to name them;
    ``diff`` is absent unless it was asked for, and may be read.
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
    """Answer to it: the number and the absolute URL of the page."""

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
    """Body of ``POST merge``, which may be empty or ``null``; ``squash`` is an addition of this hub."""

    comment: str | None = None
    squash: bool = False


class PinRequest(msgspec.Struct):
    """Body of ``POST pin``."""

    pinned: bool


class MessageResponse(msgspec.Struct, Generic[DataT], frozen=True, rename="camel"):
    """Answer to a new comment."""

    new_message: Event[DataT]


class CommentResponse(msgspec.Struct, Generic[DataT], frozen=True, rename="camel"):
    """Answer to a comment that was edited or hidden."""

    updated_comment: Event[DataT]


class TitleResponse(msgspec.Struct, Generic[DataT], frozen=True, rename="camel"):
    """Answer to a new title."""

    new_title: Event[DataT]


class StatusResponse(msgspec.Struct, Generic[DataT], frozen=True, rename="camel"):
    """Answer to a new state."""

    new_status: Event[DataT]


class StorageResponse(msgspec.Struct, frozen=True):
    """Bytes of the files that a pull request adds or rewrites."""

    storage: int


ReceivedEvent = Event[Mapping[str, Any]]
ReceivedDetails = DiscussionDetails[Mapping[str, Any]]

"""Discussions and pull requests. Source: docs/protocols/hf_api.md, section 1B.1.

The shapes are what clients read, which is less than what hubs write.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from entrepot.client.calls import JSON, Call, json_body, nothing, pairs, repo_api, without_nulls
from entrepot.names import RepoRef


class Author(msgspec.Struct, frozen=True):
    """Who wrote something."""

    name: str


class ThreadRepo(msgspec.Struct, frozen=True):
    """The repository of a discussion."""

    name: str
    type: str


class Thread(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A discussion as a list shows it; ``author`` is None when the account is gone."""

    num: int
    title: str
    status: str
    is_pull_request: bool
    created_at: str
    repo: ThreadRepo
    author: Author | None = None


class ThreadPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some discussions, newest first: from the ``start``-th of ``count`` on."""

    discussions: list[Thread]
    count: int
    start: int


class Event(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Something that happened in a discussion; ``data`` depends on ``type``."""

    id: str
    type: str
    created_at: str
    data: Mapping[str, Any]
    author: Author | None = None


class Changes(msgspec.Struct, frozen=True, kw_only=True, rename={"merge_commit": "mergeCommitId"}):
    """What a pull request goes into, and the commit it was merged by."""

    base: str
    merge_commit: str | None = None


class ThreadDetails(Thread, frozen=True, kw_only=True, rename="camel"):
    """A discussion with all that happened in it; the last three are of pull requests only."""

    events: list[Event]
    changes: Changes | None = None
    files_with_conflicts: list[str] | bool | None = None
    diff: str | None = None


class MadeThread(msgspec.Struct, frozen=True, kw_only=True, rename={"is_pull_request": "pullRequest"}):
    """A discussion that was opened."""

    num: int
    url: str = ""
    is_pull_request: bool = False


class NewMessage(msgspec.Struct, frozen=True, rename="camel"):
    """Answer to a comment."""

    new_message: Event


class UpdatedComment(msgspec.Struct, frozen=True, rename="camel"):
    """Answer to a change of a comment."""

    updated_comment: Event


class NewTitle(msgspec.Struct, frozen=True, rename="camel"):
    """Answer to a change of title."""

    new_title: Event


class NewStatus(msgspec.Struct, frozen=True, rename="camel"):
    """Answer to a change of status."""

    new_status: Event


_PAGE = without_nulls(ThreadPage)
_DETAILS = without_nulls(ThreadDetails)


def page(
    ref: RepoRef,
    number: int = 0,
    *,
    kind: str | None = None,
    status: str | None = None,
    author: str | None = None,
) -> Call[ThreadPage]:
    """A page of the discussions of a repository, newest first.

    Args:
        number: of the page, from 0.
        kind: ``discussion``, ``pull_request`` or ``all``.
        status: ``open``, ``closed`` or ``all``.
    """
    query = pairs(p=number, type=kind, status=status, author=author)
    return Call("GET", repo_api(ref, "discussions"), _PAGE, query=query, subject=str(ref))


def details(ref: RepoRef, number: int, *, diff: bool = True) -> Call[ThreadDetails]:
    """A discussion with all that happened in it."""
    query = pairs(diff=1 if diff else None)
    return Call("GET", _path(ref, number), _DETAILS, query=query, subject=_subject(ref, number))


def create(ref: RepoRef, title: str, description: str, *, is_pull: bool = False) -> Call[MadeThread]:
    """Open a discussion, or a pull request as a draft."""
    return Call(
        "POST",
        repo_api(ref, "discussions"),
        without_nulls(MadeThread),
        body=json_body({"title": title, "description": description, "pullRequest": is_pull}),
        media_type=JSON,
        subject=str(ref),
    )


def comment(ref: RepoRef, number: int, text: str) -> Call[NewMessage]:
    """Say something in a discussion."""
    return Call(
        "POST",
        _path(ref, number, "comment"),
        without_nulls(NewMessage),
        body=json_body({"comment": text}),
        media_type=JSON,
        subject=_subject(ref, number),
    )


def edit_comment(ref: RepoRef, number: int, event: str, text: str) -> Call[UpdatedComment]:
    """Replace the text of a comment, which is named by the id of its event."""
    return Call(
        "POST",
        _path(ref, number, "comment", event, "edit"),
        without_nulls(UpdatedComment),
        body=json_body({"content": text}),
        media_type=JSON,
        subject=_subject(ref, number),
        is_repeatable=True,
    )


def hide_comment(ref: RepoRef, number: int, event: str) -> Call[UpdatedComment]:
    """Hide a comment; its text is lost."""
    path = _path(ref, number, "comment", event, "hide")
    return Call("POST", path, without_nulls(UpdatedComment), subject=_subject(ref, number), is_repeatable=True)


def rename(ref: RepoRef, number: int, title: str) -> Call[NewTitle]:
    """Give a discussion another title."""
    return Call(
        "POST",
        _path(ref, number, "title"),
        without_nulls(NewTitle),
        body=json_body({"title": title}),
        media_type=JSON,
        subject=_subject(ref, number),
    )


def change_status(ref: RepoRef, number: int, status: str, comment_text: str | None = None) -> Call[NewStatus]:
    """Open or close a discussion; opening a draft publishes it."""
    said = {"comment": comment_text} if comment_text else {}
    return Call(
        "POST",
        _path(ref, number, "status"),
        without_nulls(NewStatus),
        body=json_body({"status": status, **said}),
        media_type=JSON,
        subject=_subject(ref, number),
    )


def merge(ref: RepoRef, number: int, comment_text: str | None = None) -> Call[None]:
    """Merge a pull request."""
    return Call(
        "POST",
        _path(ref, number, "merge"),
        nothing,
        body=json_body({"comment": comment_text} if comment_text else {}),
        media_type=JSON,
        subject=_subject(ref, number),
    )


def _path(ref: RepoRef, number: int, *rest: str) -> str:
    return repo_api(ref, "discussions", str(number), *rest)


def _subject(ref: RepoRef, number: int) -> str:
    return f"discussion {number} of {ref}"

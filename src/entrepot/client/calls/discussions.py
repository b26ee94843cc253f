"""Calls about discussions and pull requests. Source: docs/protocols/hf_api.md, section 1B.1."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec

from entrepot.client.calls import JSON, Call, Response, json_body, nothing, pairs, repo_api, sparse_body, without_nulls
from entrepot.names import RepoRef
from entrepot.wire.community.discussions import (
    CommentResponse,
    DiscussionPage,
    EditedComment,
    MadeDiscussion,
    MergeRequest,
    MessageResponse,
    NewComment,
    NewDiscussion,
    NewStatus,
    NewTitle,
    ReceivedDetails,
    StatusResponse,
    TitleResponse,
)

T = TypeVar("T")

_Data = Mapping[str, Any]


_PAGE = without_nulls(DiscussionPage)
_DETAILS = without_nulls(ReceivedDetails)


def page(
    ref: RepoRef,
    number: int = 0,
    *,
    kind: str | None = None,
    status: str | None = None,
    author: str | None = None,
) -> Call[DiscussionPage]:
    """Build the call that returns a page of the discussions of a repository, newest first.

    Args:
        number: the number of the page, from 0.
        kind: ``discussion``, ``pull_request`` or ``all``.
        status: ``open``, ``closed`` or ``all``.
    """
    query = pairs(p=number, type=kind, status=status, author=author)
    return Call("GET", repo_api(ref, "discussions"), _PAGE, query=query, subject=str(ref))


def details(ref: RepoRef, number: int, *, diff: bool = True) -> Call[ReceivedDetails]:
    """Build the call that returns a discussion with all its events."""
    query = pairs(diff=1 if diff else None)
    return Call("GET", _path(ref, number), _DETAILS, query=query, subject=_subject(ref, number))


def create(ref: RepoRef, title: str, description: str, *, is_pull: bool = False) -> Call[MadeDiscussion]:
    """Build the call that opens a discussion, or a pull request as a draft."""
    return Call(
        "POST",
        repo_api(ref, "discussions"),
        without_nulls(MadeDiscussion),
        body=json_body(NewDiscussion(title=title, description=description, pull_request=is_pull)),
        media_type=JSON,
        subject=str(ref),
    )


def comment(ref: RepoRef, number: int, text: str) -> Call[MessageResponse[_Data]]:
    """Build the call that adds a comment to a discussion."""
    return _post(ref, number, ("comment",), NewComment(text), without_nulls(MessageResponse[_Data]))


def edit_comment(ref: RepoRef, number: int, event: str, text: str) -> Call[CommentResponse[_Data]]:
    """Build the call that replaces the text of a comment, which is identified by the id of its event."""
    return _post(
        ref,
        number,
        ("comment", event, "edit"),
        EditedComment(text),
        without_nulls(CommentResponse[_Data]),
        is_repeatable=True,
    )


def hide_comment(ref: RepoRef, number: int, event: str) -> Call[CommentResponse[_Data]]:
    """Build the call that hides a comment; its text is lost."""
    path = _path(ref, number, "comment", event, "hide")
    return Call("POST", path, without_nulls(CommentResponse[_Data]), subject=_subject(ref, number), is_repeatable=True)


def rename(ref: RepoRef, number: int, title: str) -> Call[TitleResponse[_Data]]:
    """Build the call that changes the title of a discussion."""
    return _post(ref, number, ("title",), NewTitle(title), without_nulls(TitleResponse[_Data]))


def change_status(
    ref: RepoRef, number: int, status: str, comment_text: str | None = None
) -> Call[StatusResponse[_Data]]:
    """Build the call that opens or closes a discussion; opening a draft publishes it."""
    return _post(
        ref, number, ("status",), NewStatus(status, comment_text or None), without_nulls(StatusResponse[_Data])
    )


def merge(ref: RepoRef, number: int, comment_text: str | None = None) -> Call[None]:
    """Build the call that merges a pull request."""
    return _post(ref, number, ("merge",), MergeRequest(comment_text or None), nothing)


def _post(
    ref: RepoRef,
    number: int,
    action: tuple[str, ...],
    body: msgspec.Struct,
    read: Callable[[Response], T],
    *,
    is_repeatable: bool = False,
) -> Call[T]:
    return Call(
        "POST",
        _path(ref, number, *action),
        read,
        body=sparse_body(body),
        media_type=JSON,
        subject=_subject(ref, number),
        is_repeatable=is_repeatable,
    )


def _path(ref: RepoRef, number: int, *rest: str) -> str:
    return repo_api(ref, "discussions", str(number), *rest)


def _subject(ref: RepoRef, number: int) -> str:
    return f"discussion {number} of {ref}"

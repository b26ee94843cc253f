"""Discussions and pull requests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from entrepot.client.calls import discussions
from entrepot.client.hubs import Hub
from entrepot.errors import InvalidArgument
from entrepot.hf.base import Base
from entrepot.hf.shapes.discussions import (
    Discussion,
    DiscussionComment,
    DiscussionStatusChange,
    DiscussionTitleChange,
    DiscussionWithDetails,
    comment_of,
    details_of,
    discussion_of,
    status_change_of,
    title_change_of,
)
from entrepot.names import RepoRef

_TYPES = ("all", "discussion", "pull_request")
_STATUSES = ("all", "open", "closed")


class Discussions(Base):
    """Methods about discussions; a pull request is one with commits. They raise NotFound for an unknown number."""

    def get_repo_discussions(
        self,
        repo_id: str,
        *,
        author: str | None = None,
        discussion_type: Literal["all", "discussion", "pull_request"] | None = None,
        discussion_status: Literal["all", "open", "closed"] | None = None,
        repo_type: str | None = None,
        token: str | bool | None = None,
    ) -> Iterator[Discussion]:
        """The discussions of a repository, newest first, a page at a time as they are needed.

        Raises:
            InvalidArgument: a type or status that there is not.
            RepoNotFound: as usual, at the first one.
        """
        if discussion_type is not None and discussion_type not in _TYPES:
            raise InvalidArgument(f"discussion_type must be one of {', '.join(_TYPES)}")
        if discussion_status is not None and discussion_status not in _STATUSES:
            raise InvalidArgument(f"discussion_status must be one of {', '.join(_STATUSES)}")
        ref, hub = self._wanted(repo_id, repo_type), self._hub(token)
        return _found(hub, ref, discussion_type, discussion_status, author)

    def get_discussion_details(
        self, repo_id: str, discussion_num: int, *, repo_type: str | None = None, token: str | bool | None = None
    ) -> DiscussionWithDetails:
        """A discussion with all that happened in it and, of a pull request, its diff."""
        hub = self._hub(token)
        call = discussions.details(self._wanted(repo_id, repo_type), _number(discussion_num))
        return details_of(hub.send(call), hub.endpoint)

    def create_discussion(
        self,
        repo_id: str,
        title: str,
        *,
        token: str | bool | None = None,
        description: str | None = None,
        repo_type: str | None = None,
        pull_request: bool = False,
    ) -> DiscussionWithDetails:
        """Open a discussion.

        Args:
            title: 3 to 200 characters.
            pull_request: open a pull request as a draft instead; push to its ``git_reference``.

        Raises:
            Invalid: the title is too short or too long.
            TokenMissing: nobody is logged in.
        """
        ref, hub = self._changed(repo_id, repo_type, token), self._hub(token)
        hub.need_token()
        kind = "pull request" if pull_request else "discussion"
        text = description if description is not None else f"This {kind} was opened by a program."
        made = hub.send(discussions.create(ref, title.strip(), text, is_pull=pull_request))
        return details_of(hub.send(discussions.details(ref, made.num)), hub.endpoint)

    def create_pull_request(
        self,
        repo_id: str,
        title: str,
        *,
        token: str | bool | None = None,
        description: str | None = None,
        repo_type: str | None = None,
    ) -> DiscussionWithDetails:
        """Open a pull request without changes, as a draft; publish it with ``change_discussion_status(…, "open")``."""
        return self.create_discussion(
            repo_id, title, token=token, description=description, repo_type=repo_type, pull_request=True
        )

    def comment_discussion(
        self,
        repo_id: str,
        discussion_num: int,
        comment: str,
        *,
        token: str | bool | None = None,
        repo_type: str | None = None,
    ) -> DiscussionComment:
        """Say something in a discussion."""
        call = discussions.comment(self._changed(repo_id, repo_type, token), _number(discussion_num), comment)
        return comment_of(self._hub(token).send(call).new_message)

    def edit_discussion_comment(
        self,
        repo_id: str,
        discussion_num: int,
        comment_id: str,
        new_content: str,
        *,
        token: str | bool | None = None,
        repo_type: str | None = None,
    ) -> DiscussionComment:
        """Replace the text of a comment.

        Raises:
            Forbidden: it is somebody else's.
        """
        ref = self._changed(repo_id, repo_type, token)
        call = discussions.edit_comment(ref, _number(discussion_num), comment_id, new_content)
        return comment_of(self._hub(token).send(call).updated_comment)

    def hide_discussion_comment(
        self,
        repo_id: str,
        discussion_num: int,
        comment_id: str,
        *,
        token: str | bool | None = None,
        repo_type: str | None = None,
    ) -> DiscussionComment:
        """Hide a comment; its text is lost for good.

        Raises:
            Forbidden: it is somebody else's.
        """
        call = discussions.hide_comment(self._changed(repo_id, repo_type, token), _number(discussion_num), comment_id)
        return comment_of(self._hub(token).send(call).updated_comment)

    def rename_discussion(
        self,
        repo_id: str,
        discussion_num: int,
        new_title: str,
        *,
        token: str | bool | None = None,
        repo_type: str | None = None,
    ) -> DiscussionTitleChange:
        """Give a discussion another title of 3 to 200 characters."""
        call = discussions.rename(self._changed(repo_id, repo_type, token), _number(discussion_num), new_title)
        return title_change_of(self._hub(token).send(call).new_title)

    def change_discussion_status(
        self,
        repo_id: str,
        discussion_num: int,
        new_status: Literal["open", "closed"],
        *,
        token: str | bool | None = None,
        comment: str | None = None,
        repo_type: str | None = None,
    ) -> DiscussionStatusChange:
        """Open or close a discussion, perhaps with a comment; opening a draft publishes it.

        Raises:
            InvalidArgument: another status.
            Forbidden, Conflict: the hub refuses.
        """
        if new_status not in ("open", "closed"):
            raise InvalidArgument("new_status must be open or closed")
        ref = self._changed(repo_id, repo_type, token)
        call = discussions.change_status(ref, _number(discussion_num), new_status, comment)
        return status_change_of(self._hub(token).send(call).new_status)

    def merge_pull_request(
        self,
        repo_id: str,
        discussion_num: int,
        *,
        token: str | bool | None = None,
        comment: str | None = None,
        repo_type: str | None = None,
    ) -> None:
        """Merge a pull request, perhaps with a comment.

        Raises:
            Conflict, Invalid: it is a draft, or its changes do not fit any more.
            Forbidden: the token may not write to the branch it goes into.
        """
        call = discussions.merge(self._changed(repo_id, repo_type, token), _number(discussion_num), comment)
        self._hub(token).send(call)


def _found(hub: Hub, ref: RepoRef, kind: str | None, status: str | None, author: str | None) -> Iterator[Discussion]:
    number = 0
    while True:
        page = hub.send(discussions.page(ref, number, kind=kind, status=status, author=author))
        for thread in page.discussions:
            yield discussion_of(thread, hub.endpoint)
        if not page.discussions or page.start + len(page.discussions) >= page.count:
            return
        number += 1


def _number(value: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        raise InvalidArgument("discussion_num must be a whole number above 0")
    return value

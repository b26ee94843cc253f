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
    """Methods for discussions and pull requests. They raise NotFound for an unknown number."""

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
        """List the discussions and pull requests of a repository, newest first; pages are fetched as needed.

        Args:
            author: only discussions opened by this user.
            discussion_type: ``discussion`` or ``pull_request``; None or ``all`` returns both.
            discussion_status: ``open`` or ``closed``; None or ``all`` returns both.

        Raises:
            InvalidArgument: unknown type or status.
            RepoNotFound: the repository does not exist; raised by the first iteration.
        """
        if discussion_type is not None and discussion_type not in _TYPES:
            raise InvalidArgument(f"discussion_type must be one of {', '.join(_TYPES)}")
        if discussion_status is not None and discussion_status not in _STATUSES:
            raise InvalidArgument(f"discussion_status must be one of {', '.join(_STATUSES)}")
        ref, hub = self._repo_to_read(repo_id, repo_type), self._hub(token)
        return _found(hub, ref, discussion_type, discussion_status, author)

    def get_discussion_details(
        self, repo_id: str, discussion_num: int, *, repo_type: str | None = None, token: str | bool | None = None
    ) -> DiscussionWithDetails:
        """Return a discussion with all its events and, for a pull request, its diff."""
        hub = self._hub(token)
        call = discussions.details(self._repo_to_read(repo_id, repo_type), _number(discussion_num))
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
            pull_request: open a draft pull request instead; push commits to its ``git_reference``.

        Raises:
            Invalid: the title is too short or too long.
            TokenMissing: no token is known.
        """
        ref, hub = self._repo_to_change(repo_id, repo_type, token), self._hub(token)
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
        """Open an empty draft pull request; publish it with ``change_discussion_status(…, "open")``."""
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
        """Post a comment in a discussion."""
        call = discussions.comment(self._repo_to_change(repo_id, repo_type, token), _number(discussion_num), comment)
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
            Forbidden: the comment belongs to another user.
        """
        ref = self._repo_to_change(repo_id, repo_type, token)
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
        """Hide a comment; its text is deleted and cannot be restored.

        Raises:
            Forbidden: the comment belongs to another user.
        """
        call = discussions.hide_comment(
            self._repo_to_change(repo_id, repo_type, token), _number(discussion_num), comment_id
        )
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
        """Change the title of a discussion.

        Args:
            new_title: 3 to 200 characters.
        """
        call = discussions.rename(self._repo_to_change(repo_id, repo_type, token), _number(discussion_num), new_title)
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
        """Open or close a discussion; opening a draft pull request publishes it.

        Args:
            comment: a comment to post with the change.

        Raises:
            InvalidArgument: ``new_status`` is neither ``open`` nor ``closed``.
            Forbidden, Conflict: the hub refuses the change.
        """
        if new_status not in ("open", "closed"):
            raise InvalidArgument("new_status must be open or closed")
        ref = self._repo_to_change(repo_id, repo_type, token)
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
        """Merge a pull request.

        Args:
            comment: a comment to post with the merge.

        Raises:
            Conflict, Invalid: the pull request is a draft, or its changes conflict with the target branch.
            Forbidden: the token has no write access to the target branch.
        """
        call = discussions.merge(self._repo_to_change(repo_id, repo_type, token), _number(discussion_num), comment)
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

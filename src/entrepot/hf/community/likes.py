"""Methods for likes."""

from __future__ import annotations

from collections.abc import Iterator

from entrepot.client.calls import accounts, likes
from entrepot.hf.base import Base
from entrepot.hf.shapes.accounts import User, person_of
from entrepot.hf.shapes.community import UserLikes, likes_of


class Likes(Base):
    """Methods for likes. They raise RepoNotFound if the repository does not exist."""

    def like(self, repo_id: str, *, token: str | bool | None = None, repo_type: str | None = None) -> None:
        """Like a repository; does nothing if the caller likes it already."""
        self._hub(token).send(likes.add(self._repo_to_change(repo_id, repo_type, token)))

    def unlike(self, repo_id: str, *, token: str | bool | None = None, repo_type: str | None = None) -> None:
        """Remove a like; does nothing if there is none."""
        self._hub(token).send(likes.remove(self._repo_to_change(repo_id, repo_type, token)))

    def list_repo_likers(
        self, repo_id: str, *, repo_type: str | None = None, token: str | bool | None = None
    ) -> Iterator[User]:
        """List the users who like a repository."""
        return map(person_of, self._hub(token).pages(likes.likers(self._repo_to_read(repo_id, repo_type))))

    def list_liked_repos(self, user: str | None = None, *, token: str | bool | None = None) -> UserLikes:
        """Return the public repositories that a user likes.

        Args:
            user: the username; None is the caller.

        Raises:
            TokenMissing: no user was passed, and no token is known.
        """
        hub = self._hub(token)
        if user is None:
            hub.need_token()
            user = hub.send(accounts.whoami()).name
        return likes_of(user, list(hub.pages(likes.liked_by(user))))

"""Likes."""

from __future__ import annotations

from collections.abc import Iterator

from entrepot.client.calls import accounts, likes
from entrepot.hf.base import Base
from entrepot.hf.shapes.accounts import User, person_of
from entrepot.hf.shapes.community import UserLikes, likes_of


class Likes(Base):
    """Methods about likes. They raise RepoNotFound as usual."""

    def like(self, repo_id: str, *, token: str | bool | None = None, repo_type: str | None = None) -> None:
        """Like a repository; liking it again changes nothing."""
        self._hub(token).send(likes.add(self._changed(repo_id, repo_type, token)))

    def unlike(self, repo_id: str, *, token: str | bool | None = None, repo_type: str | None = None) -> None:
        """Take a like back; it need not be there."""
        self._hub(token).send(likes.remove(self._changed(repo_id, repo_type, token)))

    def list_repo_likers(
        self, repo_id: str, *, repo_type: str | None = None, token: str | bool | None = None
    ) -> Iterator[User]:
        """Who likes a repository."""
        return map(person_of, self._hub(token).pages(likes.likers(self._wanted(repo_id, repo_type))))

    def list_liked_repos(self, user: str | None = None, *, token: str | bool | None = None) -> UserLikes:
        """What a user (None: the caller) likes; private repositories are never among it.

        Raises:
            TokenMissing: neither a user nor a token is known.
        """
        hub = self._hub(token)
        if user is None:
            hub.need_token()
            user = hub.send(accounts.whoami()).name
        return likes_of(user, list(hub.pages(likes.liked_by(user))))

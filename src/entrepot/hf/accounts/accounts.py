"""Who is asking, and who else there is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from entrepot.client.calls import accounts
from entrepot.errors import InvalidCredentials
from entrepot.hf.base import Base
from entrepot.hf.shapes.accounts import Organization, RepoStorageInfo, User, org_of, person_of, storage_of, user_of


class Accounts(Base):
    """Methods about users and organisations."""

    def whoami(self, token: str | bool | None = None, *, cache: bool = False) -> dict[str, Any]:
        """The caller as the hub describes it: ``name``, ``fullname``, ``orgs``, ``auth`` and more.

        Args:
            cache: accepted for compatibility; the hub is always asked.

        Raises:
            TokenMissing: no token is known.
            InvalidCredentials: the hub does not know the token.
        """
        hub = self._hub(token)
        hub.need_token()
        return hub.send(accounts.whoami_document())

    def get_token_permission(self, token: str | bool | None = None) -> str | None:
        """What the token may do: ``read``, ``write`` or ``fineGrained``; None: the hub does not know it.

        Raises:
            TokenMissing: no token is known.
        """
        try:
            access = self.whoami(token).get("auth", {}).get("accessToken", {})
        except InvalidCredentials:
            return None
        role = access.get("role")
        return str(role) if role is not None else None

    def get_full_repo_name(
        self, model_id: str, *, organization: str | None = None, token: str | bool | None = None
    ) -> str:
        """``namespace/name`` of a repository of the organisation or, without one, of the caller."""
        if "/" in model_id:
            return model_id
        return f"{organization or self.whoami(token)['name']}/{model_id}"

    def get_user_overview(self, username: str, token: str | bool | None = None) -> User:
        """A user's page.

        Raises:
            NotFound: nobody has this name.
        """
        return user_of(self._hub(token).send(accounts.user(username)))

    def get_organization_overview(self, organization: str, token: str | bool | None = None) -> Organization:
        """An organisation's page.

        Raises:
            NotFound: none has this name.
        """
        return org_of(self._hub(token).send(accounts.org(organization)))

    def list_organization_members(self, organization: str, token: str | bool | None = None) -> Iterator[User]:
        """Who belongs to an organisation."""
        return map(person_of, self._hub(token).pages(accounts.members(organization)))

    def list_organization_followers(self, organization: str, token: str | bool | None = None) -> Iterator[User]:
        """Who follows an organisation."""
        return map(person_of, self._hub(token).pages(accounts.org_followers(organization)))

    def list_user_followers(self, username: str, token: str | bool | None = None) -> Iterator[User]:
        """Who follows a user."""
        return map(person_of, self._hub(token).pages(accounts.followers(username)))

    def list_user_following(self, username: str, token: str | bool | None = None) -> Iterator[User]:
        """Whom a user follows."""
        return map(person_of, self._hub(token).pages(accounts.following(username)))

    def list_user_repos(
        self, namespace: str | None = None, *, token: str | bool | None = None
    ) -> Iterator[RepoStorageInfo]:
        """The repositories of an organisation (None: of the caller) with the bytes they take.

        Raises:
            Unauthenticated: nobody is logged in.
            Forbidden, NotFound: the caller does not belong to the organisation, or there is none.
        """
        return map(storage_of, self._hub(token).pages(accounts.storage(namespace)))

    def get_model_tags(self) -> dict[str, Any]:
        """All tags of models, by kind."""
        return self._hub().send(accounts.tags_by_type("models"))

    def get_dataset_tags(self) -> dict[str, Any]:
        """All tags of datasets, by kind."""
        return self._hub().send(accounts.tags_by_type("datasets"))

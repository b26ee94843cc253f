"""The caller's account, and other users and organisations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from entrepot.client.calls import accounts
from entrepot.errors import InvalidCredentials
from entrepot.hf.base import Base
from entrepot.hf.shapes.accounts import Organization, RepoStorageInfo, User, org_of, person_of, storage_of, user_of


class Accounts(Base):
    """Methods for users and organisations."""

    def whoami(self, token: str | bool | None = None, *, cache: bool = False) -> dict[str, Any]:
        """Return the caller's account: ``name``, ``fullname``, ``orgs``, ``auth`` and more.

        Args:
            cache: accepted for compatibility; the hub is always asked.

        Raises:
            TokenMissing: no token is known.
            InvalidCredentials: the token is invalid.
        """
        hub = self._hub(token)
        hub.need_token()
        return dict(hub.send(accounts.whoami_document()))

    def get_token_permission(self, token: str | bool | None = None) -> str | None:
        """Return the role of the token, ``read``, ``write`` or ``fineGrained``; None if the token is invalid.

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
        """Return ``namespace/name`` for a repository of the organisation, or of the caller if it is None."""
        if "/" in model_id:
            return model_id
        return f"{organization or self.whoami(token)['name']}/{model_id}"

    def get_user_overview(self, username: str, token: str | bool | None = None) -> User:
        """Return the profile of a user.

        Raises:
            NotFound: the user does not exist.
        """
        return user_of(self._hub(token).send(accounts.user(username)))

    def get_organization_overview(self, organization: str, token: str | bool | None = None) -> Organization:
        """Return the profile of an organisation.

        Raises:
            NotFound: the organisation does not exist.
        """
        return org_of(self._hub(token).send(accounts.org(organization)))

    def list_organization_members(self, organization: str, token: str | bool | None = None) -> Iterator[User]:
        """List the members of an organisation."""
        return map(person_of, self._hub(token).pages(accounts.members(organization)))

    def list_organization_followers(self, organization: str, token: str | bool | None = None) -> Iterator[User]:
        """List the users who follow an organisation."""
        return map(person_of, self._hub(token).pages(accounts.org_followers(organization)))

    def list_user_followers(self, username: str, token: str | bool | None = None) -> Iterator[User]:
        """List the users who follow a user."""
        return map(person_of, self._hub(token).pages(accounts.followers(username)))

    def list_user_following(self, username: str, token: str | bool | None = None) -> Iterator[User]:
        """List the users whom a user follows."""
        return map(person_of, self._hub(token).pages(accounts.following(username)))

    def list_user_repos(
        self, namespace: str | None = None, *, token: str | bool | None = None
    ) -> Iterator[RepoStorageInfo]:
        """List the repositories of an organisation with the storage they use.

        Args:
            namespace: the organisation; None is the caller.

        Raises:
            Unauthenticated: no token is known.
            Forbidden: the caller is not a member of the organisation.
            NotFound: the organisation does not exist.
        """
        return map(storage_of, self._hub(token).pages(accounts.storage(namespace)))

    def get_model_tags(self) -> dict[str, Any]:
        """Return all tags of models, by kind."""
        return dict(self._hub().send(accounts.tags_by_type("models")))

    def get_dataset_tags(self) -> dict[str, Any]:
        """Return all tags of datasets, by kind."""
        return dict(self._hub().send(accounts.tags_by_type("datasets")))

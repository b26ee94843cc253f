"""Requests for access to gated repositories."""

from __future__ import annotations

from collections.abc import Iterator

from entrepot.client.calls import access
from entrepot.errors import InvalidArgument
from entrepot.hf.base import Base
from entrepot.hf.shapes.community import AccessRequest, request_of


class Access(Base):
    """Methods about access requests, for those who may write to the repository.

    All raise RepoNotFound as usual, and Forbidden to others; those that decide
    raise NotFound when there is no such request, or it is decided that way.
    """

    def list_pending_access_requests(
        self, repo_id: str, *, repo_type: str | None = None, token: str | bool | None = None
    ) -> Iterator[AccessRequest]:
        """Requests that nobody has decided."""
        return self._requests(repo_id, "pending", repo_type, token)

    def list_accepted_access_requests(
        self, repo_id: str, *, repo_type: str | None = None, token: str | bool | None = None
    ) -> Iterator[AccessRequest]:
        """Requests of those who have access."""
        return self._requests(repo_id, "accepted", repo_type, token)

    def list_rejected_access_requests(
        self, repo_id: str, *, repo_type: str | None = None, token: str | bool | None = None
    ) -> Iterator[AccessRequest]:
        """Requests that were refused."""
        return self._requests(repo_id, "rejected", repo_type, token)

    def cancel_access_request(
        self,
        repo_id: str,
        user: str | None = None,
        *,
        request_id: str | None = None,
        repo_type: str | None = None,
        token: str | bool | None = None,
    ) -> None:
        """Make a decided request pending again; it is named by its user or its id."""
        self._decide(repo_id, "pending", user, request_id, repo_type, token)

    def accept_access_request(
        self,
        repo_id: str,
        user: str | None = None,
        *,
        request_id: str | None = None,
        repo_type: str | None = None,
        token: str | bool | None = None,
    ) -> None:
        """Let somebody read who asked; named by user or id of the request."""
        self._decide(repo_id, "accepted", user, request_id, repo_type, token)

    def reject_access_request(
        self,
        repo_id: str,
        user: str | None = None,
        *,
        request_id: str | None = None,
        repo_type: str | None = None,
        rejection_reason: str | None = None,
        token: str | bool | None = None,
    ) -> None:
        """Refuse a request, perhaps with a reason; named by its user or its id."""
        self._decide(repo_id, "rejected", user, request_id, repo_type, token, reason=rejection_reason)

    def grant_access(
        self, repo_id: str, user: str, *, repo_type: str | None = None, token: str | bool | None = None
    ) -> None:
        """Let somebody read who has not asked.

        Raises:
            Invalid: the repository is not gated, or the user has access.
            NotFound: there is no such user.
        """
        self._hub(token).send(access.grant(self._changed(repo_id, repo_type, token), user))

    def _requests(
        self, repo_id: str, status: str, repo_type: str | None, token: str | bool | None
    ) -> Iterator[AccessRequest]:
        return map(request_of, self._hub(token).pages(access.page(self._changed(repo_id, repo_type, token), status)))

    def _decide(
        self,
        repo_id: str,
        status: str,
        user: str | None,
        request_id: str | None,
        repo_type: str | None,
        token: str | bool | None,
        *,
        reason: str | None = None,
    ) -> None:
        if (user is None) == (request_id is None):
            raise InvalidArgument("name the request by either user or request_id")
        ref = self._changed(repo_id, repo_type, token)
        self._hub(token).send(access.decide(ref, status, user=user, request_id=request_id, reason=reason))

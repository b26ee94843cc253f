"""Requests for access to gated repositories."""

from __future__ import annotations

from collections.abc import Iterator

from entrepot.client.calls import access
from entrepot.errors import InvalidArgument
from entrepot.hf.base import Base
from entrepot.hf.shapes.community import AccessRequest, request_of


class Access(Base):
    """Methods for access requests of gated repositories; all need write access to the repository.

    All raise RepoNotFound if the repository does not exist or is not visible to the caller, and Forbidden
    without write access. Methods that decide a request raise NotFound if the request does not exist
    or has that status already.
    """

    def list_pending_access_requests(
        self, repo_id: str, *, repo_type: str | None = None, token: str | bool | None = None
    ) -> Iterator[AccessRequest]:
        """List access requests that are waiting for a decision."""
        return self._requests(repo_id, "pending", repo_type, token)

    def list_accepted_access_requests(
        self, repo_id: str, *, repo_type: str | None = None, token: str | bool | None = None
    ) -> Iterator[AccessRequest]:
        """List accepted access requests, one for each user with access."""
        return self._requests(repo_id, "accepted", repo_type, token)

    def list_rejected_access_requests(
        self, repo_id: str, *, repo_type: str | None = None, token: str | bool | None = None
    ) -> Iterator[AccessRequest]:
        """List rejected access requests."""
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
        """Set an accepted or rejected access request back to pending.

        Args:
            user: the username of the requester.
            request_id: the id of the request; pass either this or ``user``.
        """
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
        """Accept an access request: its user can read the content of the repository.

        Args:
            user: the username of the requester.
            request_id: the id of the request; pass either this or ``user``.
        """
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
        """Reject an access request.

        Args:
            user: the username of the requester.
            request_id: the id of the request; pass either this or ``user``.
            rejection_reason: a message for the requester; None sends none.
        """
        self._decide(repo_id, "rejected", user, request_id, repo_type, token, reason=rejection_reason)

    def grant_access(
        self, repo_id: str, user: str, *, repo_type: str | None = None, token: str | bool | None = None
    ) -> None:
        """Give a user access to a gated repository without a request.

        Raises:
            Invalid: the repository is not gated, or the user has access already.
            NotFound: the user does not exist.
        """
        self._hub(token).send(access.grant(self._repo_to_change(repo_id, repo_type, token), user))

    def _requests(
        self, repo_id: str, status: str, repo_type: str | None, token: str | bool | None
    ) -> Iterator[AccessRequest]:
        return map(
            request_of, self._hub(token).pages(access.page(self._repo_to_change(repo_id, repo_type, token), status))
        )

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
        ref = self._repo_to_change(repo_id, repo_type, token)
        self._hub(token).send(access.decide(ref, status, user=user, request_id=request_id, reason=reason))

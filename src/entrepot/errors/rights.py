"""Errors about who the caller is and what it may do.

To add an error, list it in ``entrepot.errors`` too.
"""

# `message` is documented once, at the root of the tree:
# ruff: noqa: D102

from __future__ import annotations

import attrs

from entrepot.errors.base import Forbidden, Invalid, Unauthenticated, Unavailable


@attrs.define
class InvalidCredentials(Unauthenticated):
    """A token was sent, but it is unknown, expired or revoked."""

    @property
    def message(self) -> str:
        # With any other text, clients report a missing repository instead.
        return "Invalid credentials in Authorization header"


@attrs.define
class AccountSuspended(Forbidden):
    """The caller's account is suspended."""

    @property
    def message(self) -> str:
        return "This account is suspended: ask an administrator of the hub"


@attrs.define
class LoginRequired(Unauthenticated):
    """The call needs an authenticated caller, but the request is anonymous."""

    @property
    def message(self) -> str:
        return "Invalid username or password."


@attrs.define
class WrongPassword(Unauthenticated):
    """A sign-in names no user, or not the user's password; it does not say which."""

    @property
    def message(self) -> str:
        return "name or password is wrong"


@attrs.define
class OAuthRefused(Invalid):
    """The OAuth endpoints refuse a request; ``code`` is the word for programs, ``reason`` a sentence for people."""

    code: str
    reason: str

    @property
    def message(self) -> str:
        return self.reason


@attrs.define
class IssuerUnavailable(Unavailable):
    """An issuer of tokens cannot be asked, or does not answer as it should."""

    reason: str

    @property
    def message(self) -> str:
        return self.reason


@attrs.define
class InvalidUserCode(Invalid):
    """No program waits to be signed in with the code that a user has typed."""

    @property
    def message(self) -> str:
        return "no program waits with this code: it is mistyped, used or expired; start again in the program"


@attrs.define
class TooManyWaiting(Unavailable):
    """Too many programs wait to be signed in."""

    most: int
    where: str

    @property
    def message(self) -> str:
        return f"{self.most:,} programs wait to be signed in {self.where} already; try again in some minutes"


@attrs.define
class InvalidSignature(Forbidden):
    """A signed URL is expired, altered, or used for another purpose than it was signed for."""

    reason: str

    @property
    def message(self) -> str:
        return f"this signed URL cannot be used: {self.reason}; ask the hub for a new one"


@attrs.define
class NotAllowed(Forbidden):
    """The caller lacks a right; ``reason`` is one whole sentence."""

    reason: str

    @property
    def message(self) -> str:
        return self.reason


@attrs.define
class GatedRepo(Forbidden):
    """The repository is gated: its metadata is public, but its content needs an accepted access request."""

    repo: str
    kind: str
    anonymous: bool
    request: str | None = None
    """The status of the caller's own request: ``pending``, ``rejected``, or None without a request."""

    @property
    def message(self) -> str:
        if self.anonymous:
            return (
                f"Access to {self.kind} {self.repo} is restricted. You must have access to it and be "
                "authenticated to access it. Please log in."
            )
        if self.request == "pending":
            return f"Your request to access {self.kind} {self.repo} is awaiting a review from the repo authors."
        if self.request == "rejected":
            return f"Your request to access {self.kind} {self.repo} has been rejected by the repo's authors."
        return (
            f"Access to {self.kind} {self.repo} is restricted and you are not in the authorized list. "
            "Visit its page to ask for access."
        )


@attrs.define
class RepoDisabled(Forbidden):
    """An administrator has disabled the repository."""

    @property
    def message(self) -> str:
        return "Access to this resource is disabled."

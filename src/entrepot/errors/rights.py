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
class SecondFactorNeeded(Unauthenticated):
    """The password is right, and the account has a second factor; ``proof`` is what the second step has to present."""

    proof: str = attrs.field(repr=False)

    @property
    def message(self) -> str:
        return "this account has two-step sign-in: a code is needed too"


@attrs.define
class WrongCode(Unauthenticated):
    """A code of a second factor is wrong, was used, or is too old; it does not say which."""

    @property
    def message(self) -> str:
        return "this code is wrong, was used already, or is too old: wait for the next one that the app shows"


@attrs.define
class CodesPaused(Unauthenticated):
    """There were too many wrong codes for an account, from any address."""

    wait_s: int

    @property
    def message(self) -> str:
        return (
            f"too many wrong codes were entered for this account: wait {self.wait_s:,} seconds, or use a recovery code"
        )


@attrs.define
class StepExpired(Unauthenticated):
    """What was begun with a password or a passkey has expired, was finished, or is not of this browser."""

    @property
    def message(self) -> str:
        return "this step has expired, or belongs to another sign-in; start again"


@attrs.define
class PasskeyRefused(Unauthenticated):
    """No account can be opened with this passkey; the message does not say why."""

    @property
    def message(self) -> str:
        return "this passkey is not known here, or its response is invalid; try again, or use a password"


@attrs.define
class SecondFactorMissing(Forbidden):
    """The hub requires a second factor, and the caller's account has none."""

    @property
    def message(self) -> str:
        return (
            "this hub requires a second factor, and this account has none: sign in with a browser, and set up "
            "two-step sign-in or a passkey under Settings, Security; then tokens of the account are accepted again"
        )


@attrs.define
class PasskeyNeeded(Unauthenticated):
    """The password is right, but it is not enough for an account whose only second factor is a passkey."""

    @property
    def message(self) -> str:
        return (
            "this hub requires a second factor, so the password alone does not open this account: sign in with your "
            "passkey, or ask an administrator of the hub to reset it if it is lost"
        )


@attrs.define
class ConfirmationNeeded(Forbidden):
    """A change needs a user who has confirmed their identity recently."""

    @property
    def message(self) -> str:
        return "this needs a sign-in within the last hour: confirm that it is you, then send this form again"


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
    """An issuer of tokens cannot be reached, or its answer is invalid."""

    reason: str

    @property
    def message(self) -> str:
        return self.reason


@attrs.define
class InvalidUserCode(Invalid):
    """No program waits to be signed in with the code that a user has typed."""

    @property
    def message(self) -> str:
        return "no program is waiting with this code: it is mistyped, used or expired; start again in the program"


@attrs.define
class TooManyWaiting(Unavailable):
    """Too many programs wait to be signed in."""

    most: int
    where: str

    @property
    def message(self) -> str:
        return f"{self.most:,} programs wait to be signed in {self.where} already; try again in a few minutes"


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
class RepoArchived(NotAllowed):
    """The repository is archived: it can be read, and nothing in it can be changed."""

    @classmethod
    def of(cls, kind: str, repo: str) -> RepoArchived:
        """Return the error about a repository."""
        return cls(
            f"The {kind} {repo} is archived: it can be read, but nothing in it can be changed "
            f"until an admin of {repo.partition('/')[0]} unarchives it in its settings"
        )


@attrs.define
class GatedRepo(Forbidden):
    """The repository is gated: its metadata is public, but its content needs an accepted access request."""

    repo: str
    kind: str
    anonymous: bool
    request: str | None = None
    """The status of the caller's own request: ``pending``, ``rejected``, or None if there is no request."""
    hub_url: str = ""
    """The URL of the hub as the client knows it; empty if it is not known."""

    @property
    def page(self) -> str:
        """The page on which users ask for access, as a URL, or as a path if the URL of the hub is not known."""
        prefix = "" if self.kind == "model" else f"{self.kind}s/"
        return f"{self.hub_url}/{prefix}{self.repo}/access"

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
            f"Visit {self.page} to ask for access."
        )


@attrs.define
class RepoDisabled(Forbidden):
    """An administrator has disabled the repository."""

    @property
    def message(self) -> str:
        return "Access to this resource is disabled."

"""Errors about things that are absent, or invisible to the caller.

To add an error, list it in ``entrepot.errors`` too.
"""

# `message` is documented once, at the root of the tree:
# ruff: noqa: D102

from __future__ import annotations

import attrs

from entrepot.errors.base import NotFound, shown


@attrs.define
class RepoNotFound(NotFound):
    """No such repository, or none that this caller may know of."""

    anonymous: bool = False

    @property
    def message(self) -> str:
        return "Invalid username or password." if self.anonymous else "Repository not found"


@attrs.define
class RevisionNotFound(NotFound):
    """The repository has no such branch, tag or commit."""

    revision: str

    @property
    def message(self) -> str:
        return f"Invalid rev id: {shown(self.revision, quote=False)}"


@attrs.define(slots=False)  # so that what is absent on this computer can be a FileNotFoundError too
class EntryNotFound(NotFound):
    """The revision exists, the path in it does not."""

    path: str
    commit: str | None = None
    reason: str = "Entry not found"

    @property
    def message(self) -> str:
        return self.reason


@attrs.define
class AccountNotFound(NotFound):
    """No user or organisation has this name; ``kind`` says which of them was meant."""

    name: str
    kind: str = "user or organisation"

    @property
    def message(self) -> str:
        return f"no {self.kind} is called {shown(self.name)}"


@attrs.define
class ThingNotFound(NotFound):
    """Something else that was named does not exist (a token, a job, an upload)."""

    what: str
    value: str

    @property
    def message(self) -> str:
        return f"no {self.what} {shown(self.value)} here"


@attrs.define
class RepoMoved(NotFound):
    """The repository has a new name; doors answer with a redirect."""

    old: str
    new: str

    @property
    def message(self) -> str:
        return f"{self.old} has moved to {self.new}"


@attrs.define
class NotOffered(NotFound):
    """The public hub has this service, this one has not; ``what`` is its name, in the plural."""

    what: str

    @property
    def message(self) -> str:
        return f"{self.what} are not offered by this hub"

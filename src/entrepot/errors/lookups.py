"""Errors about things that are absent, or that the caller may not see.

To add an error, list it in ``entrepot.errors`` too.
"""

# `message` is documented once, at the root of the tree:
# ruff: noqa: D102

from __future__ import annotations

import attrs

from entrepot.errors.base import NotFound, shown


@attrs.define
class RepoNotFound(NotFound):
    """The repository does not exist, or the caller may not know that it does."""

    anonymous: bool = False

    @property
    def message(self) -> str:
        return "Invalid username or password." if self.anonymous else "Repository not found"


@attrs.define
class RepoTypeNotOffered(RepoNotFound):
    """The repository is of a type that the public hub has and this hub does not; ``plural`` names the type."""

    plural: str = "repositories of this type"

    @property
    def message(self) -> str:
        return f"{self.plural} are not offered by this hub"


@attrs.define
class RevisionNotFound(NotFound):
    """The repository has no such branch, tag or commit."""

    revision: str

    @property
    def message(self) -> str:
        return f"Invalid rev id: {shown(self.revision, quote=False)}"


@attrs.define(slots=False)  # lets subclasses derive from FileNotFoundError as well
class EntryNotFound(NotFound):
    """The revision exists, but the path does not exist in it."""

    path: str
    commit: str | None = None
    reason: str = "Entry not found"

    @property
    def message(self) -> str:
        return self.reason


@attrs.define
class AccountNotFound(NotFound):
    """No user or organisation has this name; ``kind`` says which of the two was looked up."""

    name: str
    kind: str = "user or organisation"

    @property
    def message(self) -> str:
        return f"no {self.kind} is called {shown(self.name)}"


@attrs.define
class ThingNotFound(NotFound):
    """A named thing of another kind (a token, a job, an upload) does not exist; ``what`` is the kind."""

    what: str
    value: str

    @property
    def message(self) -> str:
        return f"no {self.what} {shown(self.value)} here"


@attrs.define
class GrantNotFound(NotFound):
    """A folder is not shared with this user, organisation or everyone."""

    folder: str
    subject: str

    @property
    def message(self) -> str:
        return f"no grant {shown(f'{self.folder} to {self.subject}')} here"


@attrs.define
class RepoMoved(NotFound):
    """The repository has a new name; the server answers with a redirect."""

    old: str
    new: str

    @property
    def message(self) -> str:
        return f"{self.old} has moved to {self.new}"


@attrs.define
class NotOffered(NotFound):
    """The public hub has this service, this hub does not; ``what`` is its name, in the plural; ``cure``: what to do."""

    what: str
    cure: str = ""

    @property
    def message(self) -> str:
        return f"{self.what} are not offered by this hub" + (f"; {self.cure}" if self.cure else "")


@attrs.define
class SplitNotFound(NotFound):
    """A dataset has no configuration or split of this name."""

    what: str
    name: str
    known: tuple[str, ...]

    @property
    def message(self) -> str:
        return f"the dataset has no {self.what} {shown(self.name)}; it has {', '.join(self.known[:20]) or 'none'}"

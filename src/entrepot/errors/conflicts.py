"""Errors about changes that the current state forbids.

To add an error, list it in ``entrepot.errors`` too.
"""

# `message` is documented once, at the root of the tree:
# ruff: noqa: D102

from __future__ import annotations

from typing import Literal

import attrs

from entrepot.errors.base import Conflict, shown


@attrs.define
class AlreadyExists(Conflict):
    """The name is taken; ``subject`` is the whole sentence shown."""

    subject: str
    url: str | None = None

    @property
    def message(self) -> str:
        return self.subject


@attrs.define
class BranchMoved(Conflict):
    """The pinned parent is no longer the head of the branch."""

    branch: str
    changed: tuple[str, ...] = ()

    @property
    def message(self) -> str:
        # The test suites of both client generations assert on one of these sentences each.
        text = (
            "The branch was updated since you opened this page. Please refresh and try again. "
            "A commit has happened since. Please refresh and try again."
        )
        if not self.changed:
            return text
        names = ", ".join(shown(path, quote=False) for path in self.changed[:20])
        more = f" and {len(self.changed) - 20} more" if len(self.changed) > 20 else ""
        return f"{text} Changed on {shown(self.branch, quote=False)} since then: {names}{more}."


@attrs.frozen
class CanceledPath:
    """A path that caused the cancellation of a commit; ``kind`` is ``unknown`` or ``unimplemented``."""

    path: str
    kind: Literal["unknown", "unimplemented"]
    reason: str


@attrs.define
class CommitCanceled(Conflict):
    """The commit met changes that it did not know about, or could not make its own; nothing was committed."""

    changes: tuple[CanceledPath, ...]

    @property
    def message(self) -> str:
        named = "; ".join(f"{shown(item.path)}: {item.reason}" for item in self.changes[:5])
        more = f"; and {len(self.changes) - 5} more" if len(self.changes) > 5 else ""
        return f"Commit canceled for unknown or unimplemented changes: {named}{more}"


@attrs.define
class AmbiguousRevision(Conflict):
    """Several commits begin with the same digits."""

    digits: str
    candidates: tuple[str, ...]

    @property
    def message(self) -> str:
        return f"Several commits begin with {shown(self.digits)}: {', '.join(self.candidates)}; use more digits"


@attrs.define
class Refused(Conflict):
    """The state forbids the change; ``reason`` is one whole sentence."""

    reason: str

    @property
    def message(self) -> str:
        return self.reason

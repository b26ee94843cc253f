"""Errors about changes that the current state forbids.

To add an error, list it in ``entrepot.errors`` too.
"""

# `message` is documented once, at the root of the tree:
# ruff: noqa: D102

from __future__ import annotations

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


@attrs.define
class Refused(Conflict):
    """The state forbids the change; ``reason`` is one whole sentence."""

    reason: str

    @property
    def message(self) -> str:
        return self.reason

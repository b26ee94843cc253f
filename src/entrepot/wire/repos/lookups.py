"""JSON of lookups: the branch, tag or commit that a text names.

``GET /api/{T}/{ns}/{name}/lookup/{text}`` looks for a full commit id, a branch, a tag
and the beginning of a commit id (4 or more digits), in this order. Other routes
accept beginnings from 5 digits on.

Errors: 404 ``RevisionNotFound`` if nothing has this name; 409 ``AmbiguousRevision``
with ``{"error", "candidates"}``, up to 20 ids, if several commits begin with these digits.

Source: docs/staged-changes.md, section 6.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec


class FoundCommit(msgspec.Struct, frozen=True, kw_only=True):
    """A commit: its id of 40 digits, the first line of its message, the rest, the account, the time (``Z``)."""

    id: str
    title: str
    message: str
    author: str
    date: str
    parents: Sequence[str]


class FoundRevision(msgspec.Struct, frozen=True, kw_only=True):
    """What a text names; ``name`` and ``ref`` are the short and the full name of a branch or tag, null for commits."""

    kind: Literal["branch", "tag", "commit"]
    name: str | None
    ref: str | None
    commit: FoundCommit

"""JSON of staged changes: what a user has put on a branch without committing it.

========  ==========================================  ======================  ==============================
method    route                                       body                    response
========  ==========================================  ======================  ==============================
GET       ``/api/{T}/{ns}/{name}/staged/{branch}``    (none)                  list of :class:`StagedChange`
POST      ``/api/{T}/{ns}/{name}/staged/{branch}``    lines of a commit       :class:`StagedTotal`
DELETE    ``/api/{T}/{ns}/{name}/staged/{branch}``    (none)                  :class:`StagedReset`
========  ==========================================  ======================  ==============================

The lines of ``POST`` are those of a commit (:mod:`entrepot.wire.repos.commits`):
``file``, ``lfsFile``, ``deletedFile``, ``deletedFolder``, ``deletedEntry``. A header
line may come first, and is ignored; ``copyFile`` is refused. All lines of a
request are staged, or none. Lists are in the order of staging, with ``limit`` (at
most 1,000, which is the default) and ``cursor``; the ``Link`` header leads to the
next page. ``?all=true`` means the changes of every user, and is for those who own
the repository.

Source: docs/staged-changes.md.
"""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType


class StagedChange(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One staged change.

    ``path``: ends with ``/`` if a folder is to be deleted. ``size``: in bytes,
    0 for deletions. ``oid``: the id of the file object (for large files, of their
    pointer); absent for deletions. ``sha256``: of large files only. ``user``: the
    account that staged it; null if it no longer exists. ``stagedAt`` ends in ``Z``.
    """

    path: str
    op: Literal["add", "delete"]
    size: int
    user: str | None
    staged_at: str
    oid: str | UnsetType = UNSET
    sha256: str | UnsetType = UNSET


class StagedTotal(msgspec.Struct, frozen=True, kw_only=True):
    """Response of ``POST``: the number of changes that the caller has now staged on the branch."""

    staged: int


class StagedReset(msgspec.Struct, frozen=True, kw_only=True):
    """Response of ``DELETE``: the number of changes that were dropped."""

    dropped: int


class CanceledChange(msgspec.Struct, frozen=True, kw_only=True):
    """A path that caused the cancellation of a commit.

    ``kind``: ``unknown``, a change that the commit did not know about, or
    ``unimplemented``, one that it asked for and that could not be made.
    """

    path: str
    kind: Literal["unknown", "unimplemented"]
    reason: str

"""JSON of replacing merges: a branch gets exactly the files of another branch, in one commit.

``POST /api/{T}/{ns}/{name}/replace/{branch}`` with :class:`Replacement`; the
response is a :class:`~entrepot.wire.repos.commits.CommitResponse`, in which
``unchanged`` says that both branches had the same files, and that nothing was
committed (``commitOid`` is then the head). The commit has two parents: the former
head of ``{branch}``, and the head of ``from``.

Errors: 404 ``RevisionNotFound`` if one of them is no branch, 403 for a missing right
and for a protected branch, 409 if another user has locked a file that would change.

Source: docs/staged-changes.md, section 5.
"""

from __future__ import annotations

import msgspec


class Replacement(msgspec.Struct, frozen=True, kw_only=True, rename={"source": "from"}, omit_defaults=True):
    """The branch whose files are taken (``from``), and the message; None means ``Merge branch 'NAME'``."""

    source: str
    message: str | None = None

"""Where a commit goes, what it says, and what came of it."""

from __future__ import annotations

import attrs

from entrepot.names import RepoRef


@attrs.frozen
class CommitTarget:
    """A branch or pull request of a repository.

    ``opens_pull``: the commit becomes a new pull request against ``revision``.
    ``parent``: the commit that ``revision`` must be at; None: whatever it is at.
    """

    repo: RepoRef
    revision: str = "main"
    opens_pull: bool = False
    parent: str | None = None


@attrs.frozen
class CommitMessage:
    """What a commit says: one line, and whatever else."""

    summary: str
    description: str = ""


@attrs.frozen
class PublishedCommit:
    """A commit; ``is_new`` is false when nothing had to change, and then it is the head as it was.

    ``warnings`` are remarks of the hub that stopped nothing.
    """

    oid: str
    url: str
    pull_url: str | None = None
    is_new: bool = True
    warnings: tuple[str, ...] = ()

"""The target, the message and the result of a commit."""

from __future__ import annotations

import attrs

from entrepot.names import RepoRef


@attrs.frozen
class CommitTarget:
    """A branch or pull request of a repository.

    ``opens_pull``: the commit becomes a new pull request against ``revision``.
    ``parent``: the commit that must be the head of ``revision``; None accepts any head.
    ``pins_survey``: without a parent, that of the survey of existing files becomes the parent.
    ``forces_staged``: None leaves the caller's staged changes alone; False cancels the
    commit if there are others than its own; True makes them part of it.
    ``ignores_rules``: files are added even if the repository's .gitignore excludes them.
    """

    repo: RepoRef
    revision: str = "main"
    opens_pull: bool = False
    parent: str | None = None
    pins_survey: bool = False
    forces_staged: bool | None = None
    ignores_rules: bool = False


@attrs.frozen
class CommitMessage:
    """A commit message: a summary of one line, and an optional description."""

    summary: str
    description: str = ""


@attrs.frozen
class PublishedCommit:
    """A commit; if ``is_new`` is False, nothing had changed, and it is the existing head of the branch.

    ``warnings`` are remarks of the hub that did not prevent the commit.
    """

    oid: str
    url: str
    pull_url: str | None = None
    is_new: bool = True
    warnings: tuple[str, ...] = ()

"""Commits as lists show them."""

from __future__ import annotations

import attrs

from entrepot.hub.repos.histories import LoggedCommit


@attrs.frozen
class CommitLine:
    """A commit in a list."""

    id: str
    title: str
    body: str
    author: str
    at_ms: int
    parents: tuple[str, ...]


def commit_line(logged: LoggedCommit) -> CommitLine:
    """Return a commit as a row of a list."""
    commit = logged.commit
    return CommitLine(
        logged.oid,
        commit.title or "(no message)",
        commit.body,
        commit.author.name,
        commit.committer.time_s * 1000,
        tuple(commit.parents),
    )

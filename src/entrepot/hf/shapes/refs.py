"""Branches, tags and commits."""

from __future__ import annotations

import dataclasses
import datetime

from entrepot.hf.shapes.times import parse_timestamp
from entrepot.wire.repos.histories import LogEntry
from entrepot.wire.repos.refs import Ref, Refs


@dataclasses.dataclass
class GitRefInfo:
    """A ref: its short name, its full name and the commit it points to."""

    name: str
    ref: str
    target_commit: str


@dataclasses.dataclass
class GitRefs:
    """All refs; ``pull_requests`` is None unless requested."""

    branches: list[GitRefInfo]
    converts: list[GitRefInfo]
    tags: list[GitRefInfo]
    pull_requests: list[GitRefInfo] | None = None


@dataclasses.dataclass
class GitCommitInfo:
    """A commit; the formatted texts are HTML, and None unless requested."""

    commit_id: str
    authors: list[str]
    created_at: datetime.datetime
    title: str
    message: str
    formatted_title: str | None
    formatted_message: str | None


def refs_of(found: Refs) -> GitRefs:
    """Convert the refs of a repository."""
    return GitRefs(
        branches=[_ref(ref) for ref in found.branches],
        converts=[_ref(ref) for ref in found.converts],
        tags=[_ref(ref) for ref in found.tags],
        pull_requests=[_ref(ref) for ref in found.pull_requests] if found.pull_requests is not None else None,
    )


def commit_of(entry: LogEntry) -> GitCommitInfo:
    """Convert a commit from a log."""
    return GitCommitInfo(
        commit_id=entry.id,
        authors=[author.user for author in entry.authors],
        created_at=parse_timestamp(entry.date),
        title=entry.title,
        message=entry.message,
        formatted_title=entry.formatted.title if entry.formatted else None,
        formatted_message=entry.formatted.message if entry.formatted else None,
    )


def _ref(ref: Ref) -> GitRefInfo:
    return GitRefInfo(name=ref.name, ref=ref.ref, target_commit=ref.target_commit)

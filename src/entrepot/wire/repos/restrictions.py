"""JSON of disabled, protected and scanned repositories, for administrators of the hub: an extension of this hub."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec


class DisableReason(msgspec.Struct, frozen=True, kw_only=True):
    """Body of the request that disables a repository; only administrators of the hub see the reason."""

    reason: str


class RepoRestriction(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a repository is disabled, and why; ``reason`` is None if it is not."""

    repo: str
    type: str
    disabled: bool
    reason: str | None


class RepoProtections(msgspec.Struct, frozen=True, kw_only=True):
    """The protected branches of a repository (names and patterns), and whether its tags are immutable."""

    repo: str
    type: str
    branches: Sequence[str]
    tags: bool


class ProtectionChanges(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Changes to protections: patterns to remove (or all), patterns to add; ``tags`` None leaves tags as they are."""

    protect: Sequence[str] = ()
    unprotect: Sequence[str] = ()
    unprotect_all: bool = False
    tags: bool | None = None


class ScanFinding(msgspec.Struct, frozen=True, kw_only=True):
    """A file that a scanner did not call safe, and the commit at which it was found."""

    status: str
    commit: str
    path: str


class RepoScanReport(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What the last scan of a repository found.

    ``counts``: how many contents have each status that is not safe; ``findings``: the first of them, the worst first;
    ``waiting``: another scan waits or runs.
    """

    repo: str
    type: str
    private: bool
    status: str
    counts: Mapping[str, int]
    findings: Sequence[ScanFinding]
    scanned_at: str
    waiting: bool


class MirrorInfo(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The mirror of a repository for git clients on one server.

    ``size``: of its packs in bytes; ``intact``: no file is missing or cut; ``slow``: repacking makes clones cheaper;
    ``waiting``: it will be repacked; ``error``: why the last attempt failed.
    """

    repo: str
    type: str
    private: bool
    size: int
    packs: int
    intact: bool
    slow: bool
    used_at: str
    checked_at: str | None
    waiting: bool
    error: str | None

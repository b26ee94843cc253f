"""JSON of disabled and protected repositories, for administrators of the hub: an extension of this hub."""

from __future__ import annotations

from collections.abc import Sequence

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

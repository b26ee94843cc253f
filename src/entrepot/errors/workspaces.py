"""Errors of workspaces: versions, buckets, and the objects of a chunk store.

To add an error, list it in ``entrepot.errors`` too.
"""

# `message` is documented once, at the root of the tree:
# ruff: noqa: D102

from __future__ import annotations

import attrs

from entrepot.errors.base import Conflict, Damaged, Forbidden, NotFound, Unavailable, shown


@attrs.define
class VersionTaken(Conflict):
    """The number of a version is taken; ``cure`` says which is free and how to use it."""

    tag: str
    cure: str

    @property
    def message(self) -> str:
        return f"the version {shown(self.tag)} exists already: {self.cure}"


@attrs.define
class LocalChanges(Conflict):
    """Files were changed locally and would be overwritten."""

    paths: tuple[str, ...]
    cure: str

    @property
    def message(self) -> str:
        names = ", ".join(shown(path) for path in self.paths[:20])
        more = f" and {len(self.paths) - 20:,} more" if len(self.paths) > 20 else ""
        return f"{names}{more} would be overwritten, but changed locally: {self.cure}"


@attrs.define
class LockedByMutability(Conflict):
    """The mutability of an entity forbids the change; ``reason`` is one whole sentence."""

    reason: str

    @property
    def message(self) -> str:
        return self.reason


@attrs.define
class StorageRefused(Forbidden):
    """The storage refused the credentials, or there are none."""

    storage: str
    credentials: str
    reason: str

    @property
    def message(self) -> str:
        return (
            f"{shown(self.storage, quote=False)} refused the {shown(self.credentials, quote=False)}: {self.reason}; "
            "check the credentials and the rights that they have on the bucket"
        )


@attrs.define
class BucketMissing(NotFound):
    """A bucket does not exist."""

    storage: str

    @property
    def message(self) -> str:
        return (
            f"the bucket {shown(self.storage, quote=False)} does not exist: check its name, or create it with "
            "'repository storage add … --create'"
        )


@attrs.define
class StoreTooNew(Conflict):
    """A store was written by a newer version, whose format is unknown."""

    storage: str
    found: int

    @property
    def message(self) -> str:
        name = shown(self.storage, quote=False)
        return f"{name} has format {self.found}, which is newer than this program: upgrade entrepot"


@attrs.define
class StorageUnreachable(Unavailable):
    """The storage does not answer, or fails."""

    storage: str
    reason: str

    @property
    def message(self) -> str:
        return f"cannot reach {shown(self.storage, quote=False)}: {self.reason}; try again"


@attrs.define
class RecordMissing(Damaged):
    """A store does not describe a version that its metadata names."""

    storage: str
    version: str

    @property
    def message(self) -> str:
        return (
            f"{shown(self.storage, quote=False)} does not describe the version {shown(self.version)}; "
            "run 'remote-fsck' where the data is"
        )


@attrs.define
class ChunkMissing(Damaged):
    """Objects that a version needs are not there; ``missing`` names some of them, ``paths`` files that need them."""

    storage: str
    missing: tuple[str, ...]
    paths: tuple[str, ...] = ()

    @property
    def message(self) -> str:
        return f"{_named(self.missing)} {'is' if len(self.missing) == 1 else 'are'} missing in " + _consequence(
            self.storage, self.paths
        )


@attrs.define
class ContentDamaged(Damaged):
    """Objects that a version needs have wrong bytes; fields as in :class:`ChunkMissing`."""

    storage: str
    wrong: tuple[str, ...]
    paths: tuple[str, ...] = ()

    @property
    def message(self) -> str:
        return f"{_named(self.wrong)} {'is' if len(self.wrong) == 1 else 'are'} damaged in " + _consequence(
            self.storage, self.paths
        )


def _named(keys: tuple[str, ...]) -> str:
    more = f" and {len(keys) - 3:,} more objects" if len(keys) > 3 else ""
    return ", ".join(shown(key, quote=False) for key in keys[:3]) + more


def _consequence(storage: str, paths: tuple[str, ...]) -> str:
    text = shown(storage, quote=False)
    if paths:
        more = f" and {len(paths) - 5:,} more files need it" if len(paths) > 5 else " cannot be read without it"
        text += f"; {', '.join(shown(path) for path in paths[:5])}{more}"
    return f"{text}; run 'remote-fsck' where the data is"

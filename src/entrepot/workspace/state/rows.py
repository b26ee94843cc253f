"""Values in the database of a project."""

from __future__ import annotations

import enum
import time

import attrs
import msgspec

from entrepot.names import Oid
from entrepot.workspace.manifests import ManifestEntry
from entrepot.workspace.stores import FileState

SETTLED_NS = 2_000_000_000


class Extent(enum.StrEnum):
    """How much of a version the workspace has."""

    FULL = "full"
    SAMPLE = "sample"
    BARE = "bare"


class FileChange(enum.StrEnum):
    """What was staged for a path, in the words of ``status``."""

    NEW = "new file"
    MODIFIED = "modified"
    DELETED = "deleted"


@attrs.frozen
class Head:
    """The version that the workspace of an entity is based on; ``base`` is the tag of the previous version."""

    tag: str
    commit: Oid
    extent: Extent = Extent.FULL
    base: str | None = None


@attrs.frozen
class TrackedFile:
    """A file of the workspace that belongs to the head; ``state`` is None if nothing is known of it on disk."""

    entry: ManifestEntry
    state: FileState | None = None
    is_unlocked: bool = False


@attrs.frozen
class StagedFile:
    """A change that the next version will contain; ``entry`` is None for a deletion."""

    change: FileChange
    entry: ManifestEntry | None = None
    state: FileState | None = None


class Step(msgspec.Struct, frozen=True):
    """Work that a crash may interrupt, written before it begins.

    Attributes:
        kind: ``checkout`` or ``commit``.
        tag: the version.
        payload: what the work needs to be completed.
    """

    kind: str
    tag: str
    payload: bytes


def settled(state: FileState) -> FileState | None:
    """Return a state that may stand for a content; None if the file was modified less than two seconds ago.

    Two modifications within one tick of a clock are indistinguishable, so a
    young file is read again.
    """
    return state if time.time_ns() - state.mtime_ns > SETTLED_NS else None

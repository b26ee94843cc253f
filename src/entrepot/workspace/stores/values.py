"""Values that callers of a chunk store pass and receive."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Final

import attrs

from entrepot.names import Oid, RepoPath, Sha256
from entrepot.workspace.manifests import Manifest

FREE_SPACE: Final = (
    "free some space ('ml-git repository gc' removes local data that no version needs), and repeat the command: it "
    "continues with what it has"
)
"""The cure of a full disk, for a workspace."""


@attrs.frozen
class StorageConfig:
    """The address of a bucket and the name of its credentials; it contains no secret.

    Args:
        kind: ``s3h``, ``azureblobh``, ``gdriveh``, ``sftph`` or ``file``.
        bucket: the name of the bucket; for ``file`` the path of a folder, for ``sftph`` a folder on the host.
        prefix: keys begin with it; separates tenants of one bucket.
        profile: the profile of ``~/.aws`` (``s3h``), or the file with the credentials (``gdriveh``).
        endpoint_url: the URL of the service, or the host (``sftph``).
        host_key: the public key of the host (``sftph``), as in ``known_hosts``: type and base64.
    """

    kind: str
    bucket: str
    prefix: str = ""
    profile: str = "default"
    endpoint_url: str | None = None
    region: str | None = None
    username: str | None = None
    private_key: str | None = None
    port: int | None = None
    host_key: str | None = None

    @property
    def url(self) -> str:
        """``<kind>://<bucket>``, as a spec names the storage."""
        return f"{self.kind}://{self.bucket}"


@attrs.frozen
class VersionRef:
    """The version of an entity that a root record describes.

    Args:
        entity_type: ``datasets``, ``labels`` or ``models``.
    """

    entity_type: str
    name: str
    number: int
    commit: Oid


@attrs.frozen
class VersionDraft:
    """A committed version to publish, check or migrate.

    Args:
        remote: the URL of the metadata remote, without user name and password.
        base: the tag of the version on which this one is built, if any.
        documents: the bytes of ``MANIFEST.yaml`` and of the parts that it names, exactly as committed, by
            their paths in the folder of the entity.
    """

    ref: VersionRef
    tag: str
    remote: str
    base: str | None
    manifest: Manifest
    documents: Mapping[str, bytes]


@attrs.frozen
class SourceFile:
    """A file of the workspace: its path in the entity, and its absolute path on disk (no symbolic link)."""

    path: RepoPath
    file_path: str


@attrs.frozen
class ObservedState:
    """The state of a file from ``stat``; equal states are taken as equal contents, once they are two seconds old."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    mode: int


FileState = ObservedState
"""The name under which the state is imported."""


@attrs.frozen
class PackedFile:
    """A file that was read completely, and whose content is now known to the outbox."""

    path: RepoPath
    sha256: Sha256
    state: FileState
    is_executable: bool


@attrs.frozen
class UnpackedFile:
    """A file that could not be packed; ``reason`` is a clause: ``it changed while it was read``."""

    path: RepoPath
    reason: str


@attrs.frozen
class PackResult:
    """The result of packing files.

    ``files`` and ``failed`` are in the order of the sources. ``packs`` are the names of new packs,
    ``bytes_new`` the bytes of chunks that were not known before, uncompressed.
    """

    files: tuple[PackedFile, ...]
    failed: tuple[UnpackedFile, ...]
    packs: tuple[str, ...]
    bytes_new: int


@attrs.frozen
class PushCounts:
    """The amounts that a push has sent, or would send.

    ``objects`` counts all objects written; ``bytes_known`` is the size of the version's content that was in
    the store before, uncompressed.
    """

    objects: int
    bytes_sent: int
    bytes_known: int


@attrs.frozen
class FetchCounts:
    """The result of a fetch: contents now in the drafts, and bytes received for them."""

    files: int
    bytes: int
    bytes_received: int


class CheckLevel(enum.IntEnum):
    """How much a check reads: existence and sizes, also indexes and manifests, or everything."""

    PRESENCE = 1
    THOROUGH = 2
    PARANOID = 3


@attrs.frozen
class Problem:
    """One fault that a check found: where it is (a key, a path) and what is wrong with it."""

    where: str
    what: str


@attrs.frozen
class CheckReport:
    """The result of a check: what was verified and repaired, and what is left."""

    objects: int
    chunks: int
    fixed_objects: int
    fixed_chunks: int
    left: tuple[Problem, ...]


@attrs.frozen
class GarbageReport:
    """The result of a collection of unreferenced objects.

    ``phase`` is 1 if candidates were recorded (or would be), 2 if candidates were deleted. ``by_reason`` maps
    why objects are unreferenced to their bytes. ``not_before`` is when phase 2 may run, in seconds since 1970.
    """

    phase: int
    objects: int
    bytes: int
    by_reason: Mapping[str, int]
    not_before: float | None = None

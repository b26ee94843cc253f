"""What a commit can do to a tree, one operation at a time."""

from __future__ import annotations

import attrs

from entrepot.names import RepoPath, RepoRef, Sha256


@attrs.frozen
class AddFile:
    """Write a regular file; ``moved_from`` is removed in the same step."""

    path: RepoPath
    content: bytes = attrs.field(repr=False)
    moved_from: RepoPath | None = None


@attrs.frozen
class AddLarge:
    """Write a large file whose bytes were uploaded before; ``size`` None takes the stored one."""

    path: RepoPath
    sha256: Sha256
    size: int | None = None
    moved_from: RepoPath | None = None


@attrs.frozen
class Copy:
    """Write at ``path`` what another path, revision or repository has: a file or a whole folder.

    No content moves. ``revision`` None is the branch that is written to;
    ``repo`` None is the same repository.
    """

    path: RepoPath
    source: RepoPath
    revision: str | None = None
    repo: RepoRef | None = None


@attrs.frozen
class Delete:
    """Remove a file, or a folder with everything in it."""

    path: RepoPath


@attrs.frozen
class DeleteFolder:
    """Remove a folder with everything in it; a file of this name is not meant."""

    path: RepoPath


Operation = AddFile | AddLarge | Copy | Delete | DeleteFolder

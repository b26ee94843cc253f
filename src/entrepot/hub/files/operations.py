"""The operations of a commit on a tree."""

from __future__ import annotations

import attrs

from entrepot.names import RepoPath, RepoRef, Sha256


@attrs.frozen
class AddFile:
    """Write a regular file; ``moved_from`` is removed in the same operation."""

    path: RepoPath
    content: bytes = attrs.field(repr=False)
    moved_from: RepoPath | None = None


@attrs.frozen
class AddLarge:
    """Write a large file whose bytes were uploaded before; ``size`` None uses the stored size."""

    path: RepoPath
    sha256: Sha256
    size: int | None = None
    moved_from: RepoPath | None = None


@attrs.frozen
class Copy:
    """Write a copy of another path, revision or repository at ``path``: a file or a whole folder.

    No content moves. ``revision`` None is the branch that is written to;
    ``repo`` None is the same repository.
    """

    path: RepoPath
    source: RepoPath
    revision: str | None = None
    repo: RepoRef | None = None


@attrs.frozen
class Delete:
    """Remove a file, or a folder with all its contents."""

    path: RepoPath


@attrs.frozen
class DeleteFolder:
    """Remove a folder with all its contents; does not apply to files."""

    path: RepoPath


Operation = AddFile | AddLarge | Copy | Delete | DeleteFolder

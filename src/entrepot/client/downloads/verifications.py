"""Verification of local files against the hub's list."""

from __future__ import annotations

from pathlib import Path

import attrs

from entrepot.client import folders
from entrepot.client.calls import trees
from entrepot.client.downloads.downloads import Options, cache_of
from entrepot.client.hubs import Hub
from entrepot.client.integrity import etag_of
from entrepot.errors import CacheMissing, SourceUnreadable
from entrepot.names import RepoRef


@attrs.frozen
class Mismatch:
    """A file whose content differs from the repository."""

    path: str
    expected: str
    actual: str
    algorithm: str


@attrs.frozen
class FolderVerification:
    """The result of comparing a folder with a revision."""

    revision: str
    checked_count: int
    mismatches: list[Mismatch]
    missing_paths: list[str]
    extra_paths: list[str]
    verified_path: Path

    @property
    def is_intact(self) -> bool:
        """Whether all existing files match; missing and additional files are ignored."""
        return not self.mismatches


def verify(
    hub: Hub, ref: RepoRef, revision: str = "main", *, folder: Path | None = None, cache: Path | None = None
) -> FolderVerification:
    """Read every local file of a revision and compare it with the etag listed by the hub.

    Args:
        folder: the folder to verify; None is the cache.

    Raises:
        CacheMissing: there are no local files of this revision.
        SourceUnreadable: a file cannot be read.
        Offline, HubFailure, HubUnreachable, HubTimeout: the hub cannot be asked.
    """
    if folder is None:
        repo = cache_of(hub, ref, Options(cache=cache))
        commit = repo.resolve(revision)
        if commit is None or not repo.snapshot(commit).is_dir():
            raise CacheMissing(str(repo.folder), f"cached copy of {ref} at {revision}")
        folder, revision = repo.snapshot(commit), commit
    elif not folder.is_dir():
        raise CacheMissing(str(folder), "folder")
    local = {found.path: found.source.path for found in folders.walk(folder)}
    listed = hub.pages(trees.page(ref, revision, recursive=True))
    remote = {entry.path: entry.lfs.oid if entry.lfs else entry.oid for entry in listed if entry.type == "file"}
    both = sorted(remote.keys() & local.keys())
    compared = [_compare(path, local[path], remote[path]) for path in both]
    return FolderVerification(
        revision=revision,
        checked_count=len(both),
        mismatches=[found for found in compared if found is not None],
        missing_paths=sorted(remote.keys() - local.keys()),
        extra_paths=sorted(local.keys() - remote.keys()),
        verified_path=folder,
    )


def _compare(path: str, file: Path, etag: str) -> Mismatch | None:
    try:
        actual = etag_of(file, etag)
    except OSError as error:
        raise SourceUnreadable(str(file), error.strerror or str(error)) from error
    return None if actual == etag else Mismatch(path, etag, actual, "sha256" if len(etag) == 64 else "git-sha1")

"""Comparison of an entity on disk with what is tracked and what is staged."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import attrs

from entrepot.errors import SourceUnreadable
from entrepot.names import RepoPath
from entrepot.workspace.entities.mutability import Mutability
from entrepot.workspace.manifests import DescriptorHasher, ManifestEntry
from entrepot.workspace.projects.files.scans import Scan, ScannedFile
from entrepot.workspace.state.rows import FileChange, StagedFile, TrackedFile, settled
from entrepot.workspace.stores import FileState

_PIECE = 1 << 20
_EXECUTABLE = 0o111


@attrs.define
class Comparison:
    """The differences of the files on disk; every path is in one list only.

    Attributes:
        new: files that are neither tracked nor staged.
        changed: tracked files with another content, not staged.
        corrupted: the same, where the mutability of the entity forbids it.
        edited: staged files with another content than the staged one.
        missing: tracked files that are not on disk, and whose deletion is not staged.
        vanished: files staged as new that are not on disk.
        returned: files staged as deleted or modified that have the tracked content again.
        seen: the state of files whose content was read and found to be the known one.
    """

    new: list[RepoPath] = attrs.field(factory=list)
    changed: list[RepoPath] = attrs.field(factory=list)
    corrupted: list[RepoPath] = attrs.field(factory=list)
    edited: list[RepoPath] = attrs.field(factory=list)
    missing: list[RepoPath] = attrs.field(factory=list)
    vanished: list[RepoPath] = attrs.field(factory=list)
    returned: list[RepoPath] = attrs.field(factory=list)
    seen: dict[RepoPath, FileState] = attrs.field(factory=dict)


def compare(
    scan: Scan,
    tracked: Mapping[RepoPath, TrackedFile],
    staged: Mapping[RepoPath, StagedFile],
    mutability: Mutability,
) -> Comparison:
    """Compare files on disk with the database; only files whose state has changed are read.

    Raises:
        SourceUnreadable: a file cannot be read.
    """
    result = Comparison()
    for path, file in scan.files.items():
        if path in staged:
            _compare_staged(result, file, staged[path], tracked.get(path), mutability)
        elif path in tracked:
            _compare_tracked(result, file, tracked[path], mutability)
        else:
            result.new.append(path)
    for path, change in staged.items():
        if path not in scan.files and change.change is not FileChange.DELETED:
            (result.missing if path in tracked else result.vanished).append(path)
    result.missing += [path for path in tracked if path not in scan.files and path not in staged]
    return result


def _compare_staged(
    result: Comparison, file: ScannedFile, staged: StagedFile, tracked: TrackedFile | None, mutability: Mutability
) -> None:
    if staged.entry is not None and file.state == staged.state:
        return
    if staged.entry is not None and has_content(file, staged.entry):
        result.seen[file.path] = file.state
        return
    if tracked is None:
        (result.edited if staged.entry is not None else result.new).append(file.path)
    elif has_content(file, tracked.entry):
        result.returned.append(file.path)
    elif staged.entry is not None:
        result.edited.append(file.path)
    else:
        _changed_list(result, tracked, mutability).append(file.path)


def _compare_tracked(result: Comparison, file: ScannedFile, tracked: TrackedFile, mutability: Mutability) -> None:
    if file.state == tracked.state:
        return
    if has_content(file, tracked.entry):
        may_change = tracked.is_unlocked or mutability is Mutability.MUTABLE
        is_executable = bool(file.state.mode & _EXECUTABLE)
        if may_change and tracked.entry.sha256 and is_executable != bool(tracked.entry.x):
            result.changed.append(file.path)
        else:
            result.seen[file.path] = file.state
        return
    _changed_list(result, tracked, mutability).append(file.path)


def _changed_list(result: Comparison, tracked: TrackedFile, mutability: Mutability) -> list[RepoPath]:
    is_forbidden = mutability.locks_files and not (tracked.is_unlocked and mutability is Mutability.FLEXIBLE)
    return result.corrupted if is_forbidden else result.changed


def has_content(file: ScannedFile, entry: ManifestEntry) -> bool:
    """Return whether a file has the content of an entry; its size is compared first, then its digest.

    Raises:
        SourceUnreadable: it cannot be read.
    """
    if entry.size >= 0 and file.state.size != entry.size:
        return False
    return content_of(file.file_path, is_legacy=bool(entry.cid)) == entry.content


def content_of(path: str, *, is_legacy: bool = False) -> str:
    """Return the SHA-256 of a file, or the id that the old format gives to its content.

    Raises:
        SourceUnreadable: it cannot be read.
    """
    try:
        with open(path, "rb") as stream:
            if not is_legacy:
                return hashlib.file_digest(stream, "sha256").hexdigest()
            hasher = DescriptorHasher()
            while piece := stream.read(_PIECE):
                hasher.update(piece)
            return hasher.cid()
    except OSError as error:
        raise SourceUnreadable(path, error.strerror or str(error)) from error


def refreshed(
    seen: Mapping[RepoPath, FileState], tracked: Mapping[RepoPath, TrackedFile], staged: Mapping[RepoPath, StagedFile]
) -> tuple[dict[RepoPath, TrackedFile], dict[RepoPath, StagedFile]]:
    """Return the rows of files that were read and found unchanged, with their current state."""
    files = {
        path: attrs.evolve(tracked[path], state=settled(state))
        for path, state in seen.items()
        if path in tracked and path not in staged
    }
    changes = {path: attrs.evolve(staged[path], state=settled(state)) for path, state in seen.items() if path in staged}
    return files, changes

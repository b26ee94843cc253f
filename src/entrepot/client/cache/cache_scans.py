"""Scans of a cache on disk: its content and its defects."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from entrepot.client.cache.cache_reports import CachedFile, CachedRepo, CachedRevision, CacheReport, IncompleteFile
from entrepot.client.cache.caches import LOCKS, parse_folder_name
from entrepot.client.cache.partial_files import INCOMPLETE
from entrepot.errors import CacheDamaged, CacheMissing
from entrepot.names import is_oid

_DRAFT = re.compile(rf"\.[0-9a-f]{{8,20}}{re.escape(INCOMPLETE)}$")
_OF_SYSTEMS = frozenset({".DS_Store", "Thumbs.db", "desktop.ini", "CACHEDIR.TAG"})


def scan(root: Path) -> CacheReport:
    """Scan a cache (the folder that contains a folder for each repository).

    Raises:
        CacheMissing: the folder does not exist.
    """
    root = Path(os.path.abspath(os.path.expanduser(root)))
    if not root.is_dir():
        raise CacheMissing(str(root))
    repos: list[CachedRepo] = []
    warnings: list[CacheDamaged] = []
    incomplete: list[IncompleteFile] = []
    for folder in sorted(root.iterdir()):
        if folder.name in _OF_SYSTEMS or folder.name == LOCKS:
            continue
        try:
            repos.append(_repo(folder, warnings))
        except CacheDamaged as warning:
            warnings.append(warning)
            continue
        incomplete += _incomplete(folder)
    size = sum(repo.size_on_disk for repo in repos)
    return CacheReport(size, frozenset(repos), frozenset(incomplete), warnings, root)


def _repo(folder: Path, warnings: list[CacheDamaged]) -> CachedRepo:
    ref = parse_folder_name(folder.name)
    if ref is None or not folder.is_dir():
        raise CacheDamaged(str(folder), "it is not named like the folder of a repository")
    refs = _refs(folder / "refs")
    known: dict[Path, os.stat_result] = {}
    snapshots = folder / "snapshots"
    revisions = []
    for snapshot in sorted(snapshots.iterdir()) if snapshots.is_dir() else ():
        if snapshot.name in _OF_SYSTEMS:
            continue
        if not snapshot.is_dir() or not is_oid(snapshot.name):
            warnings.append(CacheDamaged(str(snapshot), "it is not named like the folder of a commit"))
            continue
        revisions.append(_revision(snapshot, refs.get(snapshot.name, frozenset()), known, warnings))
    times = [(facts.st_atime, facts.st_mtime) for facts in known.values()] or [_times(folder)]
    return CachedRepo(
        repo_id=str(ref.id),
        repo_type=ref.type.value,
        repo_path=folder,
        size_on_disk=sum(facts.st_size for facts in known.values()),
        nb_files=len(known),
        revisions=frozenset(revisions),
        last_accessed=max(accessed for accessed, _ in times),
        last_modified=max(modified for _, modified in times),
    )


def _revision(
    snapshot: Path, refs: frozenset[str], known: dict[Path, os.stat_result], warnings: list[CacheDamaged]
) -> CachedRevision:
    files = []
    for path in _files(snapshot):
        blob = Path(os.path.abspath(path.parent / os.readlink(path))) if path.is_symlink() else path
        try:
            facts = known.setdefault(blob, blob.stat())
        except OSError:
            warnings.append(CacheDamaged(str(path), "it is a link to missing content; delete it"))
            continue
        files.append(CachedFile(path.name, path, blob, facts.st_size, facts.st_atime, facts.st_mtime))
    sizes = {file.blob_path: file.size_on_disk for file in files}
    return CachedRevision(
        commit_hash=snapshot.name,
        snapshot_path=snapshot,
        size_on_disk=sum(sizes.values()),
        files=frozenset(files),
        refs=refs,
        last_modified=max((file.blob_last_modified for file in files), default=snapshot.stat().st_mtime),
    )


def _files(folder: Path) -> Iterator[Path]:
    for parent, _, names in os.walk(folder):
        for name in sorted(names):
            if name not in _OF_SYSTEMS and not _is_draft(name):
                yield Path(parent, name)


def _is_draft(name: str) -> bool:
    """Return whether a killed process left this file; a file of a repository may also be named ``x.incomplete``."""
    return _DRAFT.search(name) is not None


def _refs(folder: Path) -> dict[str, frozenset[str]]:
    """Return the refs of each commit."""
    found: dict[str, set[str]] = {}
    for path in _files(folder):
        try:
            found.setdefault(path.read_text("ascii").strip(), set()).add(path.relative_to(folder).as_posix())
        except (OSError, UnicodeDecodeError):
            continue
    return {commit: frozenset(names) for commit, names in found.items()}


def _incomplete(folder: Path) -> Iterator[IncompleteFile]:
    for path in sorted((folder / "blobs").glob(f"*{INCOMPLETE}")):
        try:
            yield IncompleteFile(path, path.stat().st_size)
        except OSError:
            continue


def _times(folder: Path) -> tuple[float, float]:
    facts = folder.stat()
    return facts.st_atime, facts.st_mtime

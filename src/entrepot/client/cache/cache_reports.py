"""Reports on the local cache, and plans for deleting from it, as values.

The field names are those of huggingface_hub, because ``entrepot.hf`` exports
these classes.
"""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Iterable
from pathlib import Path

import attrs

from entrepot.client.cache.caches import LOCKS, OWN
from entrepot.errors import CacheDamaged, CannotWrite, ThingNotFound

_AGES = (
    ("second", 1, 59),
    ("minute", 60, 59),
    ("hour", 3_600, 23),
    ("day", 86_400, 6),
    ("week", 604_800, 6),
    ("month", 2_592_000, 11),
)
_YEAR_S = 31_536_000

_REPO_COLUMNS = (
    "REPO ID",
    "REPO TYPE",
    "SIZE ON DISK",
    "NB FILES",
    "LAST_ACCESSED",
    "LAST_MODIFIED",
    "REFS",
    "LOCAL PATH",
)
_REVISION_COLUMNS = (
    "REPO ID",
    "REPO TYPE",
    "REVISION",
    "SIZE ON DISK",
    "NB FILES",
    "LAST_MODIFIED",
    "REFS",
    "LOCAL PATH",
)


@attrs.frozen
class CachedFile:
    """A file of a revision; ``blob_path`` is the path of its content."""

    file_name: str
    file_path: Path
    blob_path: Path
    size_on_disk: int
    blob_last_accessed: float
    blob_last_modified: float

    @property
    def size_on_disk_str(self) -> str:
        """The size in readable form: ``42.2K``."""
        return readable_size(self.size_on_disk)

    @property
    def blob_last_accessed_str(self) -> str:
        """The time since the content was last read, in readable form: ``2 weeks ago``."""
        return readable_age(self.blob_last_accessed)

    @property
    def blob_last_modified_str(self) -> str:
        """The time since the content was written, in readable form: ``2 weeks ago``."""
        return readable_age(self.blob_last_modified)


@attrs.frozen
class CachedRevision:
    """The cached files of one commit; ``refs`` are the branches and tags that last resolved to it."""

    commit_hash: str
    snapshot_path: Path
    size_on_disk: int
    files: frozenset[CachedFile]
    refs: frozenset[str]
    last_modified: float

    @property
    def nb_files(self) -> int:
        """The number of cached files."""
        return len(self.files)

    @property
    def size_on_disk_str(self) -> str:
        """The size in readable form: ``42.2K``."""
        return readable_size(self.size_on_disk)

    @property
    def last_modified_str(self) -> str:
        """The time since the last download of a file, in readable form: ``2 weeks ago``."""
        return readable_age(self.last_modified)


@attrs.frozen
class CachedRepo:
    """The cached revisions of one repository; content shared by several revisions is counted once."""

    repo_id: str
    repo_type: str
    repo_path: Path
    size_on_disk: int
    nb_files: int
    revisions: frozenset[CachedRevision]
    last_accessed: float
    last_modified: float

    @property
    def cache_id(self) -> str:
        """Type and id: ``model/alice/bert``."""
        return f"{self.repo_type}/{self.repo_id}"

    @property
    def refs(self) -> dict[str, CachedRevision]:
        """The revisions by the branches and tags that last resolved to them."""
        return {ref: revision for revision in self.revisions for ref in revision.refs}

    @property
    def size_on_disk_str(self) -> str:
        """The size in readable form: ``42.2K``."""
        return readable_size(self.size_on_disk)

    @property
    def last_accessed_str(self) -> str:
        """The time since a file was last read, in readable form: ``2 weeks ago``."""
        return readable_age(self.last_accessed)

    @property
    def last_modified_str(self) -> str:
        """The time since the last download of a file, in readable form: ``2 weeks ago``."""
        return readable_age(self.last_modified)


@attrs.frozen
class IncompleteFile:
    """The partial file of an interrupted download."""

    file_path: Path
    size_on_disk: int


@attrs.frozen
class Deletion:
    """A plan of paths to delete; ``execute`` deletes them."""

    expected_freed_size: int
    blobs: frozenset[Path] = frozenset()
    refs: frozenset[Path] = frozenset()
    repos: frozenset[Path] = frozenset()
    snapshots: frozenset[Path] = frozenset()
    files: frozenset[Path] = frozenset()
    cache_dir: Path | None = None

    @property
    def expected_freed_size_str(self) -> str:
        """The number of bytes that the deletion frees, in readable form: ``42.2K``."""
        return readable_size(self.expected_freed_size)

    def execute(self) -> None:
        """Delete the paths; missing paths are ignored.

        Links are deleted before contents, so no link ever points to missing content.

        Raises:
            CannotWrite: a path cannot be deleted; those before it are deleted.
        """
        for path in (*self.files, *self.refs):
            _remove(path)
        for path in self.snapshots:
            _remove(path)
            repo, commit = path.parent.parent, path.name
            _remove(repo / OWN / "trees" / f"{commit}.json")
            _remove(repo / ".no_exist" / commit)
        for path in self.repos:
            _remove(path)
            _remove(path.parent / LOCKS / path.name)
        for path in self.blobs:
            _remove(path)


@attrs.frozen
class CacheReport:
    """The content of a cache; ``warnings`` report entries that no client would have created."""

    size_on_disk: int
    repos: frozenset[CachedRepo]
    incomplete_files: frozenset[IncompleteFile]
    warnings: list[CacheDamaged]
    cache_dir: Path

    @property
    def size_on_disk_str(self) -> str:
        """The size in readable form: ``42.2K``."""
        return readable_size(self.size_on_disk)

    @property
    def incomplete_size_on_disk(self) -> int:
        """The number of bytes of interrupted downloads."""
        return sum(file.size_on_disk for file in self.incomplete_files)

    def delete_revisions(self, *revisions: str) -> Deletion:
        """Plan the deletion of these commits; if no commit of a repository is left, of the repository.

        Raises:
            ThingNotFound: a commit is not in the cache.
        """
        wanted = set(revisions)
        known = {revision.commit_hash for repo in self.repos for revision in repo.revisions}
        if missing := sorted(wanted - known):
            raise ThingNotFound("cached revision", missing[0])
        parts = [_without(repo, {r for r in repo.revisions if r.commit_hash in wanted}) for repo in self.repos]
        return _joined(parts, self.cache_dir)

    def delete_repos(self, *cache_ids: str) -> Deletion:
        """Plan the deletion of these repositories (``model/alice/bert``).

        Raises:
            ThingNotFound: a repository is not in the cache.
        """
        known = {repo.cache_id: repo for repo in self.repos}
        if missing := sorted(set(cache_ids) - set(known)):
            raise ThingNotFound("cached repository", missing[0])
        return _joined([_whole(known[name]) for name in set(cache_ids)], self.cache_dir)

    def delete_files(self, *files: CachedFile) -> Deletion:
        """Plan the deletion of these files; content that other revisions share is kept."""
        selected = set(files)
        every = [file for repo in self.repos for revision in repo.revisions for file in revision.files]
        needed = {file.blob_path for file in every if file not in selected}
        freed = {file.blob_path: file.size_on_disk for file in selected if file.blob_path not in needed}
        names = frozenset(file.file_path for file in selected)
        return Deletion(sum(freed.values()), blobs=frozenset(freed) - names, files=names, cache_dir=self.cache_dir)

    def export_as_table(self, *, verbosity: int = 0) -> str:
        """Format the report as a text table with a line for each repository, or with verbosity 1 for each revision."""
        repos = sorted(self.repos, key=lambda repo: repo.repo_path)
        if verbosity == 0:
            return _table(_REPO_COLUMNS, [_repo_line(repo) for repo in repos])
        return _table(
            _REVISION_COLUMNS,
            [
                _revision_line(repo, revision)
                for repo in repos
                for revision in sorted(repo.revisions, key=lambda revision: revision.commit_hash)
            ],
        )


def readable_size(size: int) -> str:
    """Format a number of bytes in powers of 1,000: ``42.2K``."""
    number = float(size)
    for unit in ("", "K", "M", "G", "T", "P"):
        if number < 1000.0:
            return f"{number:.1f}{unit}"
        number /= 1000.0
    return f"{number:.1f}E"


def readable_age(time_s: float) -> str:
    """Format the time since a timestamp (seconds since 1970): ``2 weeks ago``."""
    age_s = time.time() - time_s
    if age_s < 20:
        return "a few seconds ago"
    for label, length_s, most in _AGES:
        value = round(age_s / length_s)
        if value <= most:
            return f"{value} {label}{'s' if value > 1 else ''} ago"
    value = round(age_s / _YEAR_S) or 1
    return f"{value} year{'s' if value > 1 else ''} ago"


def _without(repo: CachedRepo, gone: set[CachedRevision]) -> Deletion:
    if not gone:
        return Deletion(0)
    if gone == repo.revisions:
        return _whole(repo)
    needed = {file.blob_path for revision in repo.revisions - gone for file in revision.files}
    # Files that are not links are deleted with their snapshot.
    freed = {f.blob_path: f.size_on_disk for revision in gone for f in revision.files if f.blob_path not in needed}
    own = {file.blob_path for revision in gone for file in revision.files if file.blob_path == file.file_path}
    return Deletion(
        sum(freed.values()),
        blobs=frozenset(freed) - own,
        refs=frozenset(repo.repo_path / "refs" / ref for revision in gone for ref in revision.refs),
        snapshots=frozenset(revision.snapshot_path for revision in gone),
    )


def _whole(repo: CachedRepo) -> Deletion:
    return Deletion(repo.size_on_disk, repos=frozenset((repo.repo_path,)))


def _joined(parts: Iterable[Deletion], cache_dir: Path) -> Deletion:
    parts = list(parts)
    return Deletion(
        sum(part.expected_freed_size for part in parts),
        blobs=frozenset().union(*(part.blobs for part in parts)),
        refs=frozenset().union(*(part.refs for part in parts)),
        repos=frozenset().union(*(part.repos for part in parts)),
        snapshots=frozenset().union(*(part.snapshots for part in parts)),
        cache_dir=cache_dir,
    )


def _remove(path: Path) -> None:
    try:
        with contextlib.suppress(FileNotFoundError):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
    except OSError as error:
        raise CannotWrite(str(error.filename or path), error.strerror or str(error)) from error


def _repo_line(repo: CachedRepo) -> tuple[str, ...]:
    return (
        repo.repo_id,
        repo.repo_type,
        f"{repo.size_on_disk_str:>12}",
        str(repo.nb_files),
        repo.last_accessed_str,
        repo.last_modified_str,
        ", ".join(sorted(repo.refs)),
        str(repo.repo_path),
    )


def _revision_line(repo: CachedRepo, revision: CachedRevision) -> tuple[str, ...]:
    return (
        repo.repo_id,
        repo.repo_type,
        revision.commit_hash,
        f"{revision.size_on_disk_str:>12}",
        str(revision.nb_files),
        revision.last_modified_str,
        ", ".join(sorted(revision.refs)),
        str(revision.snapshot_path),
    )


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    widths = [max(len(cell) for cell in column) for column in zip(head, *rows, strict=True)]
    lines = [head, tuple("-" * width for width in widths), *rows]
    return "\n".join(" ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)

"""Copies within and between repositories, for hubs that support them and for those that do not."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import attrs

from entrepot.client.calls import files, lfs, repos, trees
from entrepot.client.commit_target import CommitTarget
from entrepot.client.hubs import Hub
from entrepot.client.operations import Add, AddStored, Copy
from entrepot.client.sources import BytesSource, PathSource
from entrepot.client.uploads.upload_plan import batches
from entrepot.errors import AnswerUnusable, EntrepotError, EntryNotFound, Forbidden, Invalid, NotFound
from entrepot.names import RepoPath, RepoRef, Sha256, parse_path
from entrepot.wire.files.large_files import SharedFile
from entrepot.wire.repos.trees import TreeEntry

_MAX_IN_MEMORY = 16 << 20


@attrs.frozen
class CopySource:
    """The source of a copy, and its tree entry at ``commit``."""

    copy: Copy
    repo: RepoRef
    commit: str
    entry: TreeEntry


def find_sources(hub: Hub, target: CommitTarget, copies: Sequence[Copy]) -> list[CopySource]:
    """Return the source of each copy.

    Raises:
        EntryNotFound: a source does not exist.
        RepoNotFound, RevisionNotFound: the repository or the revision is not found for this caller.
    """
    groups: dict[tuple[RepoRef, str], list[Copy]] = {}
    for copy in copies:
        key = (copy.source_repo or target.repo, copy.source_revision or _revision(copy, target))
        groups.setdefault(key, []).append(copy)
    found: list[CopySource] = []
    for (repo, revision), group in groups.items():
        # Pin the commit: the branch may move before the content is downloaded.
        commit = str(hub.send(repos.describe(repo, revision, expand=("sha",))).sha)
        entries = _entries(hub, repo, commit, [copy.source_path for copy in group])
        for copy in group:
            if copy.source_path not in entries:
                reason = f"there is no {copy.source_path!r} to copy in {repo} at {revision!r}"
                raise EntryNotFound(copy.source_path, reason=reason)
            found.append(CopySource(copy, repo, commit, entries[copy.source_path]))
    return found


def missing(hub: Hub, target: CommitTarget, revision: str, origins: Sequence[CopySource]) -> list[CopySource]:
    """Return the copies whose result is missing at a revision of the target."""
    entries = _entries(hub, target.repo, revision, [origin.copy.path for origin in origins])
    return [
        origin
        for origin in origins
        if (entry := entries.get(origin.copy.path)) is None
        or (entry.type, entry.oid) != (origin.entry.type, origin.entry.oid)
    ]


def as_additions(
    hub: Hub, target: CommitTarget, origins: Sequence[CopySource], folder: Path
) -> Iterator[Add | AddStored]:
    """Yield additions equivalent to the copies, for a hub that does not support copies.

    Large files are added by their digest; if the hub does not permit that,
    and for regular files, the content is downloaded and uploaded again.

    Args:
        folder: folder for downloaded contents of large files; the caller removes it afterwards.
    """
    for origin in origins:
        for path, entry in _files(hub, origin):
            if entry.lfs is not None and _is_usable(hub, target, origin, entry):
                yield AddStored(path, Sha256(entry.lfs.oid), entry.size)
            else:
                yield _fetched(hub, origin, path, entry, folder)


def _revision(copy: Copy, target: CommitTarget) -> str:
    return target.revision if copy.source_repo in (None, target.repo) else "main"


def _entries(hub: Hub, repo: RepoRef, revision: str, paths: Sequence[RepoPath]) -> dict[str, TreeEntry]:
    return {
        entry.path: entry
        for batch in batches(sorted(set(paths)), trees.MAX_PATHS)
        for entry in hub.send(trees.describe(repo, revision, batch))
    }


def _files(hub: Hub, origin: CopySource) -> Iterator[tuple[RepoPath, TreeEntry]]:
    """Yield each file of the copy's source with its path in the target."""
    copy = origin.copy
    if origin.entry.type == "file":
        yield copy.path, origin.entry
        return
    for entry in hub.pages(trees.page(origin.repo, origin.commit, copy.source_path, recursive=True)):
        if entry.type == "file":
            yield parse_path(copy.path + entry.path.removeprefix(copy.source_path)), entry


def _is_usable(hub: Hub, target: CommitTarget, origin: CopySource, entry: TreeEntry) -> bool:
    """Ask the hub to share a large file with the target; return whether the target can refer to it."""
    if origin.repo == target.repo:
        return True
    assert entry.lfs is not None
    wanted = SharedFile(sha256=entry.lfs.oid, xet_hash=entry.xet_hash, filename=entry.path)
    try:
        return hub.send(lfs.share(origin.repo, target.repo, [wanted])).success
    except (NotFound, Invalid, Forbidden, AnswerUnusable):
        return False


def _fetched(hub: Hub, origin: CopySource, path: RepoPath, entry: TreeEntry, folder: Path) -> Add:
    call = files.content(origin.repo, origin.commit, entry.path)
    if entry.size <= _MAX_IN_MEMORY:
        return Add(path, BytesSource(hub.send(call), entry.path))
    with tempfile.NamedTemporaryFile(dir=folder, delete=False) as out, hub.transport.stream(call) as stream:
        for piece in stream.chunks():
            out.write(piece)
    return Add(path, PathSource.at(out.name))


def may_be_unsupported(error: EntrepotError) -> bool:
    """Return whether an error may mean that the hub does not support copies."""
    return isinstance(error, Invalid) and not isinstance(error, ValueError)

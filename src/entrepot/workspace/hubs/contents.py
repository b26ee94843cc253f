"""Contents of entities on hubs: uploads from the outbox and the workspace, downloads into drafts."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import attrs

from entrepot.client.commit_target import CommitTarget
from entrepot.client.digests import Digests
from entrepot.client.downloads.fetching import WantedFile, fetch
from entrepot.client.downloads.snapshots import fetch_files as download_files
from entrepot.client.hubs import Hub
from entrepot.client.progress import Meter, Progress, Silent
from entrepot.client.sources import PathSource, sha256_of
from entrepot.client.uploads import large_files, lfs_uploads
from entrepot.client.uploads.bulk_uploads import SMALL_BYTES
from entrepot.errors import RepoNotFound, SourceChanged, SourceMissing, SourceUnreadable
from entrepot.names import RepoPath, RepoRef, Sha256
from entrepot.workspace.manifests import Manifest, ManifestEntry
from entrepot.workspace.stores import PushCounts, draft_path

if TYPE_CHECKING:
    from entrepot.workspace.stores import Outbox

_BATCH_BYTES = 256 << 20
_BATCH_FILES = 2_000


@attrs.frozen
class NamedSource(PathSource):
    """A file that has the content of a file of a version, whose path messages show."""

    name: str = ""

    @classmethod
    def of(cls, place: str | Path, name: str) -> NamedSource:
        """Return the file at a place; raises as ``PathSource.at``."""
        found = PathSource.at(place)
        return cls(found.file_path, found.stamp, name=name)

    @property
    def label(self) -> str:
        """The path in the version."""
        return self.name


@attrs.frozen
class _NamedContent:
    """A content known by size and digest only: enough to request it, not to send it."""

    size: int
    label: str

    def pieces(self, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        raise SourceMissing(self.label)

    def read(self) -> bytes:
        raise SourceMissing(self.label)

    def sample(self) -> bytes:
        raise SourceMissing(self.label)


class Contents(Protocol):
    """A source of contents that a hub lacks."""

    def find_file(self, path: RepoPath, entry: ManifestEntry) -> NamedSource | None:
        """Return a file that has a content unless it changes now, or None; the caller verifies what it has sent."""
        ...

    def make_drafts(self, batch: Sequence[tuple[RepoPath, ManifestEntry]]) -> list[Path]:
        """Return files with these contents, each complete and verified; they are deleted after use."""
        ...


@attrs.frozen
class LocalContents:
    """The local sources of contents that a hub lacks.

    Attributes:
        copies: paths of files by the SHA-256 that they had when they were last seen.
        unchanged: those of them that have not been touched since.
        drafts: the folder in which contents are put together.
        indexes: a folder for what the outbox needs.
    """

    outbox: Outbox
    copies: Mapping[str, str]
    drafts: Path
    indexes: Path
    threads: int
    unchanged: Mapping[str, str] = attrs.field(factory=dict)

    def find_file(self, path: RepoPath, entry: ManifestEntry) -> NamedSource | None:
        """Return the copy of a content in the workspace, or None; one that may have changed is read for that."""
        place = self.copies.get(entry.sha256)
        if place is None:
            return None
        try:
            source = NamedSource.of(place, path)
            is_right = source.size == entry.size and (
                entry.sha256 in self.unchanged or sha256_of(source) == entry.sha256
            )
        except (SourceMissing, SourceUnreadable, SourceChanged):
            return None
        return source if is_right else None

    def make_drafts(self, batch: Sequence[tuple[RepoPath, ManifestEntry]]) -> list[Path]:
        """Return the drafts of contents, each complete and verified.

        Raises:
            ChunkMissing: neither the outbox nor the workspace has one of them.
        """
        from entrepot.workspace.hubs.local_stores import local_store
        from entrepot.workspace.stores import fetch_files

        self.drafts.mkdir(parents=True, exist_ok=True)
        drafts = [draft_path(self.drafts, entry) for _, entry in batch]
        waiting = {path: entry for (path, entry), draft in zip(batch, drafts, strict=True) if not draft.exists()}
        waiting = {path: entry for path, entry in waiting.items() if not self._copy(entry)}
        if waiting:
            with local_store(self.indexes, self.threads) as store:
                manifest = Manifest.of(waiting.items())
                fetch_files(store, None, manifest, [*waiting], self.drafts, progress=Silent(), outbox=self.outbox)
        return drafts

    def _copy(self, entry: ManifestEntry) -> bool:
        """Copy a content from the workspace; return False if it is not there, or has changed."""
        source = self.copies.get(entry.sha256)
        draft = draft_path(self.drafts, entry)
        copy = draft.with_name(f"{draft.name}.local")
        try:
            shutil.copyfile(source or "", copy)
        except OSError:
            return False
        with Digests(None) as digests:
            if digests.sha256(PathSource.at(copy)) != entry.sha256:
                copy.unlink()
                return False
        copy.replace(draft)
        return True


@attrs.frozen
class KnownContents:
    """The contents of a repository that are known without a request.

    Attributes:
        present: the digests of contents that it has.
        is_new: it has just been created. Large contents are asked for even then: another repository may have them.
    """

    present: frozenset[str] = frozenset()
    is_new: bool = False

    def needs_question(self, entry: ManifestEntry) -> bool:
        """Return whether the hub has to be asked for a content that is not known to be present."""
        return not self.is_new or entry.size > SMALL_BYTES


def find_missing(
    hub: Hub, ref: RepoRef, manifest: Manifest, known: KnownContents | None = None
) -> dict[RepoPath, ManifestEntry]:
    """Return the files whose content a repository lacks, each content once; all of them if there is no repository.

    Raises:
        HubFailure, HubUnreachable, HubTimeout: the hub could not be asked.
    """
    known = known or KnownContents()
    files = ((path, it) for path, it in manifest.files.items() if it.size and it.sha256 not in known.present)
    wanted = {entry.sha256: (path, entry) for path, entry in files}
    digests = Digests(None)
    asked = {sha256: it for sha256, it in wanted.items() if known.needs_question(it[1])}
    sources = {sha256: _NamedContent(entry.size, path) for sha256, (path, entry) in asked.items()}
    for sha256, source in sources.items():
        digests.learn(source, Sha256(sha256))
    try:
        lacking = {
            digests.sha256(source)
            for source in lfs_uploads.missing(hub, CommitTarget(ref), [*sources.values()], digests)
        }
    except RepoNotFound:
        return dict(wanted.values())
    return {path: entry for sha256, (path, entry) in wanted.items() if sha256 not in asked or sha256 in lacking}


def count(manifest: Manifest, missing: Mapping[RepoPath, ManifestEntry]) -> PushCounts:
    """Return the contents to send and the bytes of those that need not be sent."""
    contents = {entry.sha256: entry.size for entry in manifest.files.values()}
    sent = sum(entry.size for entry in missing.values())
    return PushCounts(len(missing), sent, sum(contents.values()) - sent)


def send_contents(
    hub: Hub,
    ref: RepoRef,
    manifest: Manifest,
    local: Contents,
    progress: Progress,
    known: KnownContents | None = None,
) -> PushCounts:
    """Send the contents of a version that its repository lacks; afterwards a commit can refer to all of them.

    Raises:
        ChunkMissing: a content is not here either.
        Refused, HubFailure, HubUnreachable, HubTimeout: the hub refused, or could not be reached.
    """
    missing = find_missing(hub, ref, manifest, known)
    left = _send_files(hub, ref, missing, local, progress)
    for batch in _batches(left):
        drafts = local.make_drafts(batch)
        sources = [NamedSource.of(draft, path) for draft, (path, _) in zip(drafts, batch, strict=True)]
        large_files.send(hub, CommitTarget(ref), sources, Digests(None), progress)
        for draft in drafts:
            draft.unlink(missing_ok=True)
    return count(manifest, missing)


def _send_files(
    hub: Hub, ref: RepoRef, missing: Mapping[RepoPath, ManifestEntry], local: Contents, progress: Progress
) -> dict[RepoPath, ManifestEntry]:
    """Send contents from files that have them, and return the others; a file is read once, and hashed meanwhile."""
    found = {path: local.find_file(path, entry) for path, entry in missing.items()}
    files = {path: source for path, source in found.items() if source is not None}
    if not files:
        return dict(missing)
    digests = Digests(None)
    try:
        large_files.send(hub, CommitTarget(ref), [*files.values()], digests, progress)
    except (SourceMissing, SourceUnreadable, SourceChanged):  # files change just now: none of them is to be trusted
        return find_missing(hub, ref, Manifest(missing))
    return {
        path: entry
        for path, entry in missing.items()
        if path not in files or digests.find_sha256(files[path]) != entry.sha256
    }


def receive_contents(
    hub: Hub, ref: RepoRef, wanted: Sequence[tuple[str, RepoPath, ManifestEntry]], drafts: Path, progress: Progress
) -> int:
    """Download contents into drafts, each verified, and return their bytes; drafts that are there are kept.

    Args:
        wanted: commit, path and entry of each file.

    Raises:
        DownloadDamaged, DiskFull, CannotWrite, HubFailure, HubUnreachable, HubTimeout: drafts that are complete stay.
    """
    drafts.mkdir(parents=True, exist_ok=True)
    distinct = {entry.sha256: (commit, path, entry) for commit, path, entry in wanted}
    target = DraftTarget(drafts)
    files = []
    for commit, path, entry in distinct.values():
        file = WantedFile(ref, commit, path, entry.sha256, entry.size)
        if entry.size:
            files.append(file)
        elif not target.holds(file):
            target.put(file, b"")
    left = [file for file in files if not target.holds(file)]
    download_files(hub, target, left, progress=progress)
    return sum(file.size or 0 for file in left)


@attrs.frozen
class DraftTarget:
    """Drafts as the target of downloads, one for each content."""

    drafts: Path

    def folder(self, commit: str) -> Path:
        """Return the folder of drafts."""
        return self.drafts

    def find(self, commit: str, path: str) -> Path | None:
        """Return None: a draft is found by its content only."""
        return None

    def adopt(self, wanted: WantedFile) -> Path | None:
        """Return the draft if it is complete."""
        return self.drafts / wanted.etag if self.holds(wanted) else None

    def holds(self, wanted: WantedFile) -> bool:
        """Return whether the draft is complete; it was verified before it got its name."""
        return (self.drafts / wanted.etag).exists()

    def put(self, wanted: WantedFile, data: bytes) -> Path:
        """Store a small, verified content."""
        part = self.drafts / f"{wanted.etag}.small"
        part.write_bytes(data)
        return part.replace(self.drafts / wanted.etag)

    def sweep(self) -> None:
        """Do nothing: every draft can be resumed."""

    def fetch(self, hub: Hub, wanted: WantedFile, meter: Meter, *, is_forced: bool = False) -> Path:
        """Download one content, resuming a partial download; raises as ``fetching.fetch``."""
        part = self.drafts / f"{wanted.etag}.hub"
        fetch(hub, wanted, part, meter)
        os.replace(part, self.drafts / wanted.etag)
        return self.drafts / wanted.etag


def _batches(missing: Mapping[RepoPath, ManifestEntry]) -> Iterator[list[tuple[RepoPath, ManifestEntry]]]:
    batch: list[tuple[RepoPath, ManifestEntry]] = []
    size = 0
    for path, entry in missing.items():
        if batch and (size + entry.size > _BATCH_BYTES or len(batch) >= _BATCH_FILES):
            yield batch
            batch, size = [], 0
        batch.append((path, entry))
        size += entry.size
    if batch:
        yield batch

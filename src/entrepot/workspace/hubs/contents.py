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
from entrepot.client.sources import PathSource
from entrepot.client.uploads import large_files, lfs_uploads
from entrepot.errors import RepoNotFound
from entrepot.names import RepoPath, RepoRef, Sha256
from entrepot.workspace.manifests import Manifest, ManifestEntry
from entrepot.workspace.stores import PushCounts, draft_path

if TYPE_CHECKING:
    from entrepot.workspace.stores import Outbox

_BATCH_BYTES = 256 << 20
_BATCH_FILES = 2_000


@attrs.frozen
class DraftSource:
    """A content that is read from its draft, which must be there when it is read."""

    file_path: Path
    size: int
    label: str

    def pieces(self, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Yield the bytes from ``start`` on; raises as ``PathSource.pieces``."""
        return PathSource.at(self.file_path).pieces(start, length)

    def read(self) -> bytes:
        """Return all bytes; raises as :meth:`pieces`."""
        return PathSource.at(self.file_path).read()

    def sample(self) -> bytes:
        """Return the first 512 bytes; raises as :meth:`pieces`."""
        return PathSource.at(self.file_path).sample()


class Contents(Protocol):
    """Where contents that a hub lacks come from."""

    def make_drafts(self, batch: Sequence[tuple[RepoPath, ManifestEntry]]) -> list[Path]:
        """Return files with these contents, each complete and verified; they are deleted after use."""
        ...


@attrs.frozen
class LocalContents:
    """Where contents that a hub lacks are found here.

    Attributes:
        copies: paths of files by the SHA-256 that they had when they were last seen.
        drafts: the folder in which contents are put together.
        indexes: a folder for what the outbox needs.
    """

    outbox: Outbox
    copies: Mapping[str, str]
    drafts: Path
    indexes: Path
    threads: int

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


def find_missing(hub: Hub, ref: RepoRef, manifest: Manifest) -> dict[RepoPath, ManifestEntry]:
    """Return the files whose content a repository lacks, each content once; all of them if there is no repository.

    Raises:
        HubFailure, HubUnreachable, HubTimeout: the hub could not be asked.
    """
    wanted = {entry.sha256: (path, entry) for path, entry in manifest.files.items() if entry.size}
    digests = Digests(None)
    sources = {sha256: DraftSource(Path(sha256), entry.size, path) for sha256, (path, entry) in wanted.items()}
    for sha256, source in sources.items():
        digests.learn(source, Sha256(sha256))
    try:
        lacking = {
            digests.sha256(source) for source in lfs_uploads.missing(hub, _target(ref), [*sources.values()], digests)
        }
    except RepoNotFound:
        return dict(wanted.values())
    return {path: entry for path, entry in wanted.values() if entry.sha256 in lacking}


def count(manifest: Manifest, missing: Mapping[RepoPath, ManifestEntry]) -> PushCounts:
    """Return the contents to send and the bytes of those that need not be sent."""
    contents = {entry.sha256: entry.size for entry in manifest.files.values()}
    sent = sum(entry.size for entry in missing.values())
    return PushCounts(len(missing), sent, sum(contents.values()) - sent)


def send_contents(hub: Hub, ref: RepoRef, manifest: Manifest, local: Contents, progress: Progress) -> PushCounts:
    """Send the contents of a version that its repository lacks; afterwards a commit can refer to all of them.

    Raises:
        ChunkMissing: a content is not here either.
        Refused, HubFailure, HubUnreachable, HubTimeout: the hub refused, or could not be reached.
    """
    missing = find_missing(hub, ref, manifest)
    for batch in _batches(missing):
        digests = Digests(None)
        drafts = local.make_drafts(batch)
        sources = [DraftSource(draft, it.size, path) for draft, (path, it) in zip(drafts, batch, strict=True)]
        for source, (_, entry) in zip(sources, batch, strict=True):
            digests.learn(source, Sha256(entry.sha256))
        large_files.send(hub, _target(ref), sources, digests, progress)
        for source in sources:
            source.file_path.unlink(missing_ok=True)
    return count(manifest, missing)


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
        """Whether the draft is complete; it was verified before it got its name."""
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


def _target(ref: RepoRef) -> CommitTarget:
    return CommitTarget(ref)


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

"""Files and folders of a repository, and the plan of a dry-run download."""

from __future__ import annotations

import dataclasses
import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from entrepot.client.calls.files import FileFacts
from entrepot.hf.shapes.repos import BlobLfsInfo
from entrepot.hf.shapes.times import parse_timestamp
from entrepot.wire.repos.trees import FileSecurity, LastCommit, TreeEntry

if TYPE_CHECKING:
    from entrepot.client.downloads.downloads import DownloadPlan


@dataclasses.dataclass
class LastCommitInfo(dict[str, Any]):
    """The newest commit that changed a file or folder; also usable as a mapping of the same fields."""

    oid: str
    title: str
    date: datetime.datetime

    def __post_init__(self) -> None:
        self.update(dataclasses.asdict(self))


@dataclasses.dataclass
class BlobSecurityInfo(dict[str, Any]):
    """What scanners found in a file; also usable as a mapping of the same fields.

    ``safe``: no known threat was found; this is ``status == "safe"``.
    """

    safe: bool
    status: str
    av_scan: dict[str, Any] | None
    pickle_import_scan: dict[str, Any] | None

    def __post_init__(self) -> None:
        self.update(dataclasses.asdict(self))


@dataclasses.dataclass
class RepoFile:
    """A file; ``size`` is that of the content, for large files too; ``last_commit`` is None unless requested."""

    path: str
    size: int
    blob_id: str
    lfs: BlobLfsInfo | None = None
    xet_hash: str | None = None
    last_commit: LastCommitInfo | None = None
    security: BlobSecurityInfo | None = None

    @property
    def rfilename(self) -> str:
        """Alias of ``path``, an older name."""
        return self.path

    @property
    def lastCommit(self) -> LastCommitInfo | None:  # noqa: N802 - name in older programs
        """Alias of ``last_commit``, an older name."""
        return self.last_commit


@dataclasses.dataclass
class RepoFolder:
    """A folder."""

    path: str
    tree_id: str
    last_commit: LastCommitInfo | None = None


@dataclasses.dataclass(frozen=True)
class XetFileData:
    """The hash of a file in the chunk store, and the route that issues a token to read it."""

    file_hash: str
    refresh_route: str


@dataclasses.dataclass(frozen=True)
class HfFileMetadata:
    """Metadata of a file: the response headers of the hub, without the content."""

    commit_hash: str | None
    etag: str | None
    location: str
    size: int | None
    xet_file_data: XetFileData | None


@dataclasses.dataclass
class DryRunFileInfo:
    """The result of a dry run for one file: its size, and whether it would be downloaded."""

    commit_hash: str
    file_size: int | None
    filename: str
    local_path: str
    is_cached: bool
    will_download: bool


def entry_of(entry: TreeEntry) -> RepoFile | RepoFolder:
    """Convert an entry of a file tree."""
    commit = _commit(entry.last_commit) if entry.last_commit else None
    if entry.type == "directory":
        return RepoFolder(path=entry.path, tree_id=entry.oid, last_commit=commit)
    lfs = entry.lfs
    return RepoFile(
        path=entry.path,
        size=entry.size,
        blob_id=entry.oid,
        lfs=BlobLfsInfo(size=lfs.size, sha256=lfs.oid, pointer_size=lfs.pointer_size) if lfs else None,
        xet_hash=entry.xet_hash,
        last_commit=commit,
        security=_security(entry.security_file_status) if entry.security_file_status else None,
    )


def metadata_of(facts: FileFacts) -> HfFileMetadata:
    """Convert the metadata of a file."""
    xet = XetFileData(facts.xet_hash, facts.xet_refresh_url) if facts.xet_hash and facts.xet_refresh_url else None
    return HfFileMetadata(facts.commit, facts.etag, facts.location, facts.size, xet)


def dry_run_of(plan: DownloadPlan) -> DryRunFileInfo:
    """Convert the plan of a download."""
    return DryRunFileInfo(
        commit_hash=plan.commit,
        file_size=plan.size,
        filename=plan.path,
        local_path=str(Path(plan.local_path)),
        is_cached=plan.is_cached,
        will_download=plan.will_download,
    )


def _security(found: FileSecurity) -> BlobSecurityInfo:
    scans = [None if scan is None else dict(scan) for scan in (found.av_scan, found.pickle_import_scan)]
    return BlobSecurityInfo(found.status == "safe", found.status, *scans)


def _commit(last: LastCommit) -> LastCommitInfo:
    return LastCommitInfo(oid=last.id, title=last.title, date=parse_timestamp(last.date))

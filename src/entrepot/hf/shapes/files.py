"""Files and folders of a repository, and what a download would do."""

from __future__ import annotations

import dataclasses
import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from entrepot.client.calls.files import FileFacts
from entrepot.hf.shapes.repos import BlobLfsInfo
from entrepot.hf.shapes.times import moment
from entrepot.wire.repos.trees import LastCommit, TreeEntry

if TYPE_CHECKING:
    from entrepot.client.downloads.downloads import DownloadPlan


@dataclasses.dataclass
class LastCommitInfo(dict[str, Any]):
    """The newest commit that changed a file or folder; also a mapping of the same."""

    oid: str
    title: str
    date: datetime.datetime

    def __post_init__(self) -> None:
        self.update(dataclasses.asdict(self))


@dataclasses.dataclass
class RepoFile:
    """A file; ``size`` is that of the real content, ``last_commit`` is there when it was asked for."""

    path: str
    size: int
    blob_id: str
    lfs: BlobLfsInfo | None = None
    xet_hash: str | None = None
    last_commit: LastCommitInfo | None = None
    security: None = None

    @property
    def rfilename(self) -> str:
        """The path, by its older name."""
        return self.path

    @property
    def lastCommit(self) -> LastCommitInfo | None:  # noqa: N802 - an older name
        """``last_commit``, by its older name."""
        return self.last_commit


@dataclasses.dataclass
class RepoFolder:
    """A folder."""

    path: str
    tree_id: str
    last_commit: LastCommitInfo | None = None


@dataclasses.dataclass(frozen=True)
class XetFileData:
    """By which name the chunk store knows a file, and where to get a pass for it."""

    file_hash: str
    refresh_route: str


@dataclasses.dataclass(frozen=True)
class HfFileMetadata:
    """What a hub says about a file without sending it."""

    commit_hash: str | None
    etag: str | None
    location: str
    size: int | None
    xet_file_data: XetFileData | None


@dataclasses.dataclass
class DryRunFileInfo:
    """What downloading a file would do."""

    commit_hash: str
    file_size: int | None
    filename: str
    local_path: str
    is_cached: bool
    will_download: bool


def entry_of(entry: TreeEntry) -> RepoFile | RepoFolder:
    """A file or folder that a hub listed."""
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
    )


def metadata_of(facts: FileFacts) -> HfFileMetadata:
    """What a hub said about a file."""
    xet = XetFileData(facts.xet_hash, facts.xet_refresh_url) if facts.xet_hash and facts.xet_refresh_url else None
    return HfFileMetadata(facts.commit, facts.etag, facts.location, facts.size, xet)


def dry_run_of(forecast: DownloadPlan) -> DryRunFileInfo:
    """What a download would do."""
    return DryRunFileInfo(
        commit_hash=forecast.commit,
        file_size=forecast.size,
        filename=forecast.path,
        local_path=str(Path(forecast.place)),
        is_cached=forecast.is_here,
        will_download=forecast.is_fetched,
    )


def _commit(last: LastCommit) -> LastCommitInfo:
    return LastCommitInfo(oid=last.id, title=last.title, date=moment(last.date))

"""Downloads of ``HubApi``: single files, whole revisions, and verification of local files."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypedDict, Unpack, overload

from entrepot.client import user_warnings
from entrepot.client.hubs import Hub
from entrepot.client.parallel import DOWNLOADS
from entrepot.errors import InvalidArgument
from entrepot.hf.base import Base
from entrepot.hf.files.commits import progress_of
from entrepot.hf.files.tqdm_progress import TqdmClass, TqdmProgress
from entrepot.hf.shapes.files import DryRunFileInfo, dry_run_of

if TYPE_CHECKING:
    from entrepot.client.downloads.downloads import Options
    from entrepot.client.downloads.verifications import FolderVerification
    from entrepot.names import RepoRef

StrPath = str | os.PathLike[str]
Patterns = str | Iterable[str] | None


class DownloadArguments(TypedDict, total=False):
    """Arguments of both kinds of downloads, for type checkers."""

    repo_type: str | None
    revision: str | None
    cache_dir: StrPath | None
    local_dir: StrPath | None
    force_download: bool
    etag_timeout: float | None
    token: str | bool | None
    local_files_only: bool
    tqdm_class: TqdmClass | None
    resume_download: bool | None
    local_dir_use_symlinks: bool | str | None
    proxies: Mapping[str, str] | None


class FileArguments(DownloadArguments, total=False):
    """Arguments of downloads of one file, for type checkers."""

    subfolder: str | None


class SnapshotArguments(DownloadArguments, total=False):
    """Arguments of downloads of many files, for type checkers."""

    allow_patterns: Patterns
    ignore_patterns: Patterns
    max_workers: int


class Downloads(Base):
    """Methods that download files."""

    @overload
    def hf_hub_download(
        self, repo_id: str, filename: str, *, dry_run: Literal[False] = False, **how: Unpack[FileArguments]
    ) -> str: ...

    @overload
    def hf_hub_download(
        self, repo_id: str, filename: str, *, dry_run: Literal[True], **how: Unpack[FileArguments]
    ) -> DryRunFileInfo: ...

    def hf_hub_download(
        self,
        repo_id: str,
        filename: str,
        *,
        subfolder: str | None = None,
        repo_type: str | None = None,
        revision: str | None = None,
        cache_dir: StrPath | None = None,
        local_dir: StrPath | None = None,
        force_download: bool = False,
        etag_timeout: float | None = None,
        token: str | bool | None = None,
        local_files_only: bool = False,
        tqdm_class: TqdmClass | None = None,
        resume_download: bool | None = None,
        local_dir_use_symlinks: bool | str | None = None,
        proxies: Mapping[str, str] | None = None,
        dry_run: bool = False,
    ) -> str | DryRunFileInfo:
        """Download a file and return its local path; with ``dry_run``, return what a download would do.

        A cached file is used if the hub confirms that it is current. An
        interrupted download is resumed. Downloaded bytes are compared with
        their digest before the file becomes visible.

        Args:
            subfolder: folder of the repository that contains ``filename``.
            revision: branch, tag or commit; None is main.
            cache_dir: the cache folder; None is the cache of the hub.
            local_dir: store the file in this folder, under its path, instead of in the cache.
            force_download: download the file even if a local copy exists.
            etag_timeout: seconds to wait for the hub's metadata of the file.
            local_files_only: use local copies only, without a request to the hub.
            tqdm_class: a class like ``tqdm.tqdm`` for progress bars.
            resume_download, local_dir_use_symlinks, proxies: accepted for
                compatibility. Downloads are always resumed, local folders contain
                regular files, and proxies are those of the system (``HTTPS_PROXY``).

        Raises:
            EntryNotFound, RevisionNotFound, RepoNotFound, GatedRepo: the hub refuses, and there is no local copy.
            NotCached: there is no local copy, and the hub was not asked or not reachable.
            DownloadDamaged: the downloaded bytes do not match their digest; they were deleted.
            DiskFull, CannotWrite: the file cannot be stored on this computer.
        """
        from entrepot.client.downloads.downloads import download, plan_download

        _warn_of(proxies)
        hub = self._hub(token)
        ref = self._resolved(hub, repo_id, repo_type, cache_dir, is_local_only=local_files_only)
        inside = (subfolder or "").strip("/")
        path = f"{inside}/{filename}" if inside else filename
        options = _options(hub, cache_dir, local_dir, force_download, local_files_only, etag_timeout, tqdm_class)
        if dry_run:
            return dry_run_of(plan_download(hub, ref, path, revision or "main", options))
        return str(download(hub, ref, path, revision or "main", options))

    hub_download = hf_hub_download

    @overload
    def snapshot_download(
        self, repo_id: str, *, dry_run: Literal[False] = False, **how: Unpack[SnapshotArguments]
    ) -> str: ...

    @overload
    def snapshot_download(
        self, repo_id: str, *, dry_run: Literal[True], **how: Unpack[SnapshotArguments]
    ) -> list[DryRunFileInfo]: ...

    def snapshot_download(
        self,
        repo_id: str,
        *,
        repo_type: str | None = None,
        revision: str | None = None,
        cache_dir: StrPath | None = None,
        local_dir: StrPath | None = None,
        etag_timeout: float | None = None,
        force_download: bool = False,
        token: str | bool | None = None,
        local_files_only: bool = False,
        allow_patterns: Patterns = None,
        ignore_patterns: Patterns = None,
        max_workers: int = DOWNLOADS,
        tqdm_class: TqdmClass | None = None,
        resume_download: bool | None = None,
        local_dir_use_symlinks: bool | str | None = None,
        proxies: Mapping[str, str] | None = None,
        dry_run: bool = False,
    ) -> str | list[DryRunFileInfo]:
        """Download the files of a revision and return their local folder; with ``dry_run``, what a download would do.

        Args:
            allow_patterns: download only files that match one of these (``*.json``, ``data/``).
            ignore_patterns: skip files that match one of these.
            max_workers: number of files that are downloaded at the same time.
            others: as for :meth:`hf_hub_download`.

        Raises:
            as :meth:`hf_hub_download`.
            SnapshotIncomplete: some files have no local copy, and the hub was not asked or not reachable.
        """
        from entrepot.client.downloads.snapshots import download_snapshot, plan_snapshot

        _warn_of(proxies)
        hub, rev = self._hub(token), revision or "main"
        ref = self._resolved(hub, repo_id, repo_type, cache_dir, is_local_only=local_files_only)
        options = _options(hub, cache_dir, local_dir, force_download, local_files_only, etag_timeout, tqdm_class)
        allow, ignore = allow_patterns, ignore_patterns
        if dry_run:
            found = plan_snapshot(hub, ref, rev, allow=allow, ignore=ignore, options=options)
            return [dry_run_of(plan) for plan in found]
        return str(download_snapshot(hub, ref, rev, allow=allow, ignore=ignore, options=options, threads=max_workers))

    def verify_repo_checksums(
        self,
        repo_id: str,
        *,
        repo_type: str | None = None,
        revision: str | None = None,
        local_dir: StrPath | None = None,
        cache_dir: StrPath | None = None,
        token: str | bool | None = None,
    ) -> FolderVerification:
        """Compare local files with the digests listed by the hub.

        Args:
            local_dir: the folder to verify; None is the cache.
            cache_dir: the cache folder; None is the cache of the hub.

        Raises:
            InvalidArgument: both ``local_dir`` and ``cache_dir`` were passed.
            CacheMissing: there are no local files of this revision.
        """
        from entrepot.client.downloads.verifications import verify

        if local_dir is not None and cache_dir is not None:
            raise InvalidArgument("pass either local_dir or cache_dir, not both")
        hub = self._hub(token)
        ref = self._resolved(hub, repo_id, repo_type, cache_dir)
        return verify(hub, ref, revision or "main", folder=folder_of(local_dir), cache=folder_of(cache_dir))

    def _resolved(
        self, hub: Hub, repo_id: str, repo_type: str | None, cache_dir: StrPath | None, *, is_local_only: bool = False
    ) -> RepoRef:
        """Return the repository to download, under the id that its hub and the cache know."""
        ref = self._repo_to_read(repo_id, repo_type)
        if not ref.id.is_short:
            return ref
        from entrepot.client.downloads.aliases import find

        return find(hub, ref, cache=folder_of(cache_dir), is_local_only=is_local_only)


def folder_of(folder: StrPath | None) -> Path | None:
    """Return a folder passed by the user as an absolute path."""
    return Path(os.path.abspath(os.path.expanduser(folder))) if folder is not None else None


def _options(
    hub: Hub,
    cache_dir: StrPath | None,
    local_dir: StrPath | None,
    is_forced: bool,
    is_local_only: bool,
    etag_timeout_s: float | None,
    tqdm_class: TqdmClass | None,
) -> Options:
    from entrepot.client.downloads.downloads import Options

    return Options(
        cache=folder_of(cache_dir),
        folder=folder_of(local_dir),
        is_forced=is_forced,
        is_local_only=is_local_only,
        etag_timeout_s=etag_timeout_s,
        progress=TqdmProgress(tqdm_class) if tqdm_class is not None else progress_of(hub),
    )


def _warn_of(proxies: Mapping[str, str] | None) -> None:
    if proxies:
        user_warnings.warn("proxies is not used: set HTTP_PROXY or HTTPS_PROXY instead", FutureWarning)

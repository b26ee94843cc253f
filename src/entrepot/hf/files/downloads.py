"""Downloads of ``HubApi``: single files, all files of a revision, and whether they are still right."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypedDict, Unpack, overload

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

Place = str | os.PathLike[str]
Patterns = str | Iterable[str] | None


class DownloadArguments(TypedDict, total=False):
    """Arguments of both kinds of downloads, for type checkers."""

    repo_type: str | None
    revision: str | None
    cache_dir: Place | None
    local_dir: Place | None
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
    """Methods that bring files to this computer."""

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
        cache_dir: Place | None = None,
        local_dir: Place | None = None,
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
        """A file of a repository: where it is on this computer, or with ``dry_run`` what fetching it would take.

        It comes out of the cache if it is there and the hub says that it is
        still the right one; an interrupted download is continued; what
        arrives is compared with its digest before anybody sees it.

        Args:
            subfolder: of the repository, in which ``filename`` is.
            revision: branch, tag or commit; None is main.
            cache_dir: another cache than the hub's own.
            local_dir: put the file there, under its path, not into the cache.
            force_download: fetch it even if it is here.
            etag_timeout: seconds that the hub may take to describe the file.
            local_files_only: do not ask the hub; take what is here.
            tqdm_class: draws the progress.
            resume_download, local_dir_use_symlinks, proxies: taken for
                compatibility. Downloads are always continued, folders hold
                real files, proxies are those of the system (``HTTPS_PROXY``).

        Raises:
            EntryNotFound, RevisionNotFound, RepoNotFound, GatedRepo: the hub says so, and no copy is here.
            NotCached: no copy is here, and the hub was not, or could not be, asked.
            DownloadDamaged: other bytes came than were promised; they were removed.
            DiskFull, CannotWrite: this computer cannot keep the file.
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
        cache_dir: Place | None = None,
        local_dir: Place | None = None,
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
        """All files of a revision: the folder they are in, or with ``dry_run`` what fetching them would take.

        Args:
            allow_patterns: only files that match one of these (``*.json``, ``data/``).
            ignore_patterns: no files that match one of these.
            max_workers: how many files are on their way at once.
            others: as for :meth:`hf_hub_download`.

        Raises:
            as :meth:`hf_hub_download`.
            SnapshotIncomplete: only some of the files are here, and the hub cannot be asked for the others.
        """
        from entrepot.client.downloads.snapshots import download_snapshot, plan_snapshot

        _warn_of(proxies)
        hub, rev = self._hub(token), revision or "main"
        ref = self._resolved(hub, repo_id, repo_type, cache_dir, is_local_only=local_files_only)
        options = _options(hub, cache_dir, local_dir, force_download, local_files_only, etag_timeout, tqdm_class)
        allow, ignore = allow_patterns, ignore_patterns
        if dry_run:
            found = plan_snapshot(hub, ref, rev, allow=allow, ignore=ignore, options=options)
            return [dry_run_of(forecast) for forecast in found]
        return str(download_snapshot(hub, ref, rev, allow=allow, ignore=ignore, options=options, threads=max_workers))

    def verify_repo_checksums(
        self,
        repo_id: str,
        *,
        repo_type: str | None = None,
        revision: str | None = None,
        local_dir: Place | None = None,
        cache_dir: Place | None = None,
        token: str | bool | None = None,
    ) -> FolderVerification:
        """Compare local files with the digests that the hub lists.

        Args:
            local_dir: where they are; None is the cache.

        Raises:
            InvalidArgument: two places were named.
            CacheMissing: nothing of it is here.
        """
        from entrepot.client.downloads.verifications import verify

        if local_dir is not None and cache_dir is not None:
            raise InvalidArgument("pass either local_dir or cache_dir, not both")
        hub = self._hub(token)
        ref = self._resolved(hub, repo_id, repo_type, cache_dir)
        return verify(hub, ref, revision or "main", folder=folder_of(local_dir), cache=folder_of(cache_dir))

    def _resolved(
        self, hub: Hub, repo_id: str, repo_type: str | None, cache_dir: Place | None, *, is_local_only: bool = False
    ) -> RepoRef:
        """Return the repository to download, under the id that its hub and the cache know."""
        ref = self._repo_to_read(repo_id, repo_type)
        if not ref.id.is_short:
            return ref
        from entrepot.client.downloads.aliases import find

        return find(hub, ref, cache=folder_of(cache_dir), is_local_only=is_local_only)


def folder_of(place: Place | None) -> Path | None:
    """A folder as users name it, absolute."""
    return Path(os.path.abspath(os.path.expanduser(place))) if place is not None else None


def _options(
    hub: Hub,
    cache_dir: Place | None,
    local_dir: Place | None,
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
        warnings.warn("proxies is not used: set HTTP_PROXY or HTTPS_PROXY instead", FutureWarning, stacklevel=3)

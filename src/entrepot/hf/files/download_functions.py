"""Download functions, which take the hub, the token and the client's name as arguments of each call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Unpack, overload

from entrepot.client.parallel import DOWNLOADS
from entrepot.client.paths import current_paths
from entrepot.hf.files.downloads import Downloads, FileArguments, Patterns, SnapshotArguments, StrPath
from entrepot.hf.files.files import Files
from entrepot.hf.files.tqdm_progress import TqdmClass
from entrepot.hf.shapes.files import DryRunFileInfo, HfFileMetadata

Agent = str | Mapping[str, str] | None


class _Caller(FileArguments, total=False):
    library_name: str | None
    library_version: str | None
    user_agent: Agent
    headers: Mapping[str, str] | None
    endpoint: str | None
    force_filename: str | None
    legacy_cache_layout: bool


class _Fetcher(SnapshotArguments, total=False):
    library_name: str | None
    library_version: str | None
    user_agent: Agent
    headers: Mapping[str, str] | None
    endpoint: str | None


@overload
def hf_hub_download(repo_id: str, filename: str, *, dry_run: Literal[False] = False, **how: Unpack[_Caller]) -> str:
    """Download a file and return its local path."""


@overload
def hf_hub_download(repo_id: str, filename: str, *, dry_run: Literal[True], **how: Unpack[_Caller]) -> DryRunFileInfo:
    """Return the plan of the download of a file."""


def hf_hub_download(
    repo_id: str,
    filename: str,
    *,
    subfolder: str | None = None,
    repo_type: str | None = None,
    revision: str | None = None,
    library_name: str | None = None,
    library_version: str | None = None,
    cache_dir: StrPath | None = None,
    local_dir: StrPath | None = None,
    local_dir_use_symlinks: bool | str | None = None,
    user_agent: Agent = None,
    force_download: bool = False,
    force_filename: str | None = None,
    proxies: Mapping[str, str] | None = None,
    etag_timeout: float | None = None,
    resume_download: bool | None = None,
    token: str | bool | None = None,
    local_files_only: bool = False,
    headers: Mapping[str, str] | None = None,
    legacy_cache_layout: bool = False,
    endpoint: str | None = None,
    tqdm_class: TqdmClass | None = None,
    dry_run: bool = False,
) -> str | DryRunFileInfo:
    """Download a file and return its local path; with ``dry_run``, return what a download would do.

    Args:
        library_name, library_version, user_agent: parts of the ``User-Agent`` header.
        headers: additional headers of every request.
        endpoint: URL of the hub; None is that of the environment.
        force_filename, legacy_cache_layout: accepted for compatibility; the
            cache has a single layout.
        others: as for :meth:`Downloads.hf_hub_download <entrepot.hf.files.downloads.Downloads.hf_hub_download>`.

    Raises:
        as the method.
    """
    api = Downloads(endpoint, token, library_name, library_version, user_agent, headers)
    how: FileArguments = {
        "subfolder": subfolder,
        "repo_type": repo_type,
        "revision": revision,
        "cache_dir": cache_dir,
        "local_dir": local_dir,
        "force_download": force_download,
        "etag_timeout": etag_timeout,
        "local_files_only": local_files_only,
        "tqdm_class": tqdm_class,
        "proxies": proxies,
    }
    if dry_run:
        return api.hf_hub_download(repo_id, filename, dry_run=True, **how)
    return api.hf_hub_download(repo_id, filename, **how)


hub_download = hf_hub_download


@overload
def snapshot_download(repo_id: str, *, dry_run: Literal[False] = False, **how: Unpack[_Fetcher]) -> str:
    """Download the files of a revision and return their local folder."""


@overload
def snapshot_download(repo_id: str, *, dry_run: Literal[True], **how: Unpack[_Fetcher]) -> list[DryRunFileInfo]:
    """Return the plan of the download of the files of a revision."""


def snapshot_download(
    repo_id: str,
    *,
    repo_type: str | None = None,
    revision: str | None = None,
    cache_dir: StrPath | None = None,
    local_dir: StrPath | None = None,
    local_dir_use_symlinks: bool | str | None = None,
    library_name: str | None = None,
    library_version: str | None = None,
    user_agent: Agent = None,
    proxies: Mapping[str, str] | None = None,
    etag_timeout: float | None = None,
    resume_download: bool | None = None,
    force_download: bool = False,
    token: str | bool | None = None,
    local_files_only: bool = False,
    allow_patterns: Patterns = None,
    ignore_patterns: Patterns = None,
    max_workers: int = DOWNLOADS,
    tqdm_class: TqdmClass | None = None,
    headers: Mapping[str, str] | None = None,
    endpoint: str | None = None,
    dry_run: bool = False,
) -> str | list[DryRunFileInfo]:
    """Download the files of a revision and return their local folder; with ``dry_run``, what a download would do.

    Args:
        library_name, library_version, user_agent, headers, endpoint: as for :func:`hf_hub_download`.
        others: as for :meth:`Downloads.snapshot_download <entrepot.hf.files.downloads.Downloads.snapshot_download>`.

    Raises:
        as the method.
    """
    api = Downloads(endpoint, token, library_name, library_version, user_agent, headers)
    how: SnapshotArguments = {
        "repo_type": repo_type,
        "revision": revision,
        "cache_dir": cache_dir,
        "local_dir": local_dir,
        "force_download": force_download,
        "etag_timeout": etag_timeout,
        "local_files_only": local_files_only,
        "allow_patterns": allow_patterns,
        "ignore_patterns": ignore_patterns,
        "max_workers": max_workers,
        "tqdm_class": tqdm_class,
        "proxies": proxies,
    }
    if dry_run:
        return api.snapshot_download(repo_id, dry_run=True, **how)
    return api.snapshot_download(repo_id, **how)


def get_hf_file_metadata(
    url: str,
    token: str | bool | None = None,
    timeout: float | None = None,
    library_name: str | None = None,
    library_version: str | None = None,
    user_agent: Agent = None,
    headers: Mapping[str, str] | None = None,
    endpoint: str | None = None,
    proxies: Mapping[str, str] | None = None,
    retry_on_errors: bool = False,
) -> HfFileMetadata:
    """Return the metadata of the file at a URL of :func:`hf_hub_url`, without its content.

    Args:
        timeout: seconds without data from the hub after which the request fails.
        retry_on_errors: accepted for compatibility; failed requests are always repeated.
        others: as for :func:`hf_hub_download`.

    Raises:
        as :meth:`Files.get_hf_file_metadata <entrepot.hf.files.files.Files.get_hf_file_metadata>`.
    """
    api = Files(endpoint, token, library_name, library_version, user_agent, headers)
    return api.get_hf_file_metadata(url=url, timeout=timeout)


def is_offline_mode() -> bool:
    """Return whether ``ENTREPOT_OFFLINE`` is set, which allows only local files to be used."""
    return current_paths().is_offline

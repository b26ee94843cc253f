"""The local cache: look up and scan it, and folders for other files of a library."""

from __future__ import annotations

import os
from pathlib import Path

from entrepot.client.cache import cache_reports, cache_scans
from entrepot.client.cache.cache_reports import CacheReport
from entrepot.client.cache.caches import KnownAbsent, cache_root, repo_cache
from entrepot.client.calls.files import resolve_path
from entrepot.client.paths import current_paths, parse_endpoint
from entrepot.errors import CacheDamaged, CacheMissing, CannotWrite
from entrepot.hf.base import repo_ref
from entrepot.hf.files.downloads import StrPath, folder_of
from entrepot.names import parse_path

CachedFileInfo = cache_reports.CachedFile
CachedRevisionInfo = cache_reports.CachedRevision
CachedRepoInfo = cache_reports.CachedRepo
CachedIncompleteFileInfo = cache_reports.IncompleteFile
DeleteCacheStrategy = cache_reports.Deletion
HFCacheInfo = cache_reports.CacheReport
CacheNotFound = CacheMissing
CorruptedCacheException = CacheDamaged


class NoExist:
    """The class of ``_CACHED_NO_EXIST``, which means that the file is known not to exist in the commit."""

    def __repr__(self) -> str:
        return "_CACHED_NO_EXIST"


_CACHED_NO_EXIST = NoExist()


def try_to_load_from_cache(
    repo_id: str,
    filename: str,
    cache_dir: StrPath | None = None,
    revision: str | None = None,
    repo_type: str | None = None,
) -> str | NoExist | None:
    """Look up a file in the cache, without a request to the hub.

    Returns:
        The path of the file; ``_CACHED_NO_EXIST`` if the commit is known not to
        contain it; None if the cache does not know.

    Raises:
        InvalidName, InvalidPath: the repository id or the filename breaks a rule.
    """
    found = repo_cache(_root(cache_dir), repo_ref(repo_id, repo_type)).find(revision or "main", parse_path(filename))
    if isinstance(found, KnownAbsent):
        return _CACHED_NO_EXIST
    return str(found) if found is not None else None


def scan_cache_dir(cache_dir: StrPath | None = None) -> CacheReport:
    """Scan a cache and return its repositories, revisions and files.

    Args:
        cache_dir: the cache to scan; None is that of the environment's hub.

    Raises:
        CacheMissing: the cache does not exist.
    """
    return cache_scans.scan(_root(cache_dir))


def cached_assets_path(
    library_name: str, namespace: str = "default", subfolder: str = "default", *, assets_dir: StrPath | None = None
) -> Path:
    """Create a folder in which a library may store its own files, and return its path.

    Args:
        assets_dir: the root of all such folders; None is ``assets`` in ``ENTREPOT_HOME``.

    Raises:
        CannotWrite: the folder cannot be created, for example because a file of this name exists.
    """
    parts = [_one_name(part) for part in (library_name, namespace, subfolder)]
    path = (folder_of(assets_dir) or current_paths().home / "assets").joinpath(*parts)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CannotWrite(str(path), error.strerror or str(error)) from error
    return path


def hf_hub_url(
    repo_id: str,
    filename: str,
    *,
    subfolder: str | None = None,
    repo_type: str | None = None,
    revision: str | None = None,
    endpoint: str | None = None,
) -> str:
    """Return the URL of a file's content.

    Args:
        subfolder: folder of the repository that contains ``filename``.
        endpoint: URL of the hub; None is that of the environment.

    Raises:
        InvalidName, InvalidPath: the repository id or the filename breaks a rule.
    """
    path = parse_path(f"{subfolder.strip('/')}/{filename}" if subfolder else filename)
    address = parse_endpoint(endpoint) if endpoint else current_paths().endpoint
    return f"{address}{resolve_path(repo_ref(repo_id, repo_type), revision or 'main', path)}"


hub_url = hf_hub_url


def _root(cache_dir: StrPath | None) -> Path:
    paths = current_paths()
    return folder_of(cache_dir) or cache_root(paths.cache, paths.endpoint)


def _one_name(part: str) -> str:
    for separator in (" ", "/", "\\", os.sep):
        part = part.replace(separator, "--")
    return part if part.strip(".") else part.replace(".", "-")

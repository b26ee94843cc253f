"""The local cache: what is in it, and folders for whatever else a library wants to keep."""

from __future__ import annotations

import os
from pathlib import Path

from entrepot.client.cache import cache_reports, cache_scans
from entrepot.client.cache.cache_reports import CacheReport
from entrepot.client.cache.caches import KnownAbsent, cache_root, repo_cache
from entrepot.client.calls.files import resolve_path
from entrepot.client.paths import current_places, parse_endpoint
from entrepot.errors import CacheDamaged, CacheMissing, CannotWrite
from entrepot.hf.base import repo_ref
from entrepot.hf.files.downloads import Place, folder_of
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
    """The class of ``_CACHED_NO_EXIST``: the cache knows that a commit has no such file."""

    def __repr__(self) -> str:
        return "_CACHED_NO_EXIST"


_CACHED_NO_EXIST = NoExist()


def try_to_load_from_cache(
    repo_id: str,
    filename: str,
    cache_dir: Place | None = None,
    revision: str | None = None,
    repo_type: str | None = None,
) -> str | NoExist | None:
    """A file out of the cache; nobody is asked.

    Returns:
        Where it is; ``_CACHED_NO_EXIST`` when the commit is known not to have
        it; None when nothing is known.

    Raises:
        InvalidName, InvalidPath: no repository or file can be called so.
    """
    found = repo_cache(_root(cache_dir), repo_ref(repo_id, repo_type)).find(revision or "main", parse_path(filename))
    if isinstance(found, KnownAbsent):
        return _CACHED_NO_EXIST
    return str(found) if found is not None else None


def scan_cache_dir(cache_dir: Place | None = None) -> CacheReport:
    """What is in a cache; None is the one of the hub of the environment.

    Raises:
        CacheMissing: there is none.
    """
    return cache_scans.scan(_root(cache_dir))


def cached_assets_path(
    library_name: str, namespace: str = "default", subfolder: str = "default", *, assets_dir: Place | None = None
) -> Path:
    """A folder in which a library may keep what it likes; it is made.

    Args:
        assets_dir: above all of them; None is ``assets`` in ``ENTREPOT_HOME``.

    Raises:
        CannotWrite: it cannot be made, perhaps because a file is in its place.
    """
    parts = [_one_name(part) for part in (library_name, namespace, subfolder)]
    path = (folder_of(assets_dir) or current_places().home / "assets").joinpath(*parts)
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
    """The URL of a file's content.

    Args:
        subfolder: of the repository, in which ``filename`` is.
        endpoint: the hub; None is that of the environment.

    Raises:
        InvalidName, InvalidPath: no repository or file can be called so.
    """
    path = parse_path(f"{subfolder.strip('/')}/{filename}" if subfolder else filename)
    address = parse_endpoint(endpoint) if endpoint else current_places().endpoint
    return f"{address}{resolve_path(repo_ref(repo_id, repo_type), revision or 'main', path)}"


hub_url = hf_hub_url


def _root(cache_dir: Place | None) -> Path:
    places = current_places()
    return folder_of(cache_dir) or cache_root(places.cache, places.endpoint)


def _one_name(part: str) -> str:
    for separator in (" ", "/", "\\", os.sep):
        part = part.replace(separator, "--")
    return part if part.strip(".") else part.replace(".", "-")

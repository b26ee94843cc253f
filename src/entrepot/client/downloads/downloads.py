"""Download one file: return the cached copy if it is current, else download, verify and store it."""

from __future__ import annotations

from pathlib import Path

import attrs

from entrepot.client.cache.caches import KnownAbsent, RepoCache, cache_root, repo_cache
from entrepot.client.calls import files
from entrepot.client.calls.files import FileFacts
from entrepot.client.downloads.download_targets import CacheTarget, DownloadTarget
from entrepot.client.downloads.fetching import WantedFile
from entrepot.client.downloads.local_folders import FolderTarget
from entrepot.client.hubs import Hub
from entrepot.client.operations import checked
from entrepot.client.progress import Progress, Silent
from entrepot.errors import (
    AnswerUnusable,
    EntrepotError,
    EntryNotFound,
    Forbidden,
    NotCached,
    Offline,
    RepoNotFound,
    Unauthenticated,
    Unavailable,
)
from entrepot.names import RepoPath, RepoRef, is_oid, parse_path, parse_revision

_MAY_BE_CACHED = (Unavailable, Unauthenticated, Forbidden, RepoNotFound)
"""Errors of the hub after which a local copy is still returned."""


@attrs.frozen
class Options:
    """Options of a download.

    ``cache``: the folder of cached repositories; None is that of the hub below
    the cache of ``hub.paths``. ``folder``: store files there instead of in
    the cache. ``is_local_only``: do not ask the hub. ``is_forced``:
    download even if a local copy exists. ``etag_timeout_s``: seconds to wait for the
    metadata of a file; None takes that of ``hub.paths``.
    """

    cache: Path | None = None
    folder: Path | None = None
    is_local_only: bool = False
    is_forced: bool = False
    etag_timeout_s: float | None = None
    progress: Progress = attrs.field(factory=Silent)


@attrs.frozen
class DownloadPlan:
    """The effect of downloading a file; ``size`` is None if the hub does not send it."""

    commit: str
    path: str
    size: int | None
    local_path: Path
    is_cached: bool
    will_download: bool


def download(hub: Hub, ref: RepoRef, path: str, revision: str = "main", options: Options | None = None) -> Path:
    """Download a file of a repository and return its local path.

    Guarantees: the returned file is complete, and was compared with its etag
    when it was downloaded. The next call resumes an interrupted
    download.

    Raises:
        EntryNotFound, RevisionNotFound, RepoNotFound, GatedRepo: the hub refuses, and there is no local copy.
        NotCached: there is no local copy, and the hub was not asked or not reachable.
        DownloadDamaged: the downloaded bytes do not match the etag; they were deleted.
        DiskFull, CannotWrite: the file cannot be stored on this computer.
        InvalidPath: the path is not a valid path of a file.
    """
    options = options or Options()
    checked(path)
    target = target_of(hub, ref, options)
    if (found := _find_local(target, revision, path, options)) is not None:
        return found
    wanted = _ask(hub, ref, path, revision, options)
    if isinstance(wanted, Path):
        return wanted
    if not options.is_forced and (found := target.adopt(wanted)) is not None:
        return found
    meter = options.progress.begin(path, wanted.size)
    try:
        return target.fetch(hub, wanted, meter, is_forced=options.is_forced)
    finally:
        meter.finish()


def plan_download(
    hub: Hub, ref: RepoRef, path: str, revision: str = "main", options: Options | None = None
) -> DownloadPlan:
    """Return the plan of :func:`download`; asks the hub and changes nothing.

    Raises:
        as :func:`download`; NotCached if the hub cannot be asked.
    """
    options = attrs.evolve(options or Options(), is_local_only=False)
    try:
        wanted = _wanted(hub, ref, parse_path(path), revision, facts_of(hub, ref, path, revision, options))
    except Unavailable as error:
        raise NotCached(f"{path} of {ref}", why=f"the download cannot be planned: {error}") from error
    return plan_file(target_of(hub, ref, options), wanted, is_forced=options.is_forced)


def plan_file(target: DownloadTarget, wanted: WantedFile, *, is_forced: bool) -> DownloadPlan:
    """Return the plan of the download of a file with known metadata."""
    is_cached = target.holds(wanted)
    local_path = target.folder(wanted.commit) / wanted.path
    return DownloadPlan(wanted.commit, wanted.path, wanted.size, local_path, is_cached, is_forced or not is_cached)


def facts_of(hub: Hub, ref: RepoRef, path: str, revision: str, options: Options | None = None) -> FileFacts:
    """Return the hub's metadata of a file; the cache records a file that does not exist.

    Raises:
        Offline, HubFailure, HubUnreachable, HubTimeout, TlsFailed: as ``Hub.send``.
    """
    options = options or Options()
    parse_revision(revision)
    hub.need_network(f"{path} of {ref}")
    timeout_s = options.etag_timeout_s or hub.paths.etag_timeout_s
    cache = cache_of(hub, ref, options)
    # With a local copy, do not wait for the hub to come back.
    retries = 0 if isinstance(cache.find(revision, path), Path) else None
    try:
        return hub.transport.send(files.facts(ref, revision, path), timeout_s=timeout_s, retries=retries)
    except EntryNotFound as error:
        if error.commit is not None and is_oid(error.commit):
            cache.note_ref(revision, error.commit)
            cache.note_absent(error.commit, path)
        raise


def cache_of(hub: Hub, ref: RepoRef, options: Options) -> RepoCache:
    """Return the cache of a repository."""
    return repo_cache(options.cache or cache_root(hub.paths.cache, hub.endpoint), ref)


def target_of(hub: Hub, ref: RepoRef, options: Options) -> DownloadTarget:
    """Return the target for downloaded files."""
    cache = cache_of(hub, ref, options)
    return CacheTarget(cache) if options.folder is None else FolderTarget(options.folder, cache)


def _find_local(target: DownloadTarget, revision: str, path: str, options: Options) -> Path | None:
    """Return a local file of a full commit id; it cannot change, so the hub is not asked."""
    return target.find(revision, path) if is_oid(revision) and not options.is_forced else None


def _ask(hub: Hub, ref: RepoRef, path: str, revision: str, options: Options) -> WantedFile | Path:
    """Ask the hub for the metadata of a file; return the local copy if the hub cannot be asked."""
    if options.is_local_only:
        return _local_copy(hub, ref, path, revision, options, "the hub was not asked (local_files_only)", None)
    try:
        facts = facts_of(hub, ref, path, revision, options)
    except _MAY_BE_CACHED as error:
        if options.is_forced:
            raise
        return _local_copy(hub, ref, path, revision, options, _why(error), error)
    wanted = _wanted(hub, ref, RepoPath(path), revision, facts)
    cache_of(hub, ref, options).note_ref(revision, wanted.commit)
    return wanted


def _wanted(hub: Hub, ref: RepoRef, path: RepoPath, revision: str, facts: FileFacts) -> WantedFile:
    url = f"{hub.endpoint}{files.resolve_path(ref, revision, path)}"
    commit = facts.commit or (revision if is_oid(revision) else None)
    if commit is None or not is_oid(commit):
        raise AnswerUnusable(url, "the response lacks the commit of the file")
    if not facts.etag:
        raise AnswerUnusable(url, "the response lacks the etag of the file")
    return WantedFile(ref, commit, path, facts.etag, facts.size, facts.xet_hash)


def _local_copy(
    hub: Hub, ref: RepoRef, path: str, revision: str, options: Options, why: str, error: EntrepotError | None
) -> Path:
    cache = cache_of(hub, ref, options)
    if options.folder is not None:
        commit = cache.resolve(revision)
        file = options.folder / path
        if (commit and FolderTarget(options.folder, cache).find(commit, path)) or (commit is None and file.is_file()):
            return file
    found = cache.find(revision, path)
    if isinstance(found, Path):
        return found
    if isinstance(found, KnownAbsent) and error is None:
        raise EntryNotFound(path, found.commit, f"{path} does not exist in {ref} at {revision}, according to the cache")
    if error is not None and not isinstance(error, Unavailable):
        raise error
    raise NotCached(f"{path} of {ref} ({revision})", why=why) from error


def _why(error: EntrepotError) -> str:
    return "offline mode is on (ENTREPOT_OFFLINE)" if isinstance(error, Offline) else str(error)

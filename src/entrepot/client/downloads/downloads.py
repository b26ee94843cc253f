"""One file of a repository, on this computer: out of the cache if it is there, else fetched, checked and kept."""

from __future__ import annotations

from pathlib import Path

import attrs

from entrepot.client.cache.caches import KnownAbsent, RepoCache, cache_root, is_commit, repo_cache
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
from entrepot.names import RepoPath, RepoRef, parse_path, parse_revision

_MAY_BE_CACHED = (Unavailable, Unauthenticated, Forbidden, RepoNotFound)
"""What the hub may say (or fail to) and a copy that is here is handed out all the same."""


@attrs.frozen
class Options:
    """How to download.

    ``cache``: the folder of cached repositories; None is the hub's own below
    the cache of ``hub.places``. ``folder``: put files there, instead of into
    the cache. ``is_local_only``: do not ask the hub at all. ``is_forced``:
    fetch even what is here. ``etag_timeout_s``: how long the hub may take to
    describe a file; None takes that of ``hub.places``.
    """

    cache: Path | None = None
    folder: Path | None = None
    is_local_only: bool = False
    is_forced: bool = False
    etag_timeout_s: float | None = None
    progress: Progress = attrs.field(factory=Silent)


@attrs.frozen
class DownloadPlan:
    """What downloading a file would do; ``size`` is None when the hub does not tell it."""

    commit: str
    path: str
    size: int | None
    place: Path
    is_here: bool
    is_fetched: bool


def download(hub: Hub, ref: RepoRef, path: str, revision: str = "main", options: Options | None = None) -> Path:
    """A file of a repository; returns where it is.

    Guarantees: what is returned is complete and was compared with the tag of
    the file when it arrived. An interrupted download is continued by the
    next call.

    Raises:
        EntryNotFound, RevisionNotFound, RepoNotFound, GatedRepo: the hub says so, and no copy is here.
        NotCached: no copy is here, and the hub was not, or could not be, asked.
        DownloadDamaged: other bytes came than were promised; nothing was kept of them.
        DiskFull, CannotWrite: this computer cannot keep the file.
        InvalidPath: no file can have this path.
    """
    options = options or Options()
    checked(path)
    target = target_of(hub, ref, options)
    if (found := _find_unasked(target, revision, path, options)) is not None:
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
    """What :func:`download` would do; the hub is asked, nothing is changed.

    Raises:
        as :func:`download`; NotCached when the hub cannot be asked.
    """
    options = attrs.evolve(options or Options(), is_local_only=False)
    try:
        wanted = _wanted(hub, ref, parse_path(path), revision, facts_of(hub, ref, path, revision, options))
    except Unavailable as error:
        raise NotCached(f"{path} of {ref}", why=f"what it would take is unknown: {error}") from error
    return forecast(target_of(hub, ref, options), wanted, is_forced=options.is_forced)


def forecast(target: DownloadTarget, wanted: WantedFile, *, is_forced: bool) -> DownloadPlan:
    """What fetching a file whose tag is known would do."""
    is_here = target.holds(wanted)
    place = target.folder(wanted.commit) / wanted.path
    return DownloadPlan(wanted.commit, wanted.path, wanted.size, place, is_here, is_forced or not is_here)


def facts_of(hub: Hub, ref: RepoRef, path: str, revision: str, options: Options | None = None) -> FileFacts:
    """What the hub says about a file; that it has none is remembered in the cache.

    Raises:
        Offline, HubFailure, HubUnreachable, HubTimeout, TlsFailed: as ``Hub.send``.
    """
    options = options or Options()
    parse_revision(revision)
    hub.need_network(f"{path} of {ref}")
    timeout_s = options.etag_timeout_s or hub.places.etag_timeout_s
    cache = cache_of(hub, ref, options)
    # Whoever has a copy need not wait for the hub to come back.
    retries = 0 if isinstance(cache.find(revision, path), Path) else None
    try:
        return hub.transport.send(files.facts(ref, revision, path), timeout_s=timeout_s, retries=retries)
    except EntryNotFound as error:
        if error.commit is not None and is_commit(error.commit):
            cache.note_ref(revision, error.commit)
            cache.note_absent(error.commit, path)
        raise


def cache_of(hub: Hub, ref: RepoRef, options: Options) -> RepoCache:
    """The cache of a repository."""
    return repo_cache(options.cache or cache_root(hub.places.cache, hub.endpoint), ref)


def target_of(hub: Hub, ref: RepoRef, options: Options) -> DownloadTarget:
    """Where files shall go."""
    cache = cache_of(hub, ref, options)
    return CacheTarget(cache) if options.folder is None else FolderTarget(options.folder, cache)


def _find_unasked(target: DownloadTarget, revision: str, path: str, options: Options) -> Path | None:
    """A file of a commit that is named by its id never changes."""
    return target.find(revision, path) if is_commit(revision) and not options.is_forced else None


def _ask(hub: Hub, ref: RepoRef, path: str, revision: str, options: Options) -> WantedFile | Path:
    """What the hub says the file is; a copy that is here when it cannot be asked."""
    if options.is_local_only:
        return _copy_here(hub, ref, path, revision, options, "asking the hub was not allowed (local_files_only)", None)
    try:
        facts = facts_of(hub, ref, path, revision, options)
    except _MAY_BE_CACHED as error:
        if options.is_forced:
            raise
        return _copy_here(hub, ref, path, revision, options, _why(error), error)
    wanted = _wanted(hub, ref, RepoPath(path), revision, facts)
    cache_of(hub, ref, options).note_ref(revision, wanted.commit)
    return wanted


def _wanted(hub: Hub, ref: RepoRef, path: RepoPath, revision: str, facts: FileFacts) -> WantedFile:
    url = f"{hub.endpoint}{files.resolve_path(ref, revision, path)}"
    commit = facts.commit or (revision if is_commit(revision) else None)
    if commit is None or not is_commit(commit):
        raise AnswerUnusable(url, "it does not say which commit the file is of")
    if not facts.etag:
        raise AnswerUnusable(url, "it does not say by which tag the file is recognised")
    return WantedFile(ref, commit, path, facts.etag, facts.size, facts.xet_hash)


def _copy_here(
    hub: Hub, ref: RepoRef, path: str, revision: str, options: Options, why: str, error: EntrepotError | None
) -> Path:
    cache = cache_of(hub, ref, options)
    if options.folder is not None:
        commit = cache.resolve(revision)
        place = options.folder / path
        if (commit and FolderTarget(options.folder, cache).find(commit, path)) or (commit is None and place.is_file()):
            return place
    found = cache.find(revision, path)
    if isinstance(found, Path):
        return found
    if isinstance(found, KnownAbsent) and error is None:
        raise EntryNotFound(path, found.commit, f"{path} does not exist in {ref} at {revision}, as the cache knows")
    if error is not None and not isinstance(error, Unavailable):
        raise error
    raise NotCached(f"{path} of {ref} ({revision})", why=why) from error


def _why(error: EntrepotError) -> str:
    return "offline mode is on (ENTREPOT_OFFLINE)" if isinstance(error, Offline) else str(error)

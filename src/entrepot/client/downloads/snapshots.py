"""Download all files of a revision, or those that match patterns.

One request lists the files with their etags; after that, only contents
are downloaded: many small files with one request if the hub supports it
(``calls/contents.py``), large ones separately and in parallel.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import attrs

from entrepot.client import user_warnings
from entrepot.client.cache.caches import RepoCache
from entrepot.client.calls import contents, repos, trees
from entrepot.client.downloads.download_targets import DownloadTarget, has_size
from entrepot.client.downloads.downloads import DownloadPlan, Options, cache_of, plan_file, target_of
from entrepot.client.downloads.fetching import WantedFile
from entrepot.client.hubs import Hub
from entrepot.client.integrity import is_intact
from entrepot.client.parallel import DOWNLOADS
from entrepot.client.patterns import Patterns, Selection, described, select
from entrepot.client.progress import Meter, Progress
from entrepot.errors import (
    AnswerUnusable,
    EntrepotError,
    Forbidden,
    Invalid,
    NotCached,
    NotFound,
    Offline,
    RepoNotFound,
    SnapshotIncomplete,
    TooLarge,
    Unauthenticated,
    Unavailable,
)
from entrepot.names import RepoRef, is_oid, parse_revision
from entrepot.wire.files.bulk_downloads import MAX_FILE
from entrepot.wire.repos.trees import TreeEntry

_BATCH_FILES = 250
_BATCH_BYTES = 4 << 20
_WITHOUT_BATCHES: set[str] = set()
"""Endpoints of hubs that do not support bulk downloads."""

_MAY_BE_CACHED = (Unavailable, Unauthenticated, Forbidden, RepoNotFound)


def download_snapshot(
    hub: Hub,
    ref: RepoRef,
    revision: str = "main",
    *,
    allow: Patterns = None,
    ignore: Patterns = None,
    options: Options | None = None,
    threads: int = DOWNLOADS,
) -> Path:
    """Download all selected files of a revision and return their folder.

    Args:
        threads: number of files, or groups of small ones, that are downloaded at the same time.

    Guarantees: as ``downloads.download`` for each file; complete files are
    not downloaded again, however an earlier call ended.

    Raises:
        RepoNotFound, RevisionNotFound, GatedRepo: the hub refuses, and there is no local copy.
        NotCached: there is no local copy, and the hub was not asked or not reachable.
        SnapshotIncomplete: some files have no local copy, and the hub was not asked or not reachable.
        DownloadDamaged, DiskFull, CannotWrite, InvalidPath: as ``downloads.download``.
    """
    options = options or Options()
    selection = select(allow, ignore)
    try:
        listed = _list(hub, ref, revision, options)
    except _MAY_BE_CACHED as error:
        return _local_copy(hub, ref, revision, selection, options, error)
    target = target_of(hub, ref, options)
    chosen = [wanted for wanted in listed.files if selection.has(wanted.path)]
    missing = chosen if options.is_forced else [w for w in chosen if not _is_complete(target, w)]
    if missing:
        _fetch_all(_SnapshotRequest(hub, target, options), missing, threads)
    target.sweep()
    folder = target.folder(listed.commit)
    if not chosen:
        if patterns := described(allow, ignore):
            user_warnings.warn(f"no file of {ref} at {revision} matches {patterns}")
        folder.mkdir(parents=True, exist_ok=True)
    return folder


def plan_snapshot(
    hub: Hub,
    ref: RepoRef,
    revision: str = "main",
    *,
    allow: Patterns = None,
    ignore: Patterns = None,
    options: Options | None = None,
) -> list[DownloadPlan]:
    """Return the plan of :func:`download_snapshot` for each selected file; downloads nothing.

    Raises:
        as :func:`download_snapshot`; NotCached if the hub cannot be asked.
    """
    options = attrs.evolve(options or Options(), is_local_only=False)
    selection, target = select(allow, ignore), target_of(hub, ref, options)
    try:
        listed = _list(hub, ref, revision, options)
    except Unavailable as error:
        raise NotCached(str(ref), why=f"the download cannot be planned: {error}") from error
    return [plan_file(target, w, is_forced=options.is_forced) for w in listed.files if selection.has(w.path)]


def fetch_files(
    hub: Hub, target: DownloadTarget, files: Sequence[WantedFile], *, progress: Progress, threads: int = DOWNLOADS
) -> None:
    """Download those of some files that the target does not have; see :func:`download_snapshot`.

    Raises:
        DownloadDamaged, DiskFull, CannotWrite, InvalidPath: as ``downloads.download``.
    """
    missing = [wanted for wanted in files if not _is_complete(target, wanted)]
    if missing:
        _fetch_all(_SnapshotRequest(hub, target, Options(progress=progress)), missing, threads)


# --- listing -------------------------------------------------------------------


@attrs.frozen
class _Listed:
    commit: str
    files: Sequence[WantedFile]


def _list(hub: Hub, ref: RepoRef, revision: str, options: Options) -> _Listed:
    """List all files of a revision, from the cache for a commit that was listed before, else from the hub."""
    if options.is_local_only:
        raise Offline(str(ref))
    cache = cache_of(hub, ref, options)
    parse_revision(revision)
    commit = revision
    if not is_oid(revision):
        timeout_s = options.etag_timeout_s or hub.paths.etag_timeout_s
        sha = hub.send(repos.describe(ref, revision, expand=("sha",)), timeout_s=timeout_s).sha
        if not isinstance(sha, str) or not is_oid(sha):
            raise AnswerUnusable(hub.endpoint, f"the response lacks the commit of {revision} of {ref}")
        commit = sha
        cache.note_ref(revision, commit)
    return _Listed(commit, list_files(hub, ref, commit, options))


def list_files(hub: Hub, ref: RepoRef, commit: str, options: Options | None = None) -> list[WantedFile]:
    """Return all files of a commit, from the cache if it was listed before, else from the hub; without submodules.

    Args:
        commit: a full id.

    Raises:
        RepoNotFound, RevisionNotFound, GatedRepo: the hub refuses.
        Offline, HubFailure, HubUnreachable, HubTimeout, AnswerUnusable: the hub cannot be asked.
    """
    cache = cache_of(hub, ref, options or Options())
    entries = cache.tree(commit)
    if entries is None:
        pages = hub.pages(trees.page(ref, commit, recursive=True))
        entries = [entry for entry in pages if entry.type == "file" and not _is_submodule(entry)]
        cache.note_tree(commit, entries)
    return [_wanted(ref, commit, entry) for entry in entries]


def _wanted(ref: RepoRef, commit: str, entry: TreeEntry) -> WantedFile:
    etag = entry.lfs.oid if entry.lfs else entry.oid
    return WantedFile(ref, commit, entry.path, etag, entry.lfs.size if entry.lfs else entry.size, entry.xet_hash)


def _is_submodule(entry: TreeEntry) -> bool:
    """Return whether an entry is a submodule: listed as an empty file, but with the id of a commit."""
    return entry.size == 0 and entry.lfs is None and not is_intact(b"", entry.oid)


def _is_complete(target: DownloadTarget, wanted: WantedFile) -> bool:
    """Return whether a file needs no download; local content is added to the commit."""
    found = target.find(wanted.commit, wanted.path)
    return (found is not None and has_size(found, wanted)) or target.adopt(wanted) is not None


# --- downloading ---------------------------------------------------------------


@attrs.frozen
class _SnapshotRequest:
    """State shared by the threads of one snapshot."""

    hub: Hub
    target: DownloadTarget
    options: Options
    has_failed: threading.Event = attrs.field(factory=threading.Event)

    def run(self, group: Sequence[WantedFile], meter: Meter) -> None:
        """Download one file, or a group of small ones."""
        if self.has_failed.is_set():
            return
        watched = _Watched(meter, self.has_failed)
        try:
            for wanted in self._gather(group, meter) if len(group) > 1 else group:
                self.target.fetch(self.hub, wanted, watched, is_forced=self.options.is_forced)
        except _Stopped:
            return  # the partial file is kept and resumed by the next call
        except BaseException:
            self.has_failed.set()  # stop the other downloads
            raise

    def _gather(self, group: Sequence[WantedFile], meter: Meter) -> Sequence[WantedFile]:
        """Download a group of files with one request; return those that must be downloaded separately."""
        if self.hub.endpoint in _WITHOUT_BATCHES:
            return group
        rest = {wanted.path: wanted for wanted in group}
        try:
            answer = self.hub.send(contents.bulk_download(group[0].ref, group[0].commit, list(rest)))
        except (NotFound, Invalid, TooLarge, AnswerUnusable) as error:
            # The hub has just listed these files, so it must be the request that it does not support.
            if not isinstance(error, RepoNotFound):
                _WITHOUT_BATCHES.add(self.hub.endpoint)
            return group
        for file, data in answer:
            wanted = rest.get(file.path)
            if wanted is not None and is_intact(data, wanted.etag):
                self.target.put(wanted, data)
                meter.advance(len(data))
                del rest[file.path]
        return list(rest.values())


class _Stopped(Exception):
    """The download was stopped because another one failed."""


@attrs.frozen
class _Watched:
    """A meter that stops its download after another one has failed, or after an interrupt."""

    meter: Meter
    has_failed: threading.Event

    def advance(self, amount: int) -> None:
        if self.has_failed.is_set():
            raise _Stopped
        self.meter.advance(amount)

    def finish(self) -> None:
        self.meter.finish()


def _fetch_all(request: _SnapshotRequest, missing: Sequence[WantedFile], threads: int) -> None:
    total = sum(wanted.size or 0 for wanted in missing)
    meter = request.options.progress.begin(f"Fetching {len(missing):,} files", total)
    try:
        with ThreadPoolExecutor(max(1, threads), thread_name_prefix="download") as pool:
            running = [pool.submit(request.run, group, meter) for group in _groups(missing)]
            try:
                for one in running:
                    one.result()
            except BaseException:
                request.has_failed.set()
                pool.shutdown(wait=True, cancel_futures=True)
                raise
    finally:
        meter.finish()


def _groups(missing: Sequence[WantedFile]) -> Iterator[Sequence[WantedFile]]:
    """Group files for downloading: first each large file alone, largest first, so none starts last; then small ones."""
    small = [wanted for wanted in missing if wanted.size is not None and wanted.size <= MAX_FILE]
    chosen = {id(wanted) for wanted in small}
    large = [wanted for wanted in missing if id(wanted) not in chosen]
    yield from ([wanted] for wanted in sorted(large, key=lambda wanted: -(wanted.size or 0)))
    group: list[WantedFile] = []
    size = 0
    for wanted in small:
        if len(group) == _BATCH_FILES or (group and size + (wanted.size or 0) > _BATCH_BYTES):
            yield group
            group, size = [], 0
        group.append(wanted)
        size += wanted.size or 0
    if group:
        yield group


# --- offline -------------------------------------------------------------------


def _local_copy(
    hub: Hub, ref: RepoRef, revision: str, selection: Selection, options: Options, error: EntrepotError
) -> Path:
    cache, target = cache_of(hub, ref, options), target_of(hub, ref, options)
    commit = cache.resolve(revision)
    if commit is not None and (folder := target.folder(commit)).is_dir():
        lacking = _lacking(cache, folder, commit, selection)
        if not lacking:
            return folder
        raise SnapshotIncomplete(
            lacking[0], commit, what=f"{ref} ({revision})", missing=len(lacking), why=_why(error, options)
        ) from error
    if not isinstance(error, Unavailable):
        raise error
    raise NotCached(f"{ref} ({revision})", why=_why(error, options)) from error


def _lacking(cache: RepoCache, folder: Path, commit: str, selection: Selection) -> list[str]:
    """List selected files that are missing in a folder; empty if the list of the commit's files is unknown."""
    entries = cache.tree(commit) or ()
    return [e.path for e in entries if selection.has(e.path) and not (folder / e.path).is_file()]


def _why(error: EntrepotError, options: Options) -> str:
    if options.is_local_only:
        return "the hub was not asked (local_files_only)"
    return "offline mode is on (ENTREPOT_OFFLINE)" if isinstance(error, Offline) else str(error)

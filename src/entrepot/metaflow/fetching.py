"""Repositories in the cache of this computer, as references and as copies in folders of a task."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import attrs

from entrepot.client.cache.caches import RepoCache
from entrepot.client.downloads.downloads import Options, cache_of
from entrepot.client.downloads.revisions import resolve
from entrepot.client.downloads.snapshots import download_snapshot
from entrepot.client.hubs import Hub, connect
from entrepot.client.parallel import DOWNLOADS
from entrepot.client.patterns import select
from entrepot.client.progress import Meter, Silent
from entrepot.metaflow.placement import PlacedFile, place, place_new
from entrepot.metaflow.references import Reference, now
from entrepot.metaflow.sessions import CardRow, TaskSession
from entrepot.metaflow.specs import LoadItem
from entrepot.names import RepoRef


@attrs.frozen
class Fetched:
    """A reference whose files are in the cache."""

    reference: Reference
    folder: Path
    files: tuple[PlacedFile, ...]

    def copy_to(self, folder: Path, *, is_new: bool) -> None:
        """Copy the files to a folder.

        Args:
            is_new: the folder is empty and belongs to this task.

        Raises:
            DiskFull, CannotWrite, InvalidPath: as ``placement.place``.
        """
        (place_new if is_new else place)(self.files, folder)

    def protect(self) -> Path:
        """Make the cached files read-only for this user, and return their folder in the cache."""
        for file in self.files:
            source = file.source.resolve()
            source.chmod(source.stat().st_mode & ~0o222)
        return self.folder


def fetch_item(session: TaskSession, item: LoadItem, endpoint: str | None, folder: Path | None = None) -> Fetched:
    """Resolve an item to a commit, with at most one request, and fetch what the cache lacks of it.

    Args:
        endpoint: the address of the hub, if the item has none.
        folder: download to this folder, as the client does, instead of to the cache.

    Raises:
        RepoNotFound, RevisionNotFound, GatedRepo, NotCached, HubUnreachable, DiskFull: as the client.
    """
    hub = connect(item.endpoint or endpoint, item.token)
    options = Options(
        cache=item.cache,
        folder=folder,
        is_forced=item.is_forced,
        is_local_only=item.is_local_only,
        etag_timeout_s=item.etag_timeout_s,
    )
    revision = item.revision or "main"
    found = resolve(hub, item.ref, revision, options)
    wanted = _Wanted(found.ref, revision, found.commit, item.allow, item.ignore)
    return _fetch(session, hub, wanted, options, item.threads or DOWNLOADS)


def fetch_reference(session: TaskSession, reference: Reference, endpoint: str | None = None) -> Fetched:
    """Fetch what the cache lacks of a reference; the hub is not asked about a commit that was fetched before.

    Args:
        endpoint: the address of the hub, if it is another one than when the reference was made.

    Raises:
        as :func:`fetch_item`.
    """
    hub = connect(endpoint or reference.endpoint)
    wanted = _Wanted(reference.ref, reference.revision, reference.commit, reference.allow, reference.ignore)
    return _fetch(session, hub, wanted, Options(), DOWNLOADS)


@attrs.frozen
class _Wanted:
    ref: RepoRef
    revision: str
    commit: str
    allow: tuple[str, ...] | None
    ignore: tuple[str, ...] | None


def _fetch(session: TaskSession, hub: Hub, wanted: _Wanted, options: Options, threads: int) -> Fetched:
    began, counter = time.monotonic(), _Counter()
    options = attrs.evolve(options, progress=counter)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a selection of nothing: the reference says "files": 0
        folder = download_snapshot(
            hub,
            wanted.ref,
            wanted.commit,
            allow=wanted.allow,
            ignore=wanted.ignore,
            options=options,
            threads=threads,
        )
    files = tuple(_files(cache_of(hub, wanted.ref, options), folder, wanted))
    reference = Reference(
        hub.endpoint,
        wanted.ref,
        wanted.revision,
        wanted.commit,
        wanted.allow,
        wanted.ignore,
        len(files),
        sum(file.size for file in files),
        now(),
    )
    session.add(_row(reference, counter.total, time.monotonic() - began))
    return Fetched(reference, folder, files)


def _files(cache: RepoCache, folder: Path, wanted: _Wanted) -> Iterator[PlacedFile]:
    selection, entries = select(wanted.allow, wanted.ignore), cache.tree(wanted.commit)
    # A cache that cannot be written has no list, if the files came from somewhere else.
    paths = (
        [entry.path for entry in entries]
        if entries is not None
        else sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))
    )
    for path in paths:
        source = folder / path
        if selection.has(path) and source.is_file():
            yield PlacedFile(path, source, source.stat().st_size)


def _row(reference: Reference, fetched: int | None, seconds: float) -> CardRow:
    return CardRow(
        reference.key, reference.endpoint, reference.revision, reference.files, reference.size, fetched, seconds
    )


def row_of_push(reference: Reference, seconds: float) -> CardRow:
    """Return the line of the card for a push."""
    return _row(reference, None, seconds)


class _Counter:
    """Counts the bytes that have to be fetched; shows nothing."""

    def __init__(self) -> None:
        self.total = 0

    def begin(self, label: str, total: int | None, *, unit: str = "B") -> Meter:
        """Add the size of a download."""
        self.total += (total or 0) if unit == "B" else 0
        return Silent().begin(label, total, unit=unit)

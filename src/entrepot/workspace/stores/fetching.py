"""Fetching of files: chunk ranges are read in parallel, verified, and put together as drafts."""

from __future__ import annotations

import errno
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

from entrepot.client.progress import Meter, Progress
from entrepot.errors import ChunkMissing, ContentDamaged, DiskFull, EntrepotError, InvalidArgument, Malformed
from entrepot.names import RepoPath
from entrepot.workspace.manifests import UNKNOWN_SIZE, Cid, Manifest, ManifestEntry, cid_of
from entrepot.workspace.stores.chunk_stores import ChunkStore
from entrepot.workspace.stores.drafts import Draft, draft_path
from entrepot.workspace.stores.legacy_contents import OldChunk, chunks_of, get_descriptor, read_chunk
from entrepot.workspace.stores.locating import Located, locate
from entrepot.workspace.stores.outbox import Outbox
from entrepot.workspace.stores.pack_readers import PackReader
from entrepot.workspace.stores.read_plans import REQUEST_BYTES, ReadPlan, ReadRequest, WantedContent
from entrepot.workspace.stores.transfers import run_all
from entrepot.workspace.stores.values import FREE_SPACE, FetchCounts, VersionRef

_Task = ReadRequest | tuple[WantedContent, OldChunk]


def fetch_files(
    store: ChunkStore,
    ref: VersionRef | None,
    manifest: Manifest,
    paths: Iterable[RepoPath],
    drafts: Path,
    *,
    progress: Progress,
    outbox: Outbox | None = None,
    fail_limit: int | None = None,
) -> FetchCounts:
    """Fetch the contents of some files of a version into drafts.

    Every chunk and every content is verified before its draft appears under the name of :func:`draft_path`. Drafts
    that are there are kept, and what an interrupted fetch has received is used again. Use what the workspace has by
    leaving its paths out.

    Args:
        ref: None for a version that was never pushed: everything is read from the outbox.
        paths: files of the manifest.
        outbox: read before the bucket.
        fail_limit: how many objects may fail before the fetch stops; None: everything else is fetched first.

    Raises:
        RecordMissing: the store does not describe this version.
        ChunkMissing, ContentDamaged: objects are missing or wrong; all other contents were fetched.
        StorageRefused, BucketMissing, StoreTooNew, StorageUnreachable: as ``ChunkStore.check_access``.
        DiskFull: drafts that are complete are kept.
    """
    wanted = _group(manifest, paths)
    located = locate(store, ref, [entry for entry, _ in wanted], manifest, outbox)
    fetch = _Fetch(store, outbox, fail_limit)
    try:
        drafts.mkdir(parents=True, exist_ok=True)
        return fetch.run(wanted, located, drafts, progress)
    except OSError as error:
        if isinstance(error, EntrepotError) or error.errno != errno.ENOSPC:
            raise
        raise DiskFull(str(drafts), REQUEST_BYTES, FREE_SPACE) from error


class _Fetch:
    """One fetch; its methods run in several threads."""

    def __init__(self, store: ChunkStore, outbox: Outbox | None, fail_limit: int | None) -> None:
        self._store = store
        self._reader = PackReader(store, outbox)
        self._fail_limit = fail_limit
        self._lock = threading.Lock()
        self._failures: list[ChunkMissing | ContentDamaged] = []
        self._failed: list[WantedContent] = []
        self._received = 0

    def run(
        self, wanted: list[tuple[ManifestEntry, list[str]]], located: Located, drafts: Path, progress: Progress
    ) -> FetchCounts:
        """Fetch everything, then raise what failed."""
        contents: list[WantedContent] = []
        meter = progress.begin("Downloading", sum(max(entry.size, 0) for entry, _ in wanted))
        try:
            tasks = self._plan(wanted, located, drafts, contents, meter)
            run_all(lambda task: self._perform(task, meter), tasks, self._store.threads, failures=0)
        finally:
            meter.finish()
        if self._failures:
            raise self._failure()
        size = sum(content.draft.size for content in contents)
        return FetchCounts(len(contents), size, self._received + self._reader.bytes_received)

    def _plan(
        self,
        wanted: list[tuple[ManifestEntry, list[str]]],
        located: Located,
        drafts: Path,
        contents: list[WantedContent],
        meter: Meter,
    ) -> Iterator[_Task]:
        """Yield what to read: chunks first, which need no further look, then objects of the old format."""
        plan, old = ReadPlan(), list[tuple[ManifestEntry, list[str]]]()
        for entry, paths in wanted:
            found = located.find(entry)
            if found is None:
                old.append((entry, paths))
                continue
            size = entry.size if entry.size != UNKNOWN_SIZE else found.block.terms.size
            content = WantedContent(found.sha256, entry.cid, Draft(draft_path(drafts, entry), size), paths)
            contents.append(content)
            if content.draft.is_complete():
                meter.advance(size)
                continue
            try:
                if plan.add(content, found.block, found.known):
                    self._accept(content)
            except Malformed as error:
                self._fail(content, ContentDamaged(self._store.storage, (f"the index of {paths[0]}: {error.reason}",)))
        yield from plan.requests()
        for entry, paths in old:
            yield from self._plan_old(entry, paths, drafts, contents, meter)

    def _plan_old(
        self, entry: ManifestEntry, paths: list[str], drafts: Path, contents: list[WantedContent], meter: Meter
    ) -> Iterator[_Task]:
        draft = Draft(draft_path(drafts, entry), max(entry.size, 0))
        content = WantedContent("", entry.cid, draft, paths)
        contents.append(content)
        try:
            descriptor = get_descriptor(self._store, Cid(entry.cid))
            if entry.size not in (UNKNOWN_SIZE, descriptor.size):
                raise ContentDamaged(self._store.storage, (entry.cid,))
        except (ChunkMissing, ContentDamaged) as error:
            self._fail(content, error)
            return
        content.draft = Draft(draft.path, descriptor.size)
        if content.draft.is_complete():
            meter.advance(descriptor.size)
        elif not descriptor.links:
            self._accept(content)
        else:
            yield from ((content, chunk) for chunk in chunks_of(descriptor))

    def _perform(self, task: _Task, meter: Meter) -> None:
        try:
            if isinstance(task, ReadRequest):
                self._read_chunks(task, meter)
            else:
                self._read_old(*task, meter)
        except (ChunkMissing, ContentDamaged) as error:
            contents = [use.content for use in task.uses] if isinstance(task, ReadRequest) else [task[0]]
            for content in {id(content): content for content in contents}.values():
                self._fail(content, error)

    def _read_chunks(self, request: ReadRequest, meter: Meter) -> None:
        chunks = self._reader.read(request.pack, request.start, request.end)
        for use in request.uses:
            views = chunks[use.start - request.start : use.end - request.start]
            meter.advance(sum(map(len, views)))
            if use.content.draft.write(views, use.offset):
                self._accept(use.content)

    def _read_old(self, content: WantedContent, chunk: OldChunk, meter: Meter) -> None:
        draft = content.draft
        if draft.has_part() and _is_held(draft, chunk):
            is_last = draft.skip(chunk.length)
        else:
            data = read_chunk(self._store, chunk.cid, chunk.length)
            with self._lock:
                self._received += len(data)
            is_last = draft.write((memoryview(data),), chunk.offset)
        meter.advance(chunk.length)
        if is_last:
            self._accept(content)

    def _accept(self, content: WantedContent) -> None:
        if content.error is None and not content.draft.accept(content.sha256, content.cid):
            self._fail(content, ContentDamaged(self._store.storage, (f"the content {content.sha256 or content.cid}",)))

    def _fail(self, content: WantedContent, error: ChunkMissing | ContentDamaged) -> None:
        with self._lock:
            content.error = str(error)
            self._failed.append(content)
            self._failures.append(error)
            is_enough = self._fail_limit is not None and len(self._failures) > self._fail_limit
        if is_enough:
            raise self._failure()

    def _failure(self) -> ChunkMissing | ContentDamaged:
        """Return one error for everything that failed: of damage if anything is damaged."""
        paths = tuple(sorted({path for content in self._failed for path in content.paths}))
        damaged = {key: None for error in self._failures if isinstance(error, ContentDamaged) for key in error.wrong}
        if damaged:
            return ContentDamaged(self._store.storage, tuple(damaged), paths)
        missing = {key: None for error in self._failures if isinstance(error, ChunkMissing) for key in error.missing}
        return ChunkMissing(self._store.storage, tuple(missing), paths)


def _group(manifest: Manifest, paths: Iterable[RepoPath]) -> list[tuple[ManifestEntry, list[str]]]:
    """Return the different contents of some files, each with the paths that have it."""
    grouped: dict[str, tuple[ManifestEntry, list[str]]] = {}
    for path in paths:
        entry = manifest.files.get(path)
        if entry is None:
            raise InvalidArgument(f"the version has no file {path[:200]!r}")
        grouped.setdefault(entry.content, (entry, []))[1].append(path)
    return list(grouped.values())


def _is_held(draft: Draft, chunk: OldChunk) -> bool:
    held = draft.read(chunk.offset, chunk.length)
    return len(held) == chunk.length and cid_of(held) == chunk.cid

"""Publication of a version: packs, then index and manifests, then the root record.

Nothing is replaced, so a crash between any two steps leaves objects that the next attempt finds in place.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Iterator, Mapping

from entrepot.client.progress import Meter, Progress
from entrepot.errors import ChunkMissing, ContentDamaged, SourceChanged, StorageRefused
from entrepot.names import RepoPath, Sha256
from entrepot.workspace.manifests import MANIFEST
from entrepot.workspace.stores.chunk_stores import ChunkStore
from entrepot.workspace.stores.formats.index_objects import MAX_INDEX_BYTES, Pack, encode_index, index_name
from entrepot.workspace.stores.formats.keys import index_key, manifest_key, pack_key, record_key
from entrepot.workspace.stores.formats.records import encode_json, make_record
from entrepot.workspace.stores.formats.sweep_records import list_sweeps
from entrepot.workspace.stores.knowledge import Knowledge
from entrepot.workspace.stores.known_contents import learn_store
from entrepot.workspace.stores.outbox import Outbox, layout_of, pack_name
from entrepot.workspace.stores.packing import pack_beside
from entrepot.workspace.stores.push_plans import PushPlan, check_terms, contents_of, find_unpacked, plan_version
from entrepot.workspace.stores.transfers import SentObjects, put_content, run_all
from entrepot.workspace.stores.values import PushCounts, SourceFile, VersionDraft
from entrepot.xet import FileBlock

_PACKS_AT_ONCE = 4
"""Packs are large, and each is in memory while it is sent."""

_LONG_S = 12 * 3600.0
"""A push that takes longer looks again whether the packs of others that it relies on are there."""

_INDEX_FILES = 1 << 20
_INDEX_PACKS = 512
"""An index has at most so many files or packs, and is then well below its limit of 512 MiB."""


def push_version(
    store: ChunkStore,
    outbox: Outbox,
    version: VersionDraft,
    *,
    progress: Progress,
    sources: Mapping[str, str] | None = None,
    fail_limit: int | None = None,
) -> PushCounts:
    """Send everything that a reader of this version needs, the root record last.

    Nothing is visible before the caller pushes the tag to the metadata remote. A repeated call sends only what is
    missing.

    Args:
        sources: absolute paths of files by the SHA-256 of their content, from which contents are packed that the
            outbox does not keep (``staging: reference``, or a lost outbox).
        fail_limit: how many objects may fail before the push stops; None: the first failure stops it.

    Raises:
        SourceChanged: a file in ``sources`` no longer has the content.
        ChunkMissing: a content is neither in the outbox nor in the store nor in ``sources``.
        ContentDamaged: a pack of the outbox has wrong bytes.
        StorageRefused, BucketMissing, StoreTooNew, StorageUnreachable: as ``ChunkStore.check_access``.
    """
    store.check_access(is_write=True)
    if store.find_record(version.ref) is not None:
        return PushCounts(0, 0, sum(contents_of(version.manifest).values()))
    with outbox.in_use():
        known = learn_store(store, version.ref)
        return publish_version(store, outbox, version, known, progress, sources or {}, fail_limit=fail_limit)


def publish_version(
    store: ChunkStore,
    outbox: Outbox,
    version: VersionDraft,
    known: Knowledge,
    progress: Progress,
    sources: Mapping[str, str],
    *,
    fail_limit: int | None = None,
    replaced: str | None = None,
) -> PushCounts:
    """Send what the store lacks, then the root record; arguments and errors as :func:`push_version`.

    Args:
        known: what the store has; everything else is sent.
        replaced: the token of the root record to replace, if there is one that does not lead to the contents.
    """
    begun = time.monotonic()
    contents = contents_of(version.manifest)
    local = _pack_missing(outbox, contents, known, sources, progress)
    plan = plan_version(contents, known, outbox, local)
    check_terms(plan)
    sent = SentObjects()
    _send_packs(store, outbox, plan, sent, progress, fail_limit)
    indexes = [*plan.kept, *_send_indexes(store, plan, sent)]
    documents = {manifest_key(hashlib.sha256(text).hexdigest()): text for text in version.documents.values()}
    for key, text in documents.items():
        put_content(store.bucket, key, text, sent)
    packs = (pack_key(pack.hash, pack.layout) for pack in (*plan.sent, *plan.relied))
    refresh_objects(store, (*packs, *map(index_key, indexes), *documents))
    if not known.is_certain or time.monotonic() - begun > _LONG_S:
        _look_up(store, plan.relied)
    _send_record(store, version, indexes, sent, replaced)
    return PushCounts(sent.objects, sent.bytes, plan.bytes_known)


def plan_push(store: ChunkStore, outbox: Outbox, version: VersionDraft) -> PushCounts:
    """Return the plan of :func:`push_version`; nothing is written.

    Contents that only ``sources`` would have count as bytes that are not known.

    Raises:
        ChunkMissing, ContentDamaged: as :func:`push_version`, if a content that the outbox names cannot be used.
        StorageRefused, BucketMissing, StoreTooNew, StorageUnreachable: as ``ChunkStore.check_access``.
    """
    store.check_access(is_write=False)
    contents = contents_of(version.manifest)
    if store.find_record(version.ref) is not None:
        return PushCounts(0, 0, sum(contents.values()))
    known, local = learn_store(store, version.ref), outbox.knowledge()
    unpacked = set(find_unpacked(contents, known, outbox, local))
    packed = {sha256: size for sha256, size in contents.items() if sha256 not in unpacked}
    plan = plan_version(packed, known, outbox, local)
    sizes = [pack.index.size for pack in plan.sent]
    sizes += [len(encode_index(*part)) for part in divide_index(plan.files, plan.packs)]
    sizes += [len(text) for text in version.documents.values()]
    return PushCounts(len(sizes) + 1, sum(sizes) + sum(contents[sha256] for sha256 in unpacked), plan.bytes_known)


def refresh_objects(store: ChunkStore, keys: Iterable[str]) -> None:
    """Write those objects again that a garbage collection has recorded, so that it does not delete them.

    Raises:
        ChunkMissing: one of them was deleted.
    """
    wanted = set(keys)
    try:
        candidates = {key for sweep in list_sweeps(store.bucket) for key in sweep.record.candidates if key in wanted}
    except StorageRefused:
        return  # without the right to list, no client with these credentials could have collected either
    for key in sorted(candidates):
        found = store.bucket.get(key, MAX_INDEX_BYTES)
        if found is None:
            raise ChunkMissing(store.storage, (key,))
        store.bucket.replace(key, found.data, found.version)


def divide_index(
    files: tuple[FileBlock, ...], packs: tuple[Pack, ...]
) -> Iterator[tuple[tuple[FileBlock, ...], tuple[Pack, ...]]]:
    """Yield the files and packs of each index to write; nothing if there are neither."""
    for number in range(max(-(-len(files) // _INDEX_FILES), -(-len(packs) // _INDEX_PACKS))):
        yield (
            files[number * _INDEX_FILES : (number + 1) * _INDEX_FILES],
            packs[number * _INDEX_PACKS : (number + 1) * _INDEX_PACKS],
        )


def _pack_missing(
    outbox: Outbox, contents: Mapping[Sha256, int], known: Knowledge, sources: Mapping[str, str], progress: Progress
) -> Knowledge:
    """Pack contents that neither store nor outbox has, from files; return what the outbox says then."""
    local = outbox.knowledge()
    missing = find_unpacked(contents, known, outbox, local)
    if not missing:
        return local
    lost = tuple(f"the content {sha256}" for sha256 in missing if sha256 not in sources)
    if lost:
        raise ChunkMissing("the outbox", lost)
    files = [SourceFile(RepoPath(sources[sha256]), sources[sha256]) for sha256 in missing]
    result = pack_beside(outbox, files, known, progress)
    if result.failed:
        raise SourceChanged(str(result.failed[0].path))
    for wanted, found in zip(missing, result.files, strict=True):
        if found.sha256 != wanted:
            raise SourceChanged(str(found.path))
    return outbox.knowledge()


def _send_packs(
    store: ChunkStore, outbox: Outbox, plan: PushPlan, sent: SentObjects, progress: Progress, fail_limit: int | None
) -> None:
    meter = progress.begin("Uploading", sum(pack.index.size for pack in plan.sent))

    def send(pack: Pack) -> None:
        _send_pack(store, outbox, pack, sent, meter)

    try:
        run_all(send, plan.sent, min(store.threads, _PACKS_AT_ONCE), failures=fail_limit or 0)
    finally:
        meter.finish()


def _send_pack(store: ChunkStore, outbox: Outbox, pack: Pack, sent: SentObjects, meter: Meter) -> None:
    data = outbox.open_pack(pack.hash, pack.layout)
    if data is None or len(data) != pack.index.size or layout_of(data) != pack.layout:
        raise ContentDamaged("the outbox", (pack_name(pack),))
    put_content(store.bucket, pack_key(pack.hash, pack.layout), data, sent)
    meter.advance(pack.index.size)


def _send_indexes(store: ChunkStore, plan: PushPlan, sent: SentObjects) -> list[str]:
    names = []
    for files, packs in divide_index(plan.files, plan.packs):
        data = encode_index(files, packs)
        name = index_name(data)
        put_content(store.bucket, index_key(name), data, sent)
        store.cache.put(name, data)
        names.append(name)
    return names


def _look_up(store: ChunkStore, relied: Iterable[Pack]) -> None:
    """Check that packs that others have sent are still there."""
    for pack in relied:
        key = pack_key(pack.hash, pack.layout)
        if store.bucket.stat(key) is None and store.bucket.read(key, 0, 1) is None:
            store.cache.clear()
            raise ChunkMissing(store.storage, (key,))


def _send_record(
    store: ChunkStore, version: VersionDraft, indexes: list[str], sent: SentObjects, replaced: str | None
) -> None:
    manifest = hashlib.sha256(version.documents[MANIFEST]).hexdigest()
    key, data = record_key(version.ref), encode_json(make_record(version, manifest, indexes, int(time.time())))
    # If another client has just published the same commit, that record stays: it is equivalent.
    is_new = store.bucket.put_new(key, data) if replaced is None else store.bucket.replace(key, data, replaced)
    if is_new:
        sent.add(len(data))

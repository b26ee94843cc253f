"""Deletion of objects in a store that no version needs, in two phases at least a day apart.

Phase 1 records what is unreferenced. A publication that relies on such an object writes it again. Phase 2 looks
again, and deletes what is still unreferenced and was not written since: root records first, then indexes and
manifests, then packs, so that nothing that is left ever leads to a deleted object.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Iterator
from typing import Protocol

import attrs

from entrepot.client.progress import Progress
from entrepot.errors import StorageUnreachable
from entrepot.workspace.manifests import Cid, Manifest, named_parts
from entrepot.workspace.stores.buckets import ObjectStat
from entrepot.workspace.stores.chunk_stores import ChunkStore
from entrepot.workspace.stores.formats.keys import (
    INDEXES,
    MANIFESTS,
    PROBES,
    ROOT,
    SWEEPS,
    VERSIONS,
    XORBS,
    index_key,
    manifest_key,
    parse_pack_key,
    parse_record_key,
)
from entrepot.workspace.stores.formats.records import FORMAT, RootRecord, encode_json
from entrepot.workspace.stores.formats.sweep_records import FoundSweep, SweepRecord, list_sweeps
from entrepot.workspace.stores.legacy_contents import get_descriptor
from entrepot.workspace.stores.locating import read_document
from entrepot.workspace.stores.values import GarbageReport

GRACE_S = 14 * 86_400.0
PHASE_S = 86_400.0

_PART_DIGITS = 16
_FORGET_S = 30 * 86_400.0
_ORDER = (VERSIONS, INDEXES, MANIFESTS, PROBES, SWEEPS, XORBS)
_REASONS = {
    VERSIONS: "versions whose tag is gone",
    INDEXES: "indexes that no version names",
    MANIFESTS: "manifests that no version names",
    PROBES: "probes of access",
    SWEEPS: "records of old collections",
    XORBS: "packs that no index names",
}
_OLD = "objects of the old format that no manifest names"


class IsLive(Protocol):
    """Says whether the tag of a version still exists at its metadata remote."""

    def __call__(self, remote: str, tag: str, commit: str, /) -> bool | None:
        """Return True or False, or None if that remote cannot be asked: its versions are kept."""
        ...


def collect_garbage(
    store: ChunkStore,
    is_live: IsLive,
    *,
    progress: Progress,
    grace_s: float = GRACE_S,
    is_rehearsal: bool = False,
    old_manifests: Iterable[Manifest] | None = None,
) -> GarbageReport:
    """Record unreferenced objects, or delete those that were recorded at least a day ago and are still unreferenced.

    Args:
        grace_s: objects and records younger than this, by the store's clock, are kept.
        is_rehearsal: write and delete nothing; report what phase 1 would record.
        old_manifests: every manifest of the old format whose version was not migrated, of every remote that uses
            the bucket; objects of the old format that none of them needs are garbage too. None: they are kept.

    Raises:
        StorageRefused: also if the credentials may not list the bucket.
        ContentDamaged, ChunkMissing: what a version needs cannot be determined; nothing was deleted.
    """
    store.check_access(is_write=not is_rehearsal)
    meter = progress.begin("Looking for garbage", None, unit=" objects")
    try:
        now = time.time() if is_rehearsal else _now(store)
        look = _Look(store, is_live, now - grace_s)
        garbage = look.find(old_manifests)
        meter.advance(len(look.objects))
        if is_rehearsal:
            return _report(1, garbage.items(), None)
        waiting = [sweep for sweep in list_sweeps(store.bucket) if sweep.record.phase == 1]
        due = [sweep for sweep in waiting if now - sweep.record.time >= PHASE_S]
        if due:
            return _delete(store, due, garbage)
        if waiting:
            first = min(waiting, key=lambda sweep: sweep.record.time)
            named = [(key, found) for key, found in garbage.items() if key in first.record.candidates]
            return _report(1, named, first.record.time + PHASE_S)
        return _record(store, garbage, now)
    finally:
        meter.finish()


@attrs.frozen
class _Garbage:
    """An unreferenced object, and why it is."""

    stat: ObjectStat
    reason: str


class _Look:
    """A look at everything in a store."""

    def __init__(self, store: ChunkStore, is_live: IsLive, oldest: float) -> None:
        self._store = store
        self._is_live = is_live
        self._oldest = oldest
        self.objects = {found.key: found for found in store.bucket.list(ROOT)}
        self._layouts: dict[str, list[str]] = {}
        self._parts: dict[str, list[str]] = {}
        for key in self.objects:
            found = parse_pack_key(key)
            if found is not None:
                self._layouts.setdefault(found[0], []).append(key)
            elif key.startswith(MANIFESTS):
                self._parts.setdefault(key.rpartition("/")[2][:_PART_DIGITS], []).append(key)

    def find(self, old_manifests: Iterable[Manifest] | None) -> dict[str, _Garbage]:
        """Return the unreferenced objects that are old enough, by key."""
        live = set(self._live_keys())
        found = {
            key: _Garbage(stat, _REASONS[prefix])
            for key, stat in self.objects.items()
            for prefix in _ORDER
            if key.startswith(prefix) and key not in live and self._is_old(stat, prefix)
        }
        if old_manifests is not None:
            needed = set(self._old_keys(old_manifests))
            for stat in self._store.legacy.list("zdj7W"):
                if stat.key not in needed and stat.modified < self._oldest:
                    found[stat.key] = _Garbage(stat, _OLD)
        return found

    def _is_old(self, stat: ObjectStat, prefix: str) -> bool:
        return stat.modified < self._oldest - (_FORGET_S if prefix == SWEEPS else 0)

    def _live_keys(self) -> Iterator[str]:
        """Yield every key that live versions need: their records, manifests, indexes, and all packs of these."""
        indexes: set[str] = set()
        for key, stat in self.objects.items():
            record = self._live_record(key, stat)
            if record is not None:
                yield key
                yield from self._document_keys(record)
                indexes.update(record.indexes)
        for name in indexes:
            yield index_key(name)
            for pack in self._store.get_index(name).packs.values():
                yield from self._layouts.get(pack.hash, ())  # readers fall back on other layouts

    def _live_record(self, key: str, stat: ObjectStat) -> RootRecord | None:
        ref = parse_record_key(key)
        if ref is None:
            return None
        record = self._store.get_record(ref).record
        if stat.modified < self._oldest and self._is_live(record.remote, record.tag, record.commit) is False:
            return None
        return record

    def _document_keys(self, record: RootRecord) -> Iterator[str]:
        key = manifest_key(record.manifest)
        yield key
        if key not in self.objects:
            return
        for path in named_parts(bytes(read_document(self._store, key))):
            digits = path.rpartition("/")[2].removesuffix(".json")
            yield from self._parts.get(digits, ())

    def _old_keys(self, manifests: Iterable[Manifest]) -> Iterator[str]:
        cids = {entry.cid for manifest in manifests for entry in manifest.files.values() if entry.cid}
        for cid in cids:
            yield cid
            yield from (link for link, _ in get_descriptor(self._store, Cid(cid)).links)


def _now(store: ChunkStore) -> float:
    """Return the time by the store's clock."""
    key = f"{PROBES}{uuid.uuid4()}"
    store.bucket.put_new(key, b"now")
    try:
        found = store.bucket.stat(key)
        if found is None:
            raise StorageUnreachable(store.storage, "an object that was just written cannot be found")
        return found.modified
    finally:
        store.bucket.delete(key)


def _record(store: ChunkStore, garbage: dict[str, _Garbage], now: float) -> GarbageReport:
    if garbage:
        candidates = {key: found.reason for key, found in garbage.items()}
        key = f"{SWEEPS}{int(now)}-{uuid.uuid4()}.json"
        store.bucket.put_new(key, encode_json(SweepRecord(FORMAT, now, 1, candidates)))
    return _report(1, garbage.items(), now + PHASE_S if garbage else None)


def _delete(store: ChunkStore, sweeps: list[FoundSweep], garbage: dict[str, _Garbage]) -> GarbageReport:
    deleted: list[tuple[str, _Garbage]] = []
    for sweep in sweeps:
        for key in sorted(sweep.record.candidates.keys() & garbage.keys(), key=_rank):
            bucket = store.bucket if key.startswith(ROOT) else store.legacy
            found = bucket.stat(key)
            # A writer that has come to rely on it since has written it again.
            if found is not None and found.modified < sweep.record.time:
                bucket.delete(key)
                deleted.append((key, garbage.pop(key)))
        done = SweepRecord(FORMAT, sweep.record.time, 2, sweep.record.candidates)
        store.bucket.replace(sweep.key, encode_json(done), sweep.version)
    return _report(2, deleted, None)


def _rank(key: str) -> tuple[int, str]:
    places = [number for number, prefix in enumerate(_ORDER) if key.startswith(prefix)]
    return (places[0] if places else len(_ORDER), key)


def _report(phase: int, garbage: Iterable[tuple[str, _Garbage]], not_before: float | None) -> GarbageReport:
    by_reason: dict[str, int] = {}
    objects = 0
    for _, found in garbage:
        objects += 1
        by_reason[found.reason] = by_reason.get(found.reason, 0) + found.stat.size
    return GarbageReport(phase, objects, sum(by_reason.values()), by_reason, not_before)

"""The contents that a store has already: from the indexes of the entity, then from those of other entities."""

from __future__ import annotations

from entrepot.errors import ChunkMissing, ContentDamaged, StorageRefused
from entrepot.workspace.stores.buckets import ObjectStat
from entrepot.workspace.stores.chunk_stores import ChunkStore
from entrepot.workspace.stores.formats.index_objects import IndexObject
from entrepot.workspace.stores.formats.keys import VERSIONS, parse_record_key, records_prefix
from entrepot.workspace.stores.knowledge import Knowledge
from entrepot.workspace.stores.values import VersionRef

INDEX_BUDGET = 64 << 20
"""Bytes of indexes of other entities that are read to find chunks."""

_OWN_RECORDS = 8
_OTHER_RECORDS = 32
_CHUNK_BYTES = 52
_FILE_BYTES = 144


def learn_store(store: ChunkStore, ref: VersionRef) -> Knowledge:
    """Return what the store has, from the newest root records of the entity and then of others.

    Indexes that cannot be read are passed over: what they name is sent again. If the credentials may not list the
    bucket, the cached indexes count whose packs are there.

    Raises:
        StorageUnreachable, BucketMissing: as ``ChunkStore.check_access``.
    """
    known = Knowledge()
    try:
        prefix = records_prefix(ref.entity_type, ref.name)
        records = list(store.bucket.list(VERSIONS))
    except StorageRefused:
        _learn_cached(store, known)
        return known
    own = [found for found in records if found.key.startswith(prefix)]
    others = [found for found in records if not found.key.startswith(prefix)]
    _learn_records(store, known, own, _OWN_RECORDS, None)
    _learn_records(store, known, others, _OTHER_RECORDS, INDEX_BUDGET)
    return known


def weigh(files: int, chunks: int) -> int:
    """Return about how many bytes an index of so many files and chunks has."""
    return _FILE_BYTES * files + _CHUNK_BYTES * chunks


def weigh_index(index: IndexObject) -> int:
    """Return about how many bytes an index has."""
    return weigh(len(index.files), sum(pack.index.count for pack in index.packs.values()))


def _learn_records(store: ChunkStore, known: Knowledge, found: list[ObjectStat], most: int, budget: int | None) -> None:
    newest = sorted(found, key=lambda stat: (-stat.modified, stat.key))
    left = budget
    for stat in newest[:most]:
        ref = parse_record_key(stat.key)
        if ref is None:
            continue
        try:
            record = store.find_record(ref)
        except ContentDamaged:
            continue
        for name in record.record.indexes if record else ():
            if left is not None and left <= 0:
                return
            try:
                index = store.get_index(name)
            except (ChunkMissing, ContentDamaged):
                continue
            known.add(name, index)
            if left is not None:
                left -= weigh_index(index)


def _learn_cached(store: ChunkStore, known: Knowledge) -> None:
    """Learn the cached indexes; ``pushing`` then looks up each pack that the version would rely on."""
    for name, index in store.cache.read_all():
        known.add(name, index)
    known.is_certain = False

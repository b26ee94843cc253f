"""Checks of what a version needs in the store, and repairs from other copies.

A repair writes what is missing or damaged again: a pack from the outbox or from files that have its chunks, an index
from the cache. Where that is not enough, the contents are published again and the root record is replaced.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

import attrs

from entrepot.client.progress import Meter, Progress
from entrepot.errors import (
    ChunkMissing,
    ContentDamaged,
    ContentMismatch,
    LimitExceeded,
    Malformed,
    RecordMissing,
    SourceChanged,
)
from entrepot.names import Sha256, XetHash
from entrepot.workspace.manifests import Cid
from entrepot.workspace.stores.chunk_stores import ChunkStore
from entrepot.workspace.stores.formats.index_objects import MAX_INDEX_BYTES, Pack, parse_index
from entrepot.workspace.stores.formats.keys import index_key, manifest_key, pack_key, parse_pack_key, record_key
from entrepot.workspace.stores.formats.records import MAX_RECORD_BYTES, FoundRecord
from entrepot.workspace.stores.knowledge import Knowledge
from entrepot.workspace.stores.legacy_contents import chunks_of, get_descriptor, read_chunk
from entrepot.workspace.stores.locating import read_document
from entrepot.workspace.stores.outbox import Outbox, layout_of
from entrepot.workspace.stores.pack_repairs import is_intact, rebuild_packs
from entrepot.workspace.stores.push_plans import contents_of
from entrepot.workspace.stores.pushing import publish_version
from entrepot.workspace.stores.transfers import put_again, run_all
from entrepot.workspace.stores.values import CheckLevel, CheckReport, Problem, VersionDraft
from entrepot.xet import MAX_XORB_BYTES, parse_xorb


def check_version(
    store: ChunkStore,
    version: VersionDraft,
    *,
    level: CheckLevel,
    progress: Progress,
    outbox: Outbox | None = None,
    sources: Mapping[str, str] | None = None,
) -> CheckReport:
    """Check every object that a version needs (remote-fsck), and repair what has a good copy elsewhere.

    Args:
        outbox, sources: where copies are looked for: packs, and absolute paths of files by the SHA-256 of their
            content.

    Raises:
        StorageRefused: also if the credentials may not list the bucket.
        BucketMissing, StoreTooNew, StorageUnreachable: as ``ChunkStore.check_access``.
    """
    store.check_access(is_write=False)
    check = _Check(store, version, level, outbox, sources or {})
    meter = progress.begin("Checking", None, unit=" objects")
    try:
        return check.run(meter, progress)
    finally:
        meter.finish()


@attrs.define
class _Check:
    """One check: counts, what is damaged, and what could not be repaired."""

    store: ChunkStore
    version: VersionDraft
    level: CheckLevel
    outbox: Outbox | None
    sources: Mapping[str, str]
    objects: int = 0
    chunks: int = 0
    fixed_objects: int = 0
    fixed_chunks: int = 0
    left: list[Problem] = attrs.field(factory=list)
    lost: list[Problem] = attrs.field(factory=list)
    """What only a new publication can repair."""

    def run(self, meter: Meter, progress: Progress) -> CheckReport:
        """Check everything in the order in which a reader needs it."""
        self._check_documents()
        record = self._find_record()
        known = self._check_indexes(record)
        bad = self._check_packs(known, meter)
        self._check_contents(known)
        self._check_old(known, meter)
        if self.lost:
            self._publish_again(known, bad, progress)
        return CheckReport(self.objects, self.chunks, self.fixed_objects, self.fixed_chunks, tuple(self.left))

    def _check_documents(self) -> None:
        if not contents_of(self.version.manifest):
            return  # the manifest of a version of the old format is in git only
        for text in self.version.documents.values():
            key = manifest_key(hashlib.sha256(text).hexdigest())
            found = self.store.bucket.stat(key)
            is_good = found is not None and found.size == len(text)
            if is_good and self.level >= CheckLevel.THOROUGH:
                try:
                    read_document(self.store, key)
                except (ChunkMissing, ContentDamaged):
                    is_good = False
            self.objects += 1
            if not is_good:
                put_again(self.store.bucket, key, text)
                self.fixed_objects += 1

    def _find_record(self) -> FoundRecord | None:
        if not contents_of(self.version.manifest) and self.store.bucket.stat(record_key(self.version.ref)) is None:
            return None  # a version of the old format has none before it is migrated
        self.objects += 1
        try:
            return self.store.get_record(self.version.ref)
        except (RecordMissing, ContentDamaged) as error:
            self.lost.append(Problem(record_key(self.version.ref), str(error)))
        return None

    def _check_indexes(self, record: FoundRecord | None) -> Knowledge:
        known = Knowledge()
        for name in record.record.indexes if record else ():
            key = index_key(name)
            self.objects += 1
            is_there = self._has_index(name)
            cached = self.store.cache.find(name)
            if not is_there and cached is not None:
                put_again(self.store.bucket, key, self.store.cache.content(name))
                self.fixed_objects += 1
            elif not is_there:
                self.lost.append(Problem(key, "it is missing or damaged, and not in the cache of indexes"))
                continue
            known.add(name, cached or self.store.get_index(name))
        return known

    def _has_index(self, name: str) -> bool:
        """Return whether the store has an index that is intact at the level of the check."""
        key = index_key(name)
        if self.level == CheckLevel.PRESENCE:
            return any(found.key == key and found.size for found in self.store.bucket.list(key))
        try:
            found = self.store.bucket.get(key, MAX_INDEX_BYTES)
            if found is None:
                return False
            parse_index(found.data, name)
        except (ContentMismatch, Malformed, LimitExceeded):
            return False
        return True

    def _check_packs(self, known: Knowledge, meter: Meter) -> set[XetHash]:
        """Check the packs that the version needs; return those that are lost."""
        needed = self._needed_packs(known)
        bad: list[Pack] = []

        def check(pack: Pack) -> None:
            if not self._is_there(pack):
                bad.append(pack)
            meter.advance(1)

        run_all(check, needed, self.store.threads, failures=0)
        self.objects += len(needed)
        self.chunks += sum(pack.index.count for pack in needed)
        lost = set[XetHash]()
        rebuilt = rebuild_packs(bad, known, self.outbox, self.sources)
        for pack in bad:
            xorb = rebuilt.get(pack)
            if xorb is None:
                lost.add(pack.hash)
                self.lost.append(Problem(pack_key(pack.hash, pack.layout), "it is missing or damaged"))
                continue
            put_again(self.store.bucket, pack_key(xorb.hash, layout_of(xorb.data)), xorb.data)
            self.fixed_objects += 1
            self.fixed_chunks += pack.index.count
        return lost

    def _needed_packs(self, known: Knowledge) -> list[Pack]:
        needed: dict[XetHash, Pack] = {}
        for sha256 in self._identities(known):
            block = known.find_file(sha256)
            for xorb in block.terms.used() if block else ():
                pack = known.find_pack(xorb)
                if pack is not None:
                    needed[xorb] = pack
        return list(needed.values())

    def _identities(self, known: Knowledge) -> Iterable[Sha256]:
        """Return the contents of the version; of a migrated one, those that its indexes name."""
        contents = contents_of(self.version.manifest)
        is_old = any(entry.cid for entry in self.version.manifest.files.values())
        return {**contents, **dict.fromkeys(known.files)} if is_old else contents

    def _is_there(self, pack: Pack) -> bool:
        """Return whether the store has a copy of a pack that is intact at the level of the check."""
        exact = pack_key(pack.hash, pack.layout)
        for found in sorted(self.store.bucket.list(pack_key(pack.hash, "")), key=lambda found: found.key != exact):
            if parse_pack_key(found.key) is None or (found.key == exact and found.size != pack.index.size):
                continue
            if self.level < CheckLevel.PARANOID or self._is_copy_intact(pack, found.key, is_exact=found.key == exact):
                return True
        return False

    def _is_copy_intact(self, pack: Pack, key: str, *, is_exact: bool) -> bool:
        try:
            found = self.store.bucket.get(key, MAX_XORB_BYTES)
            if found is None:
                return False
            if is_exact:
                return is_intact(found.data, pack)
            parse_xorb(found.data, pack.hash)
        except (Malformed, ContentMismatch, LimitExceeded):
            return False
        return True

    def _check_contents(self, known: Knowledge) -> None:
        for sha256, size in contents_of(self.version.manifest).items():
            block = known.find_file(sha256)
            if block is None or block.terms.size != size or any(known.find_pack(x) is None for x in block.terms.used()):
                self.lost.append(Problem(f"the content {sha256}", "no index describes it"))

    def _check_old(self, known: Knowledge, meter: Meter) -> None:
        """Check objects of the old format, unless the version was migrated."""
        cids = {entry.cid for entry in self.version.manifest.files.values() if entry.cid}
        if not cids or known.files.keys() - contents_of(self.version.manifest).keys():
            return
        sizes = {found.key: found.size for found in self.store.legacy.list("zdj7W")}

        def check(cid: str) -> None:
            try:
                chunks = chunks_of(get_descriptor(self.store, Cid(cid)))
                for chunk in chunks:
                    if sizes.get(chunk.cid) != chunk.length:
                        raise ChunkMissing(self.store.storage, (chunk.cid,))
                    if self.level == CheckLevel.PARANOID:
                        read_chunk(self.store, chunk.cid, chunk.length)
            except (ChunkMissing, ContentDamaged) as error:
                self.left.append(Problem(cid, str(error)))
                return
            self.objects += 1 + len(chunks)
            self.chunks += len(chunks)
            meter.advance(1)

        run_all(check, sorted(cids), self.store.threads, failures=0)

    def _publish_again(self, known: Knowledge, bad: set[XetHash], progress: Progress) -> None:
        """Publish the contents again, relying only on packs that are there."""
        found = self.store.bucket.get(record_key(self.version.ref), MAX_RECORD_BYTES)
        good = known.without(bad)
        try:
            if self.outbox is None:
                raise ChunkMissing("the outbox", tuple(problem.where for problem in self.lost))
            with self.outbox.in_use():
                counts = publish_version(
                    self.store,
                    self.outbox,
                    self.version,
                    good,
                    progress,
                    self.sources,
                    replaced=found.version if found else None,
                )
        except (ChunkMissing, ContentDamaged, SourceChanged):
            self.left += self.lost
            return
        self.fixed_objects += counts.objects

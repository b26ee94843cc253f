"""Versions of the old format: the sizes of their files, and their migration into chunks."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from itertools import islice

import attrs

from entrepot.client.parallel import run_parallel
from entrepot.client.progress import Meter, Progress
from entrepot.names import RepoPath
from entrepot.workspace.manifests import MANIFEST, UNKNOWN_SIZE, Cid, Manifest, ManifestEntry, render_manifest
from entrepot.workspace.stores.chunk_stores import ChunkStore
from entrepot.workspace.stores.chunk_tables import ChunkTable
from entrepot.workspace.stores.formats.index_objects import Pack, encode_index, index_name
from entrepot.workspace.stores.formats.keys import index_key, manifest_key, pack_key, record_key
from entrepot.workspace.stores.formats.records import FoundRecord, encode_json, make_record
from entrepot.workspace.stores.known_contents import learn_store
from entrepot.workspace.stores.legacy_contents import chunks_of, get_descriptor, read_chunk
from entrepot.workspace.stores.outbox import layout_of
from entrepot.workspace.stores.packers import BLOCK, Digest, Packer
from entrepot.workspace.stores.pushing import divide_index, refresh_objects
from entrepot.workspace.stores.transfers import SentObjects, put_content
from entrepot.workspace.stores.values import PushCounts, VersionDraft
from entrepot.xet import FileBlock, Xorb

_BATCH = 1000
"""Contents of the old format whose descriptors are in memory at the same time."""


def find_sizes(store: ChunkStore, manifest: Manifest, *, progress: Progress) -> Manifest:
    """Return an old manifest with the size of each file, read from the descriptors in the bucket.

    Raises:
        ChunkMissing, ContentDamaged: a descriptor is missing or wrong.
    """
    unknown = sorted({entry.cid for entry in manifest.files.values() if entry.size == UNKNOWN_SIZE})
    if not unknown:
        return manifest
    meter = progress.begin("Reading sizes", len(unknown), unit=" files")
    sizes: dict[str, int] = {}
    try:
        found = run_parallel(lambda cid: get_descriptor(store, Cid(cid)).size, unknown, store.threads)
        for cid, size in zip(unknown, found, strict=True):
            sizes[cid] = size
            meter.advance(1)
    finally:
        meter.finish()
    files = {
        path: ManifestEntry(cid=entry.cid, size=sizes[entry.cid], x=entry.x) if entry.cid in sizes else entry
        for path, entry in manifest.files.items()
    }
    return attrs.evolve(manifest, files=files)


def migrate_version(store: ChunkStore, version: VersionDraft, *, progress: Progress) -> PushCounts:
    """Copy the contents of a version of the old format into chunks; its tag and its commit stay what they are.

    Readers then use the chunks; the old objects stay until garbage collection. A version without contents of the old
    format, or one that was migrated before, is left as it is.

    Raises:
        ChunkMissing, ContentDamaged: an old object is missing or wrong; nothing refers to what was written.
        StorageRefused, BucketMissing, StoreTooNew, StorageUnreachable: as ``ChunkStore.check_access``.
    """
    store.check_access(is_write=True)
    manifest = find_sizes(store, version.manifest, progress=progress)
    old = {entry.cid: entry.size for entry in manifest.files.values() if entry.cid}
    record = store.find_record(version.ref)
    if not old or (record is not None and record.record.manifest != _digest(version.documents[MANIFEST])):
        return PushCounts(0, 0, manifest.size)
    meter = progress.begin("Migrating", sum(old.values()))
    try:
        return _Migration(store, version).run(manifest, old, record, meter)
    finally:
        meter.finish()


class _Migration:
    """Moves the contents of one version, pack by pack."""

    def __init__(self, store: ChunkStore, version: VersionDraft) -> None:
        self._store = store
        self._version = version
        self._known = learn_store(store, version.ref)
        self._sent = SentObjects()
        table = ChunkTable(pack for pack, _ in self._known.packs.values())
        self._packer = Packer(table, self._send, self._known.files.__contains__)

    def run(self, manifest: Manifest, old: dict[str, int], record: FoundRecord | None, meter: Meter) -> PushCounts:
        """Move everything, then write the index, the new manifest, and the root record."""
        digests = dict(self._move(list(old), meter))
        files, packs = self._packer.finish()
        indexes = self._kept_indexes(files, digests, record)
        for part in divide_index(tuple(files), tuple(packs)):
            data = encode_index(*part)
            put_content(self._store.bucket, index_key(index_name(data)), data, self._sent)
            indexes.append(index_name(data))
        moved = Manifest.of(_moved_entries(manifest, digests))
        documents = render_manifest(moved)
        for text in documents.values():
            put_content(self._store.bucket, manifest_key(_digest(text)), text, self._sent)
        packs_used = {pack_key(pack.hash, pack.layout) for pack in packs}
        refresh_objects(self._store, (*packs_used, *map(index_key, indexes)))
        self._publish(_digest(documents[MANIFEST]), indexes, record)
        known = sum(old.values()) - self._packer.bytes_new
        return PushCounts(self._sent.objects, self._sent.bytes, max(known, 0))

    def _move(self, cids: list[str], meter: Meter) -> Iterator[tuple[str, Digest]]:
        """Pack contents one after the other; their objects are received ahead, in parallel, across contents."""
        store = self._store
        for first in range(0, len(cids), _BATCH):
            batch = cids[first : first + _BATCH]
            found = run_parallel(lambda cid: chunks_of(get_descriptor(store, Cid(cid))), batch, store.threads)
            contents = list(zip(batch, found, strict=True))
            chunks = (chunk for _, parts in contents for chunk in parts)
            pieces = run_parallel(
                lambda chunk: bytes(read_chunk(store, chunk.cid, chunk.length)), chunks, store.threads
            )
            for cid, parts in contents:
                yield cid, self._packer.add(_blocks(islice(pieces, len(parts)), meter))

    def _send(self, xorb: Xorb) -> Pack:
        pack = Pack(xorb.hash, layout_of(xorb.data), xorb.index)
        put_content(self._store.bucket, pack_key(pack.hash, pack.layout), xorb.data, self._sent)
        return pack

    def _kept_indexes(
        self, files: list[FileBlock], digests: dict[str, Digest], record: FoundRecord | None
    ) -> list[str]:
        """Return the indexes that describe what is not new: contents known before, and packs of others."""
        names = dict.fromkeys(record.record.indexes if record else ())
        for digest in digests.values():
            found = self._known.files.get(digest.sha256)
            if found is not None:
                names[found[1]] = None
                files = [*files, found[0]]
        for block in files:
            for xorb in block.terms.used():
                pack = self._known.packs.get(xorb)
                if pack is not None:
                    names[pack[1]] = None
        return list(names)

    def _publish(self, manifest: str, indexes: list[str], record: FoundRecord | None) -> None:
        data = encode_json(make_record(self._version, manifest, indexes, int(time.time())))
        key = record_key(self._version.ref)
        bucket = self._store.bucket
        is_new = bucket.put_new(key, data) if record is None else bucket.replace(key, data, record.version)
        if is_new:
            self._sent.add(len(data))


def _moved_entries(manifest: Manifest, digests: dict[str, Digest]) -> Iterator[tuple[RepoPath, ManifestEntry]]:
    for path, entry in manifest.files.items():
        digest = digests.get(entry.cid)
        moved = ManifestEntry(sha256=digest.sha256, size=digest.size, x=entry.x) if digest else entry
        yield path, moved


def _blocks(pieces: Iterator[bytes], meter: Meter) -> Iterator[bytes]:
    """Yield the bytes of a content in blocks."""
    held: list[bytes] = []
    size = 0
    for data in pieces:
        held.append(data)
        size += len(data)
        meter.advance(len(data))
        if size >= BLOCK:
            yield b"".join(held)
            held, size = [], 0
    if held:
        yield b"".join(held)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()

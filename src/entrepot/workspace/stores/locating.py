"""Where the contents of a version are: in the outbox, in chunks that its root record leads to, or in old objects."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import attrs

from entrepot.errors import ChunkMissing, ContentDamaged, InvalidName, LimitExceeded, Malformed
from entrepot.names import Sha256
from entrepot.workspace.manifests import Manifest, ManifestEntry, parse_manifest
from entrepot.workspace.stores.buckets import Data
from entrepot.workspace.stores.chunk_stores import ChunkStore
from entrepot.workspace.stores.formats.keys import MANIFESTS, manifest_key
from entrepot.workspace.stores.formats.records import RootRecord
from entrepot.workspace.stores.knowledge import Knowledge
from entrepot.workspace.stores.outbox import Outbox
from entrepot.workspace.stores.values import VersionRef
from entrepot.xet import FileBlock

_MAX_DOCUMENT_BYTES = 1 << 29


@attrs.frozen(eq=False)
class LocatedContent:
    """A content in chunks: its SHA-256, its chunks, and the indexes that describe their packs."""

    sha256: str
    block: FileBlock
    known: Knowledge


class Located:
    """The contents of a version that are in chunks; the others are in objects of the old format."""

    def __init__(self) -> None:
        self._found: dict[str, LocatedContent] = {}

    def add(self, entry: ManifestEntry, found: LocatedContent) -> None:
        """Say where the content of an entry is."""
        self._found[entry.content] = found

    def find(self, entry: ManifestEntry) -> LocatedContent | None:
        """Return where the content of an entry is, or None if it is in objects of the old format."""
        return self._found.get(entry.content)


def locate(
    store: ChunkStore,
    ref: VersionRef | None,
    entries: Iterable[ManifestEntry],
    manifest: Manifest,
    outbox: Outbox | None,
) -> Located:
    """Return where the contents of some entries of a version are.

    Args:
        ref: None for a version that was never pushed.
        manifest: of the whole version.

    Raises:
        RecordMissing: contents are in chunks, but the store does not describe the version.
        ChunkMissing, ContentDamaged: an index is missing or wrong, or no index names a content.
    """
    located = Located()
    rest = _locate_local(located, entries, outbox, None if ref else store)
    if not rest:
        return located
    if ref is None:
        missing = tuple(f"the content {entry.sha256}" for entry in rest if entry.sha256)
        if missing:
            raise ChunkMissing("the outbox", missing)
        return located  # contents of the old format are in the bucket, whichever entity names them
    store.check_access(is_write=False)
    is_chunked = any(entry.sha256 for entry in rest)
    found = store.get_record(ref) if is_chunked else store.find_record(ref)
    if found is None:
        return located
    known = store.learn(found.record.indexes)
    names = _names_of_old(store, found.record, manifest, rest)
    for entry in rest:
        sha256 = entry.sha256 or names.get(entry.cid, "")
        block = known.find_file(sha256) if sha256 else None
        if block is not None:
            located.add(entry, LocatedContent(sha256, block, known))
        elif entry.sha256:
            raise ContentDamaged(store.storage, (f"the index of the content {sha256}",))
    return located


def _locate_local(
    located: Located, entries: Iterable[ManifestEntry], outbox: Outbox | None, store: ChunkStore | None
) -> list[ManifestEntry]:
    """Locate contents in the outbox, whose packs are all there or, if it is given, known to be in the store."""
    if outbox is None:
        return list(entries)
    known, rest = outbox.knowledge(), list[ManifestEntry]()
    here = {xorb for xorb, (pack, _) in known.packs.items() if outbox.has_pack(pack)}
    for name, index in store.cache.read_all() if store else ():
        known.add(name, index)
        here |= index.packs.keys()
    for entry in entries:
        block = known.find_file(Sha256(entry.sha256)) if entry.sha256 else None
        if block is not None and all(xorb in here for xorb in block.terms.used()):
            located.add(entry, LocatedContent(entry.sha256, block, known))
        else:
            rest.append(entry)
    return rest


def _names_of_old(
    store: ChunkStore, record: RootRecord, manifest: Manifest, entries: Iterable[ManifestEntry]
) -> dict[str, str]:
    """Return the SHA-256 of contents of the old format, by content id, as the manifest of a migration names them."""
    if not any(entry.cid for entry in entries):
        return {}
    migrated = read_stored_manifest(store, record.manifest)
    names: dict[str, str] = {}
    for path, entry in manifest.files.items():
        other = migrated.files.get(path) if entry.cid else None
        if other is not None and other.sha256:
            names[entry.cid] = other.sha256
    return names


def read_stored_manifest(store: ChunkStore, sha256: str) -> Manifest:
    """Return the manifest that a root record names.

    Raises:
        ChunkMissing, ContentDamaged: a document is missing or wrong.
        StorageRefused: it has parts, and the credentials may not list the bucket.
    """

    def read_part(path: str) -> bytes:
        digits = path.rpartition("/")[2].removesuffix(".json")
        key = next((found.key for found in store.bucket.list(f"{MANIFESTS}{digits[:2]}/{digits}")), None)
        if key is None:
            raise ChunkMissing(store.storage, (path,))
        return bytes(read_document(store, key))

    key = manifest_key(sha256)
    try:
        return parse_manifest(bytes(read_document(store, key)), read_part)
    except (ChunkMissing, ContentDamaged):
        raise
    except (Malformed, InvalidName, LimitExceeded) as error:
        raise ContentDamaged(store.storage, (key,)) from error


def read_document(store: ChunkStore, key: str) -> Data:
    """Return a document of a manifest by its key, verified.

    Raises:
        ChunkMissing, ContentDamaged: it is missing or wrong.
    """
    found = store.bucket.get(key, _MAX_DOCUMENT_BYTES)
    if found is None:
        raise ChunkMissing(store.storage, (key,))
    if not key.endswith(hashlib.sha256(found.data).hexdigest()):
        raise ContentDamaged(store.storage, (key,))
    return found.data

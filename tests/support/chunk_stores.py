"""Chunk stores of tests: buckets in memory that can fail, and versions of small files."""

from __future__ import annotations

import hashlib
import random
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import attrs
from obstore.store import MemoryStore

from entrepot.client.progress import Silent
from entrepot.names import Oid, RepoPath
from entrepot.workspace.manifests import MANIFEST, DescriptorHasher, Manifest, ManifestEntry, cid_of, render_manifest
from entrepot.workspace.manifests.cids import CHUNK_BYTES
from entrepot.workspace.stores import (
    ChunkStore,
    FetchCounts,
    Outbox,
    PackResult,
    PushCounts,
    SourceFile,
    VersionDraft,
    VersionRef,
    draft_path,
    fetch_files,
    pack_files,
    push_version,
)
from entrepot.workspace.stores.buckets import Bucket, Data, ObjectStat, StoredObject
from entrepot.workspace.stores.buckets.remote import RemoteBucket


def memory_bucket() -> RemoteBucket:
    """Return an empty bucket in memory."""
    return RemoteBucket(MemoryStore(), "memory://test", "no credentials")


def noise(size: int, seed: int = 0) -> bytes:
    """Return bytes that do not compress, always the same for one seed."""
    return random.Random(seed).randbytes(size)


class Killed(BaseException):
    """The process of a test was killed at this point."""


@attrs.define
class WatchedBucket:
    """A bucket that records its calls, and can fail or be killed before any of them."""

    bucket: Bucket
    calls: list[tuple[str, str]] = attrs.field(factory=list)
    before: Callable[[str, str, int], None] = attrs.field(default=lambda verb, key, number: None)
    """Called with the verb, the key, and the number of the call."""

    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False, repr=False)

    def _note(self, verb: str, key: str) -> None:
        with self._lock:
            self.calls.append((verb, key))
            number = len(self.calls)
        self.before(verb, key, number)

    def written(self) -> list[str]:
        """Return the keys of all writes, in order."""
        return [key for verb, key in self.calls if verb in ("put_new", "replace")]

    def put_new(self, key: str, data: Data) -> bool:
        self._note("put_new", key)
        return self.bucket.put_new(key, data)

    def replace(self, key: str, data: Data, version: str) -> bool:
        self._note("replace", key)
        return self.bucket.replace(key, data, version)

    def get(self, key: str, limit: int) -> StoredObject | None:
        self._note("get", key)
        return self.bucket.get(key, limit)

    def read(self, key: str, start: int, end: int) -> Data | None:
        self._note("read", key)
        return self.bucket.read(key, start, end)

    def stat(self, key: str) -> ObjectStat | None:
        self._note("stat", key)
        return self.bucket.stat(key)

    def list(self, prefix: str) -> Iterator[ObjectStat]:
        self._note("list", prefix)
        return self.bucket.list(prefix)

    def delete(self, key: str) -> None:
        self._note("delete", key)
        self.bucket.delete(key)


@attrs.define
class Desk:
    """A project as the store sees it: files on disk, an outbox, a store, and versions that are published from there."""

    folder: Path
    bucket: WatchedBucket
    store: ChunkStore
    outbox: Outbox

    @classmethod
    def create(cls, folder: Path, bucket: Bucket | None = None, name: str = "desk") -> Desk:
        """Return a desk at a bucket; without one, at a new one in memory."""
        watched = WatchedBucket(bucket if bucket is not None else memory_bucket())
        place = folder / name
        place.mkdir(parents=True)
        store = ChunkStore(watched, watched, storage="memory://test", indexes=place / "indexes", threads=4)
        return cls(place, watched, store, Outbox(place / "outbox"))

    def other(self, name: str) -> Desk:
        """Return another desk at the same bucket."""
        return Desk.create(self.folder.parent, self.bucket.bucket, name)

    def write(self, files: Mapping[str, bytes]) -> list[SourceFile]:
        """Write files and return them as sources."""
        sources = []
        for path, data in sorted(files.items()):
            target = self.folder / "data" / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
            sources.append(SourceFile(RepoPath(path), str(target)))
        return sources

    def pack(self, files: Mapping[str, bytes], *, is_copied: bool = True) -> PackResult:
        """Write and pack files."""
        return pack_files(
            self.outbox, self.write(files), indexes=self.store.indexes, progress=Silent(), is_copied=is_copied
        )

    def draft(self, files: Mapping[str, bytes], number: int = 1, name: str = "images") -> VersionDraft:
        """Return a version of files, which need not be packed."""
        return draft_of(
            Manifest.of(
                (RepoPath(path), ManifestEntry(sha256=hashlib.sha256(data).hexdigest(), size=len(data)))
                for path, data in files.items()
            ),
            number,
            name,
        )

    def push(self, version: VersionDraft, sources: Mapping[str, str] | None = None) -> PushCounts:
        """Push a version."""
        return push_version(self.store, self.outbox, version, progress=Silent(), sources=sources)

    def publish(self, files: Mapping[str, bytes], number: int = 1, name: str = "images") -> VersionDraft:
        """Write, pack and push files, and clear the outbox."""
        self.pack(files)
        version = self.draft(files, number, name)
        self.push(version)
        self.outbox.keep_only(set())
        return version

    def fetch(self, version: VersionDraft, paths: Iterable[str] | None = None, **options: object) -> FetchCounts:
        """Fetch files of a version into the drafts of this desk."""
        wanted = version.manifest.files if paths is None else [RepoPath(path) for path in paths]
        return fetch_files(
            self.store,
            options.pop("ref", version.ref),  # type: ignore[arg-type]
            version.manifest,
            wanted,
            self.drafts,
            progress=Silent(),
            **options,  # type: ignore[arg-type]
        )

    @property
    def drafts(self) -> Path:
        """The folder of drafts."""
        return self.folder / "drafts"

    def fetched(self, version: VersionDraft) -> dict[str, bytes]:
        """Return the fetched files of a version, by path."""
        entries = version.manifest.files.items()
        found = {str(path): draft_path(self.drafts, entry) for path, entry in entries}
        return {path: draft.read_bytes() for path, draft in found.items() if draft.exists()}

    def sources(self, files: Mapping[str, bytes]) -> dict[str, str]:
        """Return the paths of written files by the SHA-256 of their content."""
        return {hashlib.sha256(data).hexdigest(): str(self.folder / "data" / path) for path, data in files.items()}

    def list_keys(self, prefix: str = "") -> list[str]:
        """Return the keys of the bucket, sorted."""
        return sorted(found.key for found in self.bucket.bucket.list(prefix))

    def damage(self, key: str, at: int = 100) -> None:
        """Flip one bit of an object."""
        found = self.bucket.bucket.get(key, 1 << 30)
        assert found is not None
        data = bytearray(found.data)
        data[at % len(data)] ^= 1
        assert self.bucket.bucket.replace(key, bytes(data), found.version)


def draft_of(
    manifest: Manifest, number: int = 1, name: str = "images", documents: Mapping[str, bytes] | None = None
) -> VersionDraft:
    """Return a version with this manifest."""
    commit = Oid(hashlib.sha1(f"{name} {number}".encode(), usedforsecurity=False).hexdigest())
    ref = VersionRef("datasets", name, number, commit)
    texts = documents if documents is not None else render_manifest(manifest)
    return VersionDraft(ref, f"cat__{name}__{number}", "https://git.example.org/meta.git", None, manifest, texts)


def write_old_format(bucket: Bucket, files: Mapping[str, bytes]) -> tuple[Manifest, dict[str, bytes]]:
    """Write files as the old format has them; return the manifest and its text."""
    entries: dict[RepoPath, ManifestEntry] = {}
    paths: dict[str, list[str]] = {}
    for path, data in files.items():
        hasher = DescriptorHasher()
        hasher.update(data)
        descriptor = hasher.descriptor()
        cid = cid_of(descriptor)
        bucket.put_new(cid, descriptor)
        for at in range(0, len(data), CHUNK_BYTES):
            chunk = data[at : at + CHUNK_BYTES]
            bucket.put_new(cid_of(chunk), chunk)
        entries[RepoPath(path)] = ManifestEntry(cid=cid)
        paths.setdefault(cid, []).append(path)
    lines = [f"{cid}: !!set\n" + "".join(f"  ? {path}\n" for path in sorted(names)) for cid, names in paths.items()]
    return Manifest(entries, is_legacy=True), {MANIFEST: "".join(lines).encode()}

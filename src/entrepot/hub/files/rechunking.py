"""Split files that were uploaded whole into chunks, and verify claims about chunks.

Both are jobs that run after an upload has finished; they change only how bytes
are stored, never names or contents.
"""

from __future__ import annotations

import contextlib
import enum
import hashlib
from collections.abc import Generator, Sequence
from typing import Final

import attrs

from entrepot.blobs import OpenSink, file_key
from entrepot.catalog import Lock
from entrepot.catalog.files import file_checks, file_links, files, linked_forms, xet_files, xorbs
from entrepot.catalog.files.xet_files import UnverifiedClaim, XetFileRow
from entrepot.catalog.jobs import jobs
from entrepot.catalog.repos import repositories
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import BeingVerified, BlobMissing, BlobUnreadable, Busy, Damaged, ThingNotFound
from entrepot.hub.callers import Caller, read_by
from entrepot.hub.context import HubContext
from entrepot.hub.files import chunk_rights, chunks, xorb_scrubbing
from entrepot.hub.files.content_chunks import ContentChunk, content_chunks
from entrepot.names import Sha256, XetFileId, XetHash, new_uid
from entrepot.storage.contents import Content, fill, open_file
from entrepot.xet import MAX_CHUNK_BYTES, MerkleTree, Term, Terms, XorbWriter, eligible_chunks, read_hash

MIN_CHUNKED: Final = 16 * 1024
"""Files up to this size in bytes are not chunked: a single chunk would save nothing."""

VERIFIED_NOW_BYTES: Final = 2 << 30
"""Bytes that one request may hash to verify claims, which takes a few seconds."""

_PIECE = 1 << 20
_BATCH = 64
_NEIGHBOURS = 64
_HASH = 32
_REMEMBERED = 500_000
_CUTS_IN_A_STEP = 128
_OWN_XORBS = 4 << 20
_RECORD_AFTER = 256 << 20


def chunk_steps(hub: HubContext, repo_id: int) -> Generator[int | None, None, int]:
    """Split the raw large files of a repository into chunks, and yield after every few megabytes; return how many.

    Before each file it yields how many bytes of the files found so far are left.

    Guarantees: idempotent; at every moment, each file is stored raw, as chunks,
    or both, so it can be interrupted at any time.

    Files are recorded after every :data:`_RECORD_AFTER` bytes, so an interruption loses little work.
    """
    done = left = 0
    while True:
        with hub.read() as tx:
            row = repositories.by_id(tx, repo_id)
            found = files.raw_of(tx, repo_id, larger_than=MIN_CHUNKED, limit=_BATCH, skip=left)
        if row is None or not found:
            return done
        waiting = _first_bytes(found)
        left_bytes = sum(size for _sha256, size in found)
        begun_ms = hub.now_ms()
        with contextlib.closing(Rechunker(hub, row)) as ingestion:
            for sha256, size in waiting:
                yield left_bytes
                yield from ingestion.add_steps(sha256, size)
                left_bytes -= size
            made = ingestion.finish()
        for sha256 in made:
            drop_raw(hub, sha256, begun_ms)
        done += len(made)
        left += len(waiting) - len(made)  # these cannot be read: fsck reports them


def _first_bytes(waiting: Sequence[tuple[Sha256, int]]) -> Sequence[tuple[Sha256, int]]:
    """Return the first files with :data:`_RECORD_AFTER` bytes in all; at least one file."""
    total = 0
    for number, (_sha256, size) in enumerate(waiting, 1):
        total += size
        if total >= _RECORD_AFTER:
            return waiting[:number]
    return waiting


def verify_claims(hub: HubContext, limit: int = 100, *, repo_id: int | None = None) -> int:
    """Compute the sha256 of files that was only claimed so far; return how many claims were true.

    A true claim makes the file usable for everyone who may read it, in any
    repository; a false one stays in its repository and has no effect elsewhere.

    Args:
        limit: claims per query; all of them are verified.
        repo_id: only the claims of this repository.
    """
    return xorb_scrubbing.finish(verify_steps(hub, limit, repo_id=repo_id))


def verify_steps(hub: HubContext, limit: int = 100, *, repo_id: int | None = None) -> Generator[int | None, None, int]:
    """Verify claims as :func:`verify_claims` does, but yield for every few megabytes how many bytes are left, at least.

    These are the bytes of all claims that waited at the start, not of one: many small ones are as much work as a large
    one.
    """
    right = rest = 0
    last: UnverifiedClaim | None = None
    while True:
        with hub.read() as tx:
            waiting = xet_files.unverified(tx, limit, after=last, repo_id=repo_id)
            if waiting and last is None:
                rest = xet_files.unverified_bytes(tx, repo_id)  # once: it reads all links that wait
        if not waiting:
            return right
        for claim in waiting:
            # Where the verdict is unknown, the claim can be verified after the xorb was uploaded again.
            verdict = yield from _verify(hub, claim.repo_id, claim.sha256, claim.file, rest=rest)
            rest -= claim.size
            right += verdict is _Verdict.RIGHT
        last = waiting[-1]


def verify_readable(hub: HubContext, caller: Caller, row: RepoRow, wanted: Sequence[Sha256]) -> None:
    """Verify claimed sha256 values of files in repositories that the caller may read.

    With this, a file that was just uploaded can be copied into another repository
    before a job has verified it. Files of the repository itself whose raw bytes are
    damaged are read from chunks that were sent since. Call it outside of
    transactions, before checking the right to the files.

    Args:
        row: target repository of the files; files that it has already are skipped.

    Raises:
        BeingVerified: there is more to compute than a request may; the job starts now.
    """
    with hub.read() as tx:
        there = set(file_links.usable(tx, row.id, wanted)) | set(xet_files.claimed(tx, row.id, wanted))
        missing = [sha256 for sha256 in dict.fromkeys(wanted) if sha256 not in there]
        proven = linked_forms.readable_elsewhere(tx, read_by(caller), missing)
        missing = [sha256 for sha256 in missing if sha256 not in proven]
        claims = linked_forms.claimed_elsewhere(tx, read_by(caller), missing) if missing else []
        lost = file_checks.damaged(tx, wanted)
        sent = xet_files.claimed(tx, row.id, list(lost)) if lost else {}
    _verify_now(hub, claims)
    for claim in sent.values():
        if xorb_scrubbing.finish(_verify(hub, row.id, claim.sha256, claim.file)) is _Verdict.RIGHT:
            with hub.write(Lock.repo(row.id), Lock.file(claim.sha256), Lock.xorb(claim.file)) as tx:
                linked_forms.set_chunked(tx, row.id, claim.sha256, claim.file, claim.hash)


def verify_named(hub: HubContext, repo_id: int, wanted: Sequence[Sha256]) -> None:
    """Verify claimed sha256 values of files in one repository; see :func:`verify_readable`.

    Raises:
        BeingVerified: as :func:`verify_readable`.
    """
    with hub.read() as tx:
        proven = set(linked_forms.proven(tx, repo_id, wanted))
        claims = linked_forms.claimed_elsewhere(tx, None, [sha256 for sha256 in wanted if sha256 not in proven])
    _verify_now(hub, [claim for claim in claims if claim[0] == repo_id])


def _verify_now(hub: HubContext, claims: Sequence[tuple[int, Sha256, XetFileId, int]]) -> None:
    left, done = VERIFIED_NOW_BYTES, set[Sha256]()
    for repo_id, sha256, file, size in claims:
        if sha256 in done:
            continue
        left -= size
        if left < 0:
            now = hub.now_ms()
            with hub.write(Lock.nothing()) as tx:
                jobs.enqueue(tx, "verify", {"repo": repo_id}, now, dedup_key=f"verify-now:{repo_id}")
            hub.job_added.set()
            raise BeingVerified(sha256, size)
        if xorb_scrubbing.finish(_verify(hub, repo_id, sha256, file)) is _Verdict.RIGHT:
            done.add(sha256)


class _Verdict(enum.Enum):
    RIGHT = enum.auto()
    WRONG = enum.auto()
    UNKNOWN = enum.auto()


def _verify(
    hub: HubContext, repo_id: int, sha256: Sha256, file: XetFileId, *, rest: int = 0
) -> Generator[int | None, None, _Verdict]:
    """Compare the content of a file with the claim about it, store the result, and return it.

    Args:
        rest: the bytes of all claims that wait, this one among them.
    """
    digest, begun_ms = hashlib.sha256(), hub.now_ms()
    hub.catalog.check_may_wait()
    try:
        # The hashes of the chunks need not be computed again: if the bytes had changed, so would their sha256.
        with contextlib.closing(chunks.open_file(hub, file, is_hashed=False)) as content:
            for offset in range(0, content.size, _PIECE):
                yield max(rest, content.size) - offset
                for piece in content.pieces_at(offset, _PIECE):
                    digest.update(piece)
    except (Damaged, ThingNotFound):
        return _Verdict.UNKNOWN
    if digest.hexdigest() == sha256:
        with hub.write(Lock.repo(repo_id), Lock.file(sha256), Lock.xorb(file)) as tx:
            linked_forms.mark_verified(tx, repo_id, sha256, file)
        drop_raw(hub, sha256, begun_ms)
        return _Verdict.RIGHT
    with hub.read() as tx:
        used = xet_files.xorbs_of(tx, [file])
    for xorb in sorted(used):
        if xorb_scrubbing.record_damage(hub, xorb):
            return _Verdict.UNKNOWN  # the stored bytes are damaged: the claim may be true
        yield None
    with hub.write(Lock.repo(repo_id)) as tx:
        linked_forms.mark_false_claim(tx, repo_id, sha256, file)
    return _Verdict.WRONG


@attrs.define
class _Run:
    """Adjacent chunks in one xorb; ``where`` is its hash, or its number while it is being built."""

    where: XetHash | int
    start: int
    end: int
    unpacked: int


@attrs.define
class _PendingFile:
    """A file that is being split into chunks."""

    sha256: Sha256
    tree: MerkleTree = attrs.field(factory=MerkleTree)
    runs: list[_Run] = attrs.field(factory=list)

    def append(self, raw: bytes, length: int, where: XetHash | int, number: int) -> None:
        """Add the next chunk of the file and its location."""
        self.tree.add(raw, [length])
        last = self.runs[-1] if self.runs else None
        if last is not None and last.where == where and last.end == number:
            last.end += 1
            last.unpacked += length
        else:
            self.runs.append(_Run(where, number, number + 1, length))

    def terms(self, built: Sequence[XetHash]) -> Terms:
        """Return the terms of the file, once all its xorbs are built."""
        return Terms.of(
            Term(built[run.where] if isinstance(run.where, int) else run.where, run.start, run.end, run.unpacked)
            for run in self.runs
        )


class Rechunker:
    """Splits several files into shared xorbs, reusing chunks that the hub has already."""

    def __init__(self, hub: HubContext, row: RepoRow) -> None:
        """Start; chunks are reused if all readers of the repository may refer to them, or as ``dedup_scope`` allows."""
        self._hub = hub
        self._repo_id = row.id
        self._namespace_id = row.owner_id
        self._viewer = chunk_rights.viewer_of_readers(hub, row)
        self._shard = new_uid()
        self._sink: OpenSink | None = None
        self._writer = XorbWriter(self._write)
        self._written = 0  # the end of the last chunk that was written, in its file
        self._chunk = memoryview(bytearray(MAX_CHUNK_BYTES))
        self._building: dict[bytes, int] = {}
        self._built: list[XetHash] = []
        self._known: dict[bytes, tuple[XetHash, int]] = {}
        self._loaded: set[XetHash] = set()
        self._drafts: list[_PendingFile] = []
        self._asked: list[bytes] = []
        self._findable: list[tuple[XetHash, XetHash, int]] = []

    def add(self, sha256: Sha256, size: int) -> None:
        """Split one raw file; skip it if its bytes are missing or have another sha256."""
        xorb_scrubbing.finish(self.add_steps(sha256, size))

    def add_steps(self, sha256: Sha256, size: int) -> Generator[None, None, None]:
        """Add bytes as :meth:`add` does, but yield after every few megabytes."""
        if size >= _OWN_XORBS:
            # Repositories without a common reader then store the same file in the same xorbs, once.
            self._close_xorb()
        self._written = 0
        draft, digest, asked = _PendingFile(sha256), hashlib.sha256(), set[bytes]()
        try:
            with contextlib.closing(open_file(self._hub.store, sha256)) as content:
                for segment in content_chunks(content, digest):
                    # Look up all chunks before using any result: a hit late in a segment also
                    # finds the chunks before it.
                    for raw in _asked_for(segment):
                        if raw not in asked:
                            asked.add(raw)
                            self._look_up(raw)
                            self._asked.append(raw)
                            yield
                    for number, cut in enumerate(segment):
                        draft.append(cut.raw, cut.length, *self._place(cut, content))
                        if number % _CUTS_IN_A_STEP == 0:
                            yield
                    yield
        except (BlobMissing, BlobUnreadable):
            return
        if digest.hexdigest() != sha256:
            return  # damaged since it was received: these chunks must not get its sha256
        self._drafts.append(draft)

    def close(self) -> None:
        """Drop a xorb that is not stored yet; without effect after :meth:`finish`."""
        if self._sink is not None:
            self._sink.discard()

    def finish(self) -> list[Sha256]:
        """Store the last xorb, record the files and return them; the repository uses their chunks from now on.

        Raises:
            Busy: a reused chunk was swept or damaged in the meantime; repeat everything.
        """
        self._close_xorb()
        self._note_findable()
        now = self._hub.now_ms()
        rows = [(draft, draft.terms(self._built)) for draft in self._drafts]
        chunked = {draft.tree.file_hash() for draft, _ in rows} | {term.xorb for _, terms in rows for term in terms}
        chunked |= {xorb for _, xorb, _ in self._findable} | set(self._built)
        locks = (Lock.repo(self._repo_id), *(Lock.file(it.sha256) for it, _ in rows), *map(Lock.xorb, chunked))
        with self._hub.write(*locks) as tx:
            for draft, terms in rows:
                file, used = draft.tree.file_hash(), {term.xorb for term in terms}
                for xorb in used:
                    if not xorbs.use(tx, xorb, None, now):
                        raise Busy("a xorb that other files use too")
                row = XetFileRow.of(file, terms.size, terms.encode())
                xet_files.put(tx, row, terms.used(), now)
                linked_forms.set_chunked(tx, self._repo_id, draft.sha256, row.id, file)
            xorbs.remember_chunks(tx, self._shard, self._findable)
            xorbs.remember_group(tx, self._shard, self._built)
        return [draft.sha256 for draft in self._drafts]

    def _place(self, cut: ContentChunk, content: Content) -> tuple[XetHash | int, int]:
        known = self._known.get(cut.raw)
        if known is not None:
            return known
        number = self._building.get(cut.raw)
        if number is None:
            if not self._writer.has_room(cut.length):
                self._close_xorb()
            chunk = self._chunk[: cut.length]
            fill(content, cut.offset, chunk)
            number = self._writer.add(chunk, cut.raw, follows=0 < cut.offset == self._written)
            self._written = cut.offset + cut.length
            self._building[cut.raw] = number
        return len(self._built), number

    def _write(self, piece: memoryview) -> None:
        """Append bytes to the xorb that is being built."""
        if self._sink is None:
            self._sink = self._hub.store.drafts.receive_unnamed()
        self._sink.write(piece)

    def _close_xorb(self) -> None:
        if not self._writer.count:
            return
        index = self._writer.finish()
        xorb = index.xorb_hash()
        assert self._sink is not None  # the writer has written
        with self._sink as sink:
            chunks.keep_xorb(self._hub, self._namespace_id, xorb, index, sink)
        self._sink = None
        self._built.append(xorb)
        if len(self._known) > _REMEMBERED:
            self._known.clear()  # limits memory: very large files match only recent chunks
            self._loaded.clear()
        self._known.update((raw, (xorb, number)) for raw, number in self._building.items())
        self._writer, self._building = XorbWriter(self._write), {}
        self._note_findable()

    def _note_findable(self) -> None:
        """Remember the locations of chunks that later uploads may look up."""
        self._findable += [(read_hash(raw), *self._known[raw]) for raw in self._asked if raw in self._known]
        self._asked = [raw for raw in self._asked if raw not in self._known]

    def _look_up(self, raw: bytes) -> None:
        """Load the chunks of the xorbs that were uploaded together with this chunk's."""
        if raw in self._known or raw in self._building:
            return
        with self._hub.read() as tx:
            for near in chunks.find_near_chunk(self._hub, tx, self._viewer, read_hash(raw), _NEIGHBOURS):
                if near.hash in self._loaded:
                    continue
                self._loaded.add(near.hash)
                hashes = near.index.hashes
                for number in near.chunks.first(near.index.count).nonzero()[0].tolist():
                    self._known.setdefault(hashes[_HASH * number : _HASH * (number + 1)], (near.hash, number))


def _asked_for(segment: Sequence[ContentChunk]) -> list[bytes]:
    """Return the hashes of the chunks that clients ask for: of the first one of a file, and of eligible ones."""
    hashes = [cut.raw for cut in segment]
    first = [cut.raw for cut in segment[:1] if cut.offset == 0]
    return first + [hashes[number] for number in eligible_chunks(b"".join(hashes))]


def drop_raw(hub: HubContext, sha256: Sha256, begun_ms: int) -> None:
    """Delete the raw bytes of a file that every repository stores as chunks; rows first, bytes last.

    An upload of the same file in the meantime checks for its bytes after recording them.

    Args:
        begun_ms: the bytes stay if an upload of them has begun later.
    """
    while True:
        with hub.write(Lock.file(sha256)) as tx:
            if not files.drop_raw(tx, sha256, begun_ms):
                return
        hub.store.blobs.delete(file_key(sha256))

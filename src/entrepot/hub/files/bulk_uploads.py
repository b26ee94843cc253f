"""Bulk uploads: many small LFS files in one request, verified, packed into xorbs and linked.

Uploaded one by one, each file would cost a request, three transactions and two
fsyncs; together they share them. The stored result is the same as after an
upload in chunks, except that no claim remains: the hub has hashed the bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence

import attrs

from entrepot.blobs import file_key
from entrepot.catalog import Lock, Write
from entrepot.catalog.files import bulk_uploads as rows
from entrepot.catalog.files import file_links, files, xorbs
from entrepot.catalog.files.bulk_uploads import FileState, ProvenFile
from entrepot.catalog.files.xet_files import XetFileRow
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import Busy, ContentMismatch, EntrepotError, LimitExceeded
from entrepot.hub import capabilities
from entrepot.hub.accounts import quotas
from entrepot.hub.accounts.quotas import Allowance
from entrepot.hub.callers import Caller, MaybeCaller
from entrepot.hub.community import pull_request_access
from entrepot.hub.context import HubContext
from entrepot.hub.files import chunks, rechunking
from entrepot.names import RepoRef, Sha256, XetHash
from entrepot.xet import (
    MAX_CHUNKS,
    MIN_CHUNK_BYTES,
    Buffer,
    Term,
    Terms,
    XorbBuilder,
    chunk_ends,
    chunk_hash,
    file_hash,
)


@attrs.frozen
class UploadedFile:
    """The content of one file, at least one byte, and the sha256 that the client states for it."""

    sha256: Sha256
    data: Buffer = attrs.field(repr=False)


def check(hub: HubContext, caller: MaybeCaller, ref: RepoRef, revision: str | None) -> None:
    """Raise unless the caller may upload files for a commit there; see :func:`receive_files`."""
    with hub.read() as tx:
        pull_request_access.uploader(tx, caller, ref, revision)


def receive_files(
    hub: HubContext,
    caller: MaybeCaller,
    ref: RepoRef,
    uploads: Sequence[UploadedFile],
    *,
    revision: str | None = "main",
) -> list[Sha256]:
    """Store large files and let a repository use them, all or none; idempotent.

    Bytes that the hub has already are not stored twice; by sending them, the
    client has proven to have them, and may use them.

    Args:
        uploads: a few megabytes in all; they are packed in memory.
        revision: target of the commit; None stands for a pull request
            that does not exist yet, which every reader may create.

    Returns:
        The sha256 of each file, without duplicates.

    Raises:
        RepoNotFound, RepoMoved, LoginRequired, NotAllowed, GatedRepo: no access.
        RevisionNotFound, Refused: the pull request does not exist, or is closed.
        LimitExceeded: a file is larger than the limit for one file.
        QuotaExceeded: they exceed the quota of the namespace; nothing was stored.
        ContentMismatch: a content does not have its sha256; nothing was stored.
        StoreFull: the disk is full.
        Busy: a sweeper is working on one of the files; send them again.

    Guarantees: bytes are durable before any row refers to them.
    """
    with hub.read() as tx:
        row, author = pull_request_access.uploader(tx, caller, ref, revision)
        quota = quotas.allowance(hub, tx, row)
    contents = _verified(hub, uploads, quota)
    with hub.read() as tx:
        linked = file_links.usable(tx, row.id, list(contents))
    new = sum(len(data) for sha256, data in contents.items() if sha256 not in linked)
    quota.spend(new)
    try:
        chunked = _store(hub, row, author, revision, contents, quota.check_at_end if new else None)
    except EntrepotError:
        quota.refund(new)
        raise
    for sha256 in chunked:
        rechunking.drop_raw(hub, sha256, hub.now_ms())
    return list(contents)


def _store(
    hub: HubContext,
    row: RepoRow,
    author: Caller,
    revision: str | None,
    contents: Mapping[Sha256, Buffer],
    check_quota: Callable[[Write], None] | None,
) -> Sequence[Sha256]:
    """Store and link files; return those whose raw bytes are no longer needed."""
    there = _stored_already(hub, row.id, author.account.id, contents)
    arrivals = _Packing(hub, row.owner_id).pack({key: contents[key] for key in contents if key not in there})
    return _record(hub, row, author, revision, contents, arrivals, check_quota)


def _verified(hub: HubContext, uploads: Sequence[UploadedFile], quota: Allowance) -> dict[Sha256, Buffer]:
    limit = hub.settings.max_file
    found: dict[Sha256, Buffer] = {}
    for upload in uploads:
        if limit and len(upload.data) > limit:
            raise LimitExceeded(f"the size of the large file {upload.sha256} in bytes", limit)
        quota.check_file(f"the large file {upload.sha256}", len(upload.data))
        received = hashlib.sha256(upload.data).hexdigest()
        if received != upload.sha256:
            raise ContentMismatch("sha256", upload.sha256, received)
        found[upload.sha256] = upload.data
    return found


def _stored_already(hub: HubContext, repo_id: int, user_id: int, contents: Mapping[Sha256, Buffer]) -> set[Sha256]:
    """Return the files that the repository has for the account already; protect them from sweeps.

    Files of other repositories do not count: the time of an upload must not tell that they exist.
    """
    with hub.read() as tx:
        known = rows.stored_forms(tx, repo_id, user_id, list(contents))
    if not known:
        return set()
    with hub.write(Lock.repo(repo_id), *map(Lock.file, known)) as tx:
        files.touch(tx, list(known), hub.now_ms())
        file_links.renew(tx, repo_id, list(known), hub.now_ms())
        known = rows.stored_forms(tx, repo_id, user_id, list(known))
    return {sha256 for sha256, found in known.items() if _is_whole(hub, sha256, found, len(contents[sha256]))}


def _is_whole(hub: HubContext, sha256: Sha256, found: FileState, size: int) -> bool:
    if found.size != size:
        return False
    if found.is_chunked:
        return True
    stat = hub.store.blobs.stat(file_key(sha256)) if found.is_raw else None
    return stat is not None and stat.size == size


def _record(
    hub: HubContext,
    row: RepoRow,
    author: Caller,
    revision: str | None,
    contents: Mapping[Sha256, Buffer],
    arrivals: Sequence[ProvenFile],
    check_quota: Callable[[Write], None] | None,
) -> list[Sha256]:
    """Publish the rows; return the files that may now have raw bytes in addition to their chunks."""
    now = hub.now_ms()
    chunked = {*(item.row.hash for item in arrivals), *(xorb for item in arrivals for xorb in item.xorbs)}
    locks = (Lock.repo(row.id), *map(Lock.file, contents), *map(Lock.xorb, chunked))
    with hub.write(*locks, ahead=capabilities.ahead_of_recheck(author, row)) as tx:
        capabilities.recheck(tx, author, row, capabilities.target(tx, row, author, revision), now)
        for xorb in {xorb for item in arrivals for xorb in item.xorbs}:
            if not xorbs.use(tx, xorb, row.owner_id, now):
                raise Busy("these files")  # a sweep with a very short grace period deleted their xorb: send them again
        raw = rows.put(tx, row.id, arrivals, author.account.id, now)
        if len(file_links.usable(tx, row.id, list(contents))) < len(contents):
            raise Busy("these files")  # a stored file was swept in the meantime
        if check_quota is not None:
            check_quota(tx)
    return raw


class _Packing:
    """Cuts contents into chunks and stores them in as few xorbs as possible."""

    def __init__(self, hub: HubContext, namespace_id: int) -> None:
        self._hub = hub
        self._namespace_id = namespace_id
        self._builder = XorbBuilder()
        self._places: dict[bytes, int] = {}
        self._waiting: list[tuple[Sha256, XetHash, list[tuple[int, int]]]] = []
        self._done: list[ProvenFile] = []

    def pack(self, contents: Mapping[Sha256, Buffer]) -> list[ProvenFile]:
        """Make the bytes durable; return the files to be recorded."""
        for sha256, data in contents.items():
            self._add(sha256, memoryview(data))
        self._close()
        return self._done

    def _add(self, sha256: Sha256, data: memoryview) -> None:
        ends = [len(data)] if len(data) <= MIN_CHUNK_BYTES else chunk_ends(data)
        pieces = [data[start:end] for start, end in zip([0, *ends], ends, strict=False)]
        # A file is stored in a single xorb: if it does not fit, a new xorb begins with it.
        if self._builder.count and not self._has_room(pieces):
            self._close()
        raws = [chunk_hash(piece) for piece in pieces]
        places = [(self._place(raw, piece), len(piece)) for raw, piece in zip(raws, pieces, strict=True)]
        self._waiting.append((sha256, file_hash(b"".join(raws), [len(piece) for piece in pieces]), places))

    def _has_room(self, pieces: Sequence[memoryview]) -> bool:
        return self._builder.has_room(sum(map(len, pieces))) and self._builder.count + len(pieces) <= MAX_CHUNKS

    def _place(self, raw: bytes, piece: memoryview) -> int:
        number = self._places.get(raw)
        if number is None:
            number = self._places[raw] = self._builder.add(piece, raw)
        return number

    def _close(self) -> None:
        if not self._builder.count:
            return
        xorb = self._builder.finish()
        with self._hub.store.drafts.receive_unnamed(len(xorb.data)) as sink:
            sink.write(xorb.data)
            chunks.keep_xorb(self._hub, self._namespace_id, xorb.hash, xorb.index, sink)
        for sha256, name, places in self._waiting:
            terms = Terms.of(_terms(xorb.hash, places))
            row = XetFileRow.of(name, sum(length for _, length in places), terms.encode())
            self._done.append(ProvenFile(sha256, row, terms.used()))
        self._builder, self._places, self._waiting = XorbBuilder(), {}, []


def _terms(xorb: XetHash, places: Sequence[tuple[int, int]]) -> list[Term]:
    """Return terms, one for each run of adjacent chunks."""
    found: list[Term] = []
    for number, length in places:
        if found and found[-1].end == number:
            found[-1] = Term(xorb, found[-1].start, number + 1, found[-1].unpacked + length)
        else:
            found.append(Term(xorb, number, number + 1, length))
    return found

"""The chunk store: receive and verify xorbs and shards, reconstruct files.

The hub recomputes every chunk, xorb, range and file hash that a client states.
The sha256 of a file is a claim: it applies only in the repository of the Xet
token until a job has verified it. Source: docs/protocols/xet.md, sections 7 to 9.
"""

from __future__ import annotations

import contextlib
import hashlib
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence

import attrs

from entrepot.blobs import OpenSink, layout_of
from entrepot.catalog import Lock, Read, Write
from entrepot.catalog.files import bucket_files, bucket_rights, chunk_access, file_links, xet_files, xorbs
from entrepot.catalog.files.bucket_rights import BucketRight
from entrepot.catalog.files.chunk_access import Viewer
from entrepot.catalog.files.file_links import REPO, LinkedForm, LinkUser
from entrepot.catalog.files.xet_files import Claim, XetFileRow
from entrepot.catalog.files.xorbs import XorbRow
from entrepot.catalog.jobs import jobs
from entrepot.catalog.repos import repositories
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import (
    BlobMissing,
    Busy,
    ContentMismatch,
    InvalidSignature,
    LimitExceeded,
    RepoNotFound,
    ThingNotFound,
    XorbDamaged,
    XorbMissing,
)
from entrepot.hub import capabilities
from entrepot.hub.accounts import quotas
from entrepot.hub.context import HubContext
from entrepot.hub.files import chunk_rights, xet_tokens, xorb_scrubbing
from entrepot.hub.files.chunk_rights import ChunkRights
from entrepot.hub.files.xet_tokens import XetToken
from entrepot.names import Sha256, XetFileId, XetHash, new_uid
from entrepot.storage import chunk_content, contents
from entrepot.storage.chunk_content import StoredXorb
from entrepot.storage.contents import Content
from entrepot.xet import (
    HASH_BYTES,
    MAX_BODY_BYTES,
    KnownXorb,
    Plan,
    Shard,
    Terms,
    UsableXorb,
    XorbIndex,
    check_shard,
    dedup_answer,
    eligible_chunks,
    named_xorbs,
    parse_shard,
    parse_xorb,
    plan,
    read_hash,
    recompress,
)

MAX_XORB_BODY = MAX_BODY_BYTES
MAX_SHARD_BODY = 80 << 20
_ANSWER_XORBS = 64
_LATEST_XORBS = 32
_ANSWER_LIFETIME_S = 14 * 86_400  # a week less than xorbs are kept, for uploads that begin late
_DATA = "xet-data"
_PIECE = 8 << 20
UNIFORM_BYTES = 1 << 20
"""Largest content, in bytes, of xorbs that are stored in the same layout whoever sends them. Short content can be
guessed; compressing longer xorbs again would cost more than all other steps of their upload."""


@attrs.define
class ReceivingXorb:
    """A xorb whose bytes are arriving; ``write`` them all, then ``finish``, or ``discard``."""

    _hub: HubContext
    _given: XetToken
    _xorb: XetHash
    _sink: OpenSink

    @property
    def holder(self) -> str:
        """Id of the sender."""
        return self._given.holder

    def write(self, data: bytes | memoryview) -> None:
        """Accept the next bytes.

        Raises:
            StoreFull: the disk is full; nothing is kept.
        """
        self._sink.write(data)

    def finish(self) -> bool:
        """Verify every chunk and store the xorb; False if it was stored already and the sender may know that.

        Raises:
            Malformed, ContentMismatch, LimitExceeded: the bytes are not this xorb; nothing is kept.
            Busy: a sweeper is deleting the same xorb.
        """
        index = parse_xorb(self._sink.view(), self._xorb)
        with self._hub.read() as tx:
            xet_tokens.recheck(self._hub, tx, self._given)
            viewer = chunk_rights.viewer_of(self._hub, tx, self._given)
            is_known = ChunkRights(tx, viewer, [self._xorb]).of(self._xorb).covers(0, index.count)
        is_fresh = keep_xorb(
            self._hub,
            self._given.namespace_id,
            self._xorb,
            index,
            self._sink,
            holder=self._given.holder,
            judge=self._judge,
        )
        return is_fresh or not is_known

    def _judge(self, tx: Read) -> None:
        """Raise unless the sender may still send, in the transaction that lets them refer to the xorb."""
        xet_tokens.recheck(self._hub, tx, self._given)

    def discard(self) -> None:
        """Delete the received bytes; does nothing after :meth:`finish`."""
        self._sink.discard()


def receive_xorb(hub: HubContext, given: XetToken, xorb: XetHash, size: int | None) -> ReceivingXorb:
    """Start receiving a xorb.

    Raises:
        NotAllowed: the token is for reading.
        LimitExceeded: its announced size is larger than a xorb can be.
        QuotaExceeded: the namespace of the repository is full.
        StoreFull: the disk is full.
    """
    xet_tokens.require_write(given)
    if size is not None and size > MAX_XORB_BODY:
        raise LimitExceeded("the xorb", MAX_XORB_BODY)
    with hub.read() as tx:
        row = repositories.by_id(tx, given.repo_id)
        if row is not None:
            # The new part of it is not known yet; a namespace without remaining quota accepts none.
            quotas.allowance(hub, tx, row).check(1)
    return ReceivingXorb(hub, given, xorb, hub.store.drafts.receive_unnamed(size))


def keep_xorb(
    hub: HubContext,
    namespace_id: int,
    xorb: XetHash,
    index: XorbIndex,
    sink: OpenSink,
    *,
    holder: str | None = None,
    judge: Callable[[Read], None] = lambda _tx: None,
) -> bool:
    """Publish the bytes of a verified xorb and record it; False if it was stored already.

    Args:
        holder: id of the sender, who may refer to all of its chunks afterwards.
        judge: raises if the sender has lost the right; called in every transaction that records the xorb.

    Raises:
        Busy: a sweeper is deleting the same xorb.
        Whatever ``judge`` raises: nothing is recorded; the bytes may be swept as orphaned.

    Guarantees: the bytes of a small xorb depend on its chunks only, not on how its senders compress. Otherwise
    its layout would tell the second sender of guessed content that someone else has stored it.
    """

    def keep(source: OpenSink, of: XorbIndex) -> bool:
        return _keep(hub, namespace_id, chunk_content.row_of(xorb, of), source, holder, judge)

    if index.raw_size > UNIFORM_BYTES:
        return keep(sink, index)
    uniform = recompress(sink.view(), index)
    if uniform.data == sink.view()[: index.size]:
        return keep(sink, index)
    with hub.store.drafts.receive_unnamed(len(uniform.data)) as own:
        own.write(uniform.data)
        return keep(own, uniform.index)


def _keep(
    hub: HubContext,
    namespace_id: int,
    row: XorbRow,
    sink: OpenSink,
    holder: str | None,
    judge: Callable[[Read], None],
) -> bool:
    xorb = row.hash
    with hub.write(Lock.xorb(xorb)) as tx:
        judge(tx)
        there = xorbs.find(tx, xorb)
        is_usable = there is not None and xorbs.use(tx, xorb, namespace_id, hub.now_ms(), holder=holder)
    if there is not None:
        if is_usable and hub.store.blobs.stat(chunk_content.key_of(there)) is not None:
            # As slow as for new bytes: timing reveals nothing. Another layout is swept as orphaned.
            sink.publish_as(chunk_content.key_of(row), row.size)
            return False
        _replace(hub, namespace_id, there, row, sink, holder, judge)
        return True
    is_fresh = sink.publish_as(chunk_content.key_of(row), row.size)
    with hub.write(Lock.xorb(xorb)) as tx:
        judge(tx)
        xorbs.put(tx, row, namespace_id, hub.now_ms(), holder=holder)
        current = xorbs.find(tx, xorb)
    if current is None or hub.store.blobs.stat(chunk_content.key_of(current)) is None:
        raise Busy("this xorb")  # another upload of it is not finished yet, or it was just swept
    # Bytes that existed before any row: of a concurrent upload, or of one that was interrupted.
    if not is_fresh and xorb_scrubbing.is_damaged(hub, xorb):
        raise Busy("this xorb")
    return True


def _replace(
    hub: HubContext,
    namespace_id: int,
    there: XorbRow,
    row: XorbRow,
    sink: OpenSink,
    holder: str | None,
    judge: Callable[[Read], None],
) -> None:
    """Replace lost or damaged bytes by verified ones; no one can read the xorb in the meantime.

    Raises:
        Busy: another upload is replacing them, or a sweeper is deleting the xorb.
    """
    claimed_ms = hub.now_ms()
    with hub.write(Lock.xorb(row.hash)) as tx:
        xorbs.claim(tx, row.hash, claimed_ms)
    for key in {chunk_content.key_of(there), chunk_content.key_of(row)}:
        hub.store.blobs.delete(key)
    sink.publish_as(chunk_content.key_of(row), row.size)
    with hub.write(Lock.xorb(row.hash)) as tx:
        xorbs.mend(tx, row, claimed_ms, hub.now_ms())
    with hub.write(Lock.xorb(row.hash)) as tx:
        judge(tx)
        xorbs.put(tx, row, namespace_id, hub.now_ms(), holder=holder)


def has_xorb(hub: HubContext, given: XetToken, xorb: XetHash) -> bool:
    """Return whether the xorb need not be uploaded, because the holder of the token may use it already.

    Raises:
        NotAllowed: the token is for reading.
    """
    xet_tokens.require_write(given)
    with hub.write(Lock.xorb(xorb)) as tx:
        rights = ChunkRights(tx, chunk_rights.viewer_of(hub, tx, given), [xorb])
        stored = _find_intact(hub, tx, xorb) if rights.of(xorb) else None
        if stored is None or not rights.of(xorb).covers(0, stored.index.count):
            return False
        if not xorbs.use(tx, xorb, None, hub.now_ms()):
            return False
    return hub.store.blobs.stat(stored.key) is not None


def register_shard(hub: HubContext, given: XetToken, data: bytes) -> None:
    """Record the files of a shard after recomputing everything that it states; all of them or none.

    Raises:
        NotAllowed: the token is for reading.
        RepoNotFound: its repository was deleted.
        Malformed, ContentMismatch, LimitExceeded, XorbMissing: a statement in it is false.
        XorbDamaged: it uses a xorb that is in quarantine.
        QuotaExceeded: the files exceed the quota of the repository's namespace.
        Busy: it uses a xorb whose bytes are being replaced or deleted.
    """
    xet_tokens.require_write(given)
    if len(data) > MAX_SHARD_BODY:
        raise LimitExceeded("the shard", MAX_SHARD_BODY)
    shard = parse_shard(data)
    named = named_xorbs(shard)
    _check_room(hub, given, shard)
    with hub.read() as tx:
        viewer = chunk_rights.viewer_of(hub, tx, given)
        rights = ChunkRights(tx, viewer, named)

    def find(xorb: XetHash) -> UsableXorb | None:
        usable = rights.of(xorb)
        if not usable:
            return None
        with hub.read() as tx:
            stored = chunk_content.find_xorb(hub.store, tx, xorb)
        return None if stored is None else UsableXorb(stored.index, usable)

    try:
        check_shard(shard, find)
    except XorbMissing:
        with hub.write(Lock.hub()) as tx:
            xet_tokens.forget_known(tx, given.holder)
        raise
    if given.is_proposal:
        _check_digests(hub, given, shard)
    _record(hub, given, shard, named, is_proven=_is_proven(hub, viewer, shard, named))


def _check_room(hub: HubContext, given: XetToken, shard: Shard) -> None:
    """Raise if the files exceed the quota of the namespace, before they are verified."""
    sizes = {file.sha256: file.terms.size for file in shard.files if file.sha256 is not None}
    # Clients may leave the sha256 out, and do so for buckets.
    unnamed = {file.hash: file.terms.size for file in shard.files if file.sha256 is None}
    with hub.read() as tx:
        row = repositories.by_id(tx, given.repo_id)
        if row is None:
            raise RepoNotFound
        there = file_links.usable(tx, row.id, list(sizes), _user(given))
        known = bucket_files.by_hash(tx, row.id, list(unnamed))
        quota = quotas.allowance(hub, tx, row)
    for size in (*sizes.values(), *unnamed.values()):
        quota.check_file("a file", size)
    new = sum(size for sha256, size in sizes.items() if sha256 not in there)
    quota.check(new + sum(size for xet_hash, size in unnamed.items() if xet_hash not in known))


def find_chunk(hub: HubContext, given: XetToken, chunk: XetHash) -> bytes | None:
    """Return a shard of the xorbs that hold a chunk and its neighbours, with keyed hashes; None if it is not found."""
    with hub.read() as tx:
        known = find_near_chunk(hub, tx, chunk_rights.viewer_of(hub, tx, given), chunk, _ANSWER_XORBS)
    return _answer(hub, known)


def find_latest(hub: HubContext, given: XetToken) -> bytes | None:
    """Return a shard of the xorbs of the latest files in the repository of an upload, with keyed hashes; or None.

    A client asks for the first chunk of a file and for one chunk in 1,024. If the
    beginning of a file has changed, it would send megabytes before it asks for a chunk that is stored.
    """
    if not given.may_write:
        return None
    with hub.read() as tx:
        viewer = chunk_rights.viewer_of(hub, tx, given)
        wanted = chunk_access.latest_xorbs(tx, given.repo_id, _LATEST_XORBS)
        rights = ChunkRights(tx, viewer, wanted)
        known = [item for xorb in wanted if (item := _known(hub, tx, xorb, rights)) is not None]
    return _answer(hub, known)


def _answer(hub: HubContext, known: Sequence[KnownXorb]) -> bytes | None:
    if not known:
        return None
    with hub.write(*(Lock.xorb(item.hash) for item in known)) as tx:
        # A sweep may have run in between, and clients cache the response for weeks.
        touched = xorbs.touch(tx, [item.hash for item in known], hub.now_ms())
    known = [item for item in known if item.hash in touched]
    if not known:
        return None
    now_s = hub.now_ms() // 1000
    return dedup_answer(known, secrets.token_bytes(32), now_s, now_s + _ANSWER_LIFETIME_S)


def _known(hub: HubContext, tx: Read, xorb: XetHash, rights: ChunkRights) -> KnownXorb | None:
    """Return the chunks of an intact xorb that a viewer may refer to; None if there are none."""
    usable = rights.of(xorb)
    stored = _find_intact(hub, tx, xorb) if usable else None
    if stored is None or not usable.first(stored.index.count).any():
        return None
    return KnownXorb(xorb, stored.index, usable)


def find_near_chunk(hub: HubContext, tx: Read, viewer: Viewer, chunk: XetHash, limit: int) -> list[KnownXorb]:
    """Return an intact xorb in which a viewer may refer to a chunk, followed by xorbs uploaded together with it."""
    for group in chunk_access.near_chunk(tx, viewer, chunk, limit):
        rights = ChunkRights(tx, viewer, group)
        first = _known(hub, tx, group[0], rights)
        if first is not None and first.has(chunk):
            others = (_known(hub, tx, xorb, rights) for xorb in group[1:])
            return [first, *(item for item in others if item is not None)]
    return []


@attrs.frozen
class DataLink:
    """A path and its signed query, for reading some bytes of a xorb."""

    path: str
    query: Mapping[str, str]


def reconstruct(hub: HubContext, given: XetToken, file: XetHash, first: int, last: int | None) -> Plan:
    """Return which bytes of which xorbs make up a range of a file.

    Args:
        last: inclusive; None is the end.

    Raises:
        ThingNotFound: the repository of the token has no such file.
        RangeNotSatisfiable: the range starts after the end of the file.
        XorbDamaged: a xorb of the file is in quarantine.
    """
    with hub.read() as tx:
        row = repositories.by_id(tx, given.repo_id)
        found = None if row is None else _find_readable(hub, tx, row, given, file)
        if found is None:
            raise ThingNotFound("file", file)
        terms = _intact_terms(tx, found)
        until = terms.size - 1 if last is None else last
        return plan(terms, lambda xorb: chunk_content.get_xorb(hub.store, tx, xorb).index, first, max(until, first))


def _find_readable(hub: HubContext, tx: Read, row: RepoRow, given: XetToken, file: XetHash) -> XetFileId | None:
    if row.type.kind.has_commits:
        return xet_files.find_readable(tx, row.id, file, _user(given))
    # Who asked for a token reads on with it, though the file was replaced in the meantime.
    since_ms = hub.now_ms() - (xet_tokens.LIFETIME_S + xet_tokens.GRACE_S) * 1000
    return bucket_rights.find_readable(tx, row.id, file, is_writer=given.may_write, since_ms=since_ms)


def data_link(hub: HubContext, given: XetToken, xorb: XetHash, first: int, last: int) -> DataLink:
    """Return a time-limited link for the holder of a token to some bytes of a xorb (``last`` inclusive)."""
    path = f"/_xet/xorbs/{xorb}"
    expires_s = hub.now_ms() // 1000 + hub.settings.url_lifetime_s
    # Rounded up, so that repeated requests get the same links for some time.
    expires_s += -expires_s % 600
    fields = given.grant.fields() | {"range": f"{first}-{last}", "layout": _layout(hub, xorb)}
    return DataLink(path, hub.signer.sign(f"{_DATA} {path}", fields, expires_s))


def fetch(hub: HubContext, xorb: XetHash, query: Mapping[str, str]) -> tuple[Content, int, int]:
    """Return the bytes behind a data link, and the range (``last`` inclusive) that it is valid for.

    Raises:
        InvalidSignature: the link is altered, expired, or for another xorb,
            or the bytes were replaced since then: chunks may have other offsets now.
        ThingNotFound, XorbDamaged: the xorb is gone or in quarantine, or the
            holder of the link may no longer read the repository.
    """
    claim = hub.signer.check(f"{_DATA} /_xet/xorbs/{xorb}", query, hub.now_ms() // 1000)
    first, dash, last = claim.get("range", "").partition("-")
    if not dash:
        raise InvalidSignature("it names no range")
    with hub.read() as tx:
        if capabilities.reading_repo(tx, capabilities.of_fields(claim), hub.now_ms()) is None:
            raise ThingNotFound("xorb", xorb)
        stored = chunk_content.find_xorb(hub.store, tx, xorb)
    if stored is None:
        raise ThingNotFound("xorb", xorb)
    if claim.get("layout") != layout_of(stored.key):
        raise InvalidSignature("the xorb has been replaced")
    return hub.store.blobs.open(stored.key), int(first), int(last)


def open_file(hub: HubContext, file: XetFileId) -> Content:
    """Return the content of a file stored as chunks, readable at any offset.

    Raises:
        XorbDamaged: a xorb of the file is lost or in quarantine.
    """
    with hub.read() as tx:
        terms = _intact_terms(tx, file)

    def find(xorb: XetHash) -> StoredXorb:
        with hub.read() as tx:
            return chunk_content.get_xorb(hub.store, tx, xorb)

    return chunk_content.ChunkedContent(hub.store, terms, find, lambda xorb: xorb_scrubbing.is_damaged(hub, xorb))


def open_linked(hub: HubContext, repo_id: int, sha256: Sha256, size: int, user: LinkUser = REPO) -> Content:
    """Return the content of a large file that a repository stored raw a moment ago, perhaps as chunks now.

    Raises:
        BlobMissing: its bytes are lost.
        XorbDamaged: a xorb of the file is lost or in quarantine.
    """
    try:
        return contents.open_file(hub.store, sha256, size)
    except BlobMissing:
        # Chunks may have replaced its raw bytes since the look-up.
        with hub.read() as tx:
            kept = file_links.stored_form(tx, repo_id, sha256, user)
        if kept is None or kept.file is None:
            raise
        return open_file(hub, kept.file)


def _intact_terms(tx: Read, file: XetFileId) -> Terms:
    terms = chunk_content.terms_of(tx, file)
    if terms is None:
        raise ThingNotFound("file", file)
    damaged = xet_files.damaged_xorb_of(tx, file)
    if damaged is not None:
        raise XorbDamaged(damaged)
    return terms


def _user(given: XetToken) -> LinkUser:
    return LinkUser(given.user_id, given.may_write and not given.is_proposal)


def _find_intact(hub: HubContext, tx: Read, xorb: XetHash) -> StoredXorb | None:
    """Return a stored xorb; None if it is in quarantine."""
    try:
        return chunk_content.find_xorb(hub.store, tx, xorb)
    except XorbDamaged:
        return None


def _is_proven(hub: HubContext, viewer: Viewer, shard: Shard, named: Sequence[XetHash]) -> bool:
    """Return whether the viewer has sent or may read every chunk of the files, regardless of ``dedup_scope``."""
    if viewer == chunk_rights.strict(viewer):
        return True
    with hub.read() as tx:
        rights = ChunkRights(tx, chunk_rights.strict(viewer), named)
    ranges = {(term.xorb, term.start, term.end) for file in shard.files for term in file.terms}
    return all(rights.of(xorb).covers(start, end) for xorb, start, end in ranges)


def _layout(hub: HubContext, xorb: XetHash) -> str:
    """Return the layout of a xorb's bytes, which data links of a new plan refer to.

    Unlike the time at which they were stored, it tells a reader nothing about other uploads.
    """
    known = hub.store.indexes.find(xorb)
    if known is not None:
        return layout_of(known[1])
    with hub.read() as tx:
        row = xorbs.find(tx, xorb)
    return "" if row is None else layout_of(chunk_content.key_of(row))


def _record(hub: HubContext, given: XetToken, shard: Shard, named: Sequence[XetHash], *, is_proven: bool) -> None:
    now, uid = hub.now_ms(), new_uid()
    rows = {file.hash: XetFileRow.of(file.hash, file.terms.size, file.terms.encode()) for file in shard.files}
    used = [(rows[file.hash], file.terms.used()) for file in {file.hash: file for file in shard.files}.values()]
    chunks = _findable(hub, shard)
    claims = [
        Claim(file.sha256, rows[file.hash].id, file.hash, file.terms.size, is_proven)
        for file in shard.files
        if file.sha256 is not None
    ]
    chunked = {*named, *rows, *(xorb for _, xorb in chunks), *(block.hash for block in shard.xorbs)}
    proven = [file.sha256 for file in shard.files if file.sha256 is not None] if given.is_proposal else []
    locks = (Lock.repo(given.repo_id), *map(Lock.file, proven), *map(Lock.xorb, chunked))
    with hub.write(*locks) as tx:
        repo = xet_tokens.recheck(hub, tx, given)
        for xorb in named:
            if not xorbs.use(tx, xorb, None, now):
                raise XorbMissing(xorb, "it was deleted in the meantime")
        xet_files.put_many(tx, used, now)
        if not repo.type.kind.has_commits:
            bucket_rights.grant(tx, repo.id, [BucketRight(row.hash, row.id) for row, _ in used], now)
            bucket_files.mend(tx, repo.id, {row.hash: row.id for row, _ in used})
        else:
            _claim(hub, tx, given, repo, claims, rows.values())
        xorbs.remember_chunks(tx, uid, chunks)
        xorbs.remember_group(tx, uid, [block.hash for block in shard.xorbs])


def _claim(
    hub: HubContext, tx: Write, given: XetToken, repo: RepoRow, claims: Sequence[Claim], rows: Iterable[XetFileRow]
) -> None:
    """Record what the uploader claims about files of a repository, for its commits."""
    now, key = hub.now_ms(), f"verify:{given.repo_id}"
    for row in rows:
        file_links.mend(tx, given.repo_id, row.id, row.hash)
    if given.is_proposal:
        forms = {claim.sha256: LinkedForm(claim.size, claim.file, claim.hash) for claim in claims}
        there = file_links.usable(tx, given.repo_id, list(forms))
        quotas.allowance(hub, tx, repo).spend(sum(form.size for sha256, form in forms.items() if sha256 not in there))
        file_links.link_forms(tx, given.repo_id, forms, given.user_id, now)
    elif given.user_id is not None:
        xet_files.claim(tx, given.repo_id, claims, given.user_id, now)
    jobs.enqueue(tx, "verify", {"repo": given.repo_id}, now, dedup_key=key, delay_ms=60_000)


def _check_digests(hub: HubContext, given: XetToken, shard: Shard) -> None:
    """Compute the sha256 of all files of a shard: claims of callers who may only propose changes are not trusted.

    A claim applies in its whole repository, so a false one would affect files
    that others commit under the same sha256.

    Raises:
        ContentMismatch: a file has another sha256 than the shard states.
    """

    def find(xorb: XetHash) -> StoredXorb:
        with hub.read() as tx:
            return chunk_content.get_xorb(hub.store, tx, xorb)

    for file in shard.files:
        if file.sha256 is None:
            continue
        with hub.read() as tx:
            if file_links.is_verified(tx, given.repo_id, file.sha256, file.hash):
                continue
        digest = hashlib.sha256()
        with contextlib.closing(chunk_content.ChunkedContent(hub.store, file.terms, find)) as content:
            for offset in range(0, content.size, _PIECE):
                digest.update(content.read_at(offset, _PIECE))
        if digest.hexdigest() != file.sha256:
            raise ContentMismatch("sha256", file.sha256, digest.hexdigest())


def _findable(hub: HubContext, shard: Shard) -> list[tuple[XetHash, XetHash]]:
    """Return (chunk, xorb) of every chunk that clients may look up: the first of each file, and one in 1,024."""
    pairs: list[tuple[XetHash, XetHash]] = []
    with hub.read() as tx:
        for file in shard.files:
            first = next(iter(file.terms), None)
            if first is not None:
                stored = _find_intact(hub, tx, first.xorb)
                if stored is None:
                    raise XorbMissing(first.xorb, "it was deleted in the meantime")
                pairs.append((read_hash(stored.index.chunk_hashes(first.start, first.start + 1)), first.xorb))
    for block in shard.xorbs:
        for number in (*eligible_chunks(block.hashes), *block.flagged):
            raw = block.hashes[HASH_BYTES * number : HASH_BYTES * (number + 1)]
            pairs.append((read_hash(raw), block.hash))
    return pairs

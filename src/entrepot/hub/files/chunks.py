"""The chunk store: receive and verify xorbs, find known chunks, open files.

The hub recomputes every chunk, xorb, range and file hash that a client states.
The sha256 of a file is a claim: it applies only in the repository of the Xet
token until a job has verified it. Source: docs/protocols/xet.md, sections 7 to 9.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import attrs

from entrepot.blobs import OpenSink
from entrepot.catalog import Lock, Read, Write
from entrepot.catalog.files import chunk_access, file_links, xet_files, xorbs
from entrepot.catalog.files.chunk_access import Viewer
from entrepot.catalog.files.file_links import REPO, LinkUser
from entrepot.catalog.files.xorbs import XorbRow
from entrepot.catalog.repos import repositories
from entrepot.errors import (
    BlobMissing,
    Busy,
    LimitExceeded,
    ThingNotFound,
    XorbDamaged,
)
from entrepot.hub.context import HubContext
from entrepot.hub.files import chunk_rights, unpublished, xet_tokens, xorb_scrubbing
from entrepot.hub.files.chunk_rights import ChunkRights
from entrepot.hub.files.xet_tokens import XetToken
from entrepot.names import Sha256, XetFileId, XetHash
from entrepot.storage import chunk_content, contents
from entrepot.storage.chunk_content import ChunkedContent, StoredXorb
from entrepot.storage.contents import Content
from entrepot.xet import (
    MAX_BODY_BYTES,
    KnownXorb,
    Terms,
    XorbIndex,
    parse_xorb,
    recompress,
)

MAX_XORB_BODY = MAX_BODY_BYTES

UNIFORM_BYTES = 1 << 20
"""Largest content, in bytes, of xorbs that are stored in the same layout for all senders. Short content can be
guessed; compressing longer xorbs again would cost more than all other steps of their upload."""


@attrs.define
class ReceivingXorb:
    """A xorb whose bytes are arriving; ``write`` them all, then ``finish``, or ``discard``."""

    _hub: HubContext
    _given: XetToken
    _xorb: XetHash
    _sink: OpenSink

    @property
    def account(self) -> str:
        """Id of the sender's account, whose tokens take turns as one caller."""
        return str(self._given.user_id)

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
            QuotaExceeded: the sender has sent too much that no file uses.
            Busy: a sweeper is deleting the same xorb.
        """
        index = parse_xorb(self._sink.view(), self._xorb)
        with self._hub.read() as tx:
            xet_tokens.recheck(self._hub, tx, self._given)
            viewer = chunk_rights.viewer_of(self._hub, tx, self._given)
            is_known = self._xorb in chunk_access.whole(tx, viewer, [self._xorb])
        is_fresh = keep_xorb(
            self._hub,
            self._given.namespace_id,
            self._xorb,
            index,
            self._sink,
            sender=self._given.sender,
            check=lambda tx: self._admit(tx, index.raw_size),
        )
        return is_fresh or not is_known

    def _admit(self, tx: Write, size: int) -> None:
        """Raise unless the sender may still send, in each transaction that records the xorb; count what they send."""
        xet_tokens.recheck(self._hub, tx, self._given)
        unpublished.admit_xorb(self._hub, tx, self._given.repo_id, self._given.user_id, self._xorb, size)

    def discard(self) -> None:
        """Delete the received bytes; does nothing after :meth:`finish`."""
        self._sink.discard()


def receive_xorb(hub: HubContext, given: XetToken, xorb: XetHash, size: int | None) -> ReceivingXorb:
    """Start receiving a xorb.

    Raises:
        NotAllowed: the token is for reading.
        LimitExceeded: its announced size is larger than a xorb can be.
        QuotaExceeded: the namespace of the repository is full, or the sender has sent too much that no file uses.
        StoreFull: the disk is full.
    """
    xet_tokens.require_write(given)
    if size is not None and size > MAX_XORB_BODY:
        raise LimitExceeded("the xorb", MAX_XORB_BODY)
    with hub.read() as tx:
        row = repositories.by_id(tx, given.repo_id)
        if row is not None:
            unpublished.check_xorb(hub, tx, row, given.user_id, xorb, size or 1)
    return ReceivingXorb(hub, given, xorb, hub.store.drafts.receive_unnamed(size))


def keep_xorb(
    hub: HubContext,
    namespace_id: int,
    xorb: XetHash,
    index: XorbIndex,
    sink: OpenSink,
    *,
    sender: str | None = None,
    check: Callable[[Write], None] = lambda _tx: None,
) -> bool:
    """Publish the bytes of a verified xorb and record it; False if it was stored already.

    Args:
        sender: id of the sender, who may refer to all of its chunks afterwards.
        check: raises if the sender has lost the right; called in every transaction that records the xorb.

    Raises:
        Busy: a sweeper is deleting the same xorb.
        Whatever ``check`` raises: nothing is recorded; the bytes may be swept as orphaned.

    Guarantees: the bytes of a small xorb depend on its chunks only, not on how its senders compress. Otherwise
    its layout would tell the second sender of guessed content that someone else has stored it.
    """

    def keep(source: OpenSink, of: XorbIndex) -> bool:
        return _keep(hub, namespace_id, chunk_content.row_of(xorb, of), source, sender, check)

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
    sender: str | None,
    check: Callable[[Write], None],
) -> bool:
    # The same steps for a xorb that someone else has stored: neither the response nor the time tells the sender.
    xorb = row.hash
    with hub.write(Lock.xorb(xorb)) as tx:
        check(tx)
        there = xorbs.find(tx, xorb)
        is_usable = bool(xorbs.touch(tx, [xorb], hub.now_ms()))
        if there is not None and not is_usable:
            xorbs.check_replaceable(tx, xorb, hub.now_ms())
    is_there = hub.store.blobs.stat(chunk_content.key_of(there or row)) is not None
    if there is not None and not (is_usable and is_there):
        _replace(hub, namespace_id, there, row, sink, sender, check)
        return True
    is_fresh = sink.publish_as(chunk_content.key_of(row), row.size)  # another layout is swept as orphaned
    with hub.write(Lock.xorb(xorb)) as tx:
        check(tx)
        xorbs.put(tx, row, namespace_id, hub.now_ms(), sender=sender)
        current = xorbs.find(tx, xorb)
    if current is None or hub.store.blobs.stat(chunk_content.key_of(current)) is None:
        raise Busy("this xorb")  # another upload of it is not finished yet, or it was just swept
    # Bytes that existed before any row: of a concurrent upload, or of one that was interrupted.
    if there is None and not is_fresh and xorb_scrubbing.record_damage(hub, xorb):
        raise Busy("this xorb")
    hub.store.indexes.drop(xorb)  # that of a new xorb is not in memory either
    return there is None


def _replace(
    hub: HubContext,
    namespace_id: int,
    there: XorbRow,
    row: XorbRow,
    sink: OpenSink,
    sender: str | None,
    check: Callable[[Write], None],
) -> None:
    """Replace lost or damaged bytes by verified ones; no one can read the xorb in the meantime.

    Raises:
        Busy: another upload is replacing them, or a sweeper is deleting the xorb.
    """
    claimed_ms = hub.now_ms()
    with hub.write(Lock.xorb(row.hash)) as tx:
        xorbs.begin_repair(tx, row.hash, claimed_ms)
    for key in {chunk_content.key_of(there), chunk_content.key_of(row)}:
        hub.store.blobs.delete(key)
    sink.publish_as(chunk_content.key_of(row), row.size)
    with hub.write(Lock.xorb(row.hash)) as tx:
        xorbs.end_repair(tx, row, claimed_ms, hub.now_ms())
    with hub.write(Lock.xorb(row.hash)) as tx:
        check(tx)
        xorbs.put(tx, row, namespace_id, hub.now_ms(), sender=sender)


def has_xorb(hub: HubContext, given: XetToken, xorb: XetHash) -> bool:
    """Return whether the xorb need not be uploaded, because the holder of the token may use it already.

    Raises:
        NotAllowed: the token is for reading.
    """
    xet_tokens.require_write(given)
    with hub.write(Lock.xorb(xorb)) as tx:
        # Not for those who may read all of its chunks: that they are alone in a xorb tells about others beside them.
        is_whole = xorb in chunk_access.whole(tx, chunk_rights.viewer_of(hub, tx, given), [xorb])
        stored = find_intact(hub, tx, xorb) if is_whole else None
        if stored is None:
            return False
        if not xorbs.use(tx, xorb, None, hub.now_ms()):
            return False
    return hub.store.blobs.stat(stored.key) is not None


def find_known(hub: HubContext, tx: Read, xorb: XetHash, rights: ChunkRights) -> KnownXorb | None:
    """Return the chunks of an intact xorb that a viewer may refer to; None if there are none."""
    usable = rights.of(xorb)
    stored = find_intact(hub, tx, xorb) if usable else None
    if stored is None or not usable.first(stored.index.count).any():
        return None
    return KnownXorb(xorb, stored.index, usable, rights.is_whole(xorb))


def find_near_chunk(hub: HubContext, tx: Read, viewer: Viewer, chunk: XetHash, limit: int) -> list[KnownXorb]:
    """Return an intact xorb in which a viewer may refer to a chunk, followed by xorbs uploaded together with it."""
    for group in chunk_access.near_chunk(tx, viewer, chunk, limit):
        rights = ChunkRights(tx, viewer, group)
        first = find_known(hub, tx, group[0], rights)
        if first is not None and first.has(chunk):
            others = (find_known(hub, tx, xorb, rights) for xorb in group[1:])
            return [first, *(item for item in others if item is not None)]
    return []


def open_file(hub: HubContext, file: XetFileId, *, is_hashed: bool = True) -> ChunkedContent:
    """Return the content of a file stored as chunks, readable at any offset.

    Args:
        is_hashed: False if the caller compares a hash of the whole content, and finds out why if it differs.

    Raises:
        XorbDamaged: a xorb of the file is lost or in quarantine.
    """
    with hub.read() as tx:
        terms = intact_terms(tx, file)

    def find(xorb: XetHash) -> StoredXorb:
        with hub.read() as tx:
            return chunk_content.get_xorb(hub.store, tx, xorb)

    return ChunkedContent(
        hub.store, terms, find, lambda xorb: xorb_scrubbing.record_damage(hub, xorb), is_hashed=is_hashed
    )


def open_files(hub: HubContext, files: Sequence[XetFileId]) -> dict[XetFileId, Content]:
    """Return the contents of many files for one short use, such as one response; damaged or lost ones are left out.

    A xorb is looked up once for all of them.
    """
    with hub.read() as tx:
        rows = xet_files.find_many(tx, files)
        damaged = xet_files.damaged_files(tx, list(rows))

    @functools.cache
    def find(xorb: XetHash) -> StoredXorb:
        with hub.read() as tx:
            return chunk_content.get_xorb(hub.store, tx, xorb)

    def report(xorb: XetHash) -> None:
        xorb_scrubbing.record_damage(hub, xorb)

    return {
        file: ChunkedContent(hub.store, Terms(row.terms), find, report)
        for file, row in rows.items()
        if file not in damaged
    }


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


def intact_terms(tx: Read, file: XetFileId) -> Terms:
    """Return the terms of a stored file.

    Raises:
        ThingNotFound: it is not stored.
        XorbDamaged: a xorb of it is in quarantine.
    """
    terms = chunk_content.terms_of(tx, file)
    if terms is None:
        raise ThingNotFound("file", file)
    damaged = xet_files.damaged_xorb_of(tx, file)
    if damaged is not None:
        raise XorbDamaged(damaged)
    return terms


def link_user(given: XetToken) -> LinkUser:
    """Return the user of a token as a user of links to files."""
    return LinkUser(given.user_id, given.may_write and not given.is_proposal)


def find_intact(hub: HubContext, tx: Read, xorb: XetHash) -> StoredXorb | None:
    """Return a stored xorb; None if it is in quarantine."""
    try:
        return chunk_content.find_xorb(hub.store, tx, xorb)
    except XorbDamaged:
        return None

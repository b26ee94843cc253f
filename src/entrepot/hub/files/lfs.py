"""LFS transfers: batches, and the uploads and downloads of whole files behind signed links.

The signature of a link covers everything that its holder may do, so the transfer
needs no other authorisation. Bytes are hashed once, while they arrive.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from entrepot.blobs import VerifiedSink, file_key, receive_verified
from entrepot.catalog import Lock, Read
from entrepot.catalog.files import file_links, files
from entrepot.catalog.files.file_links import LinkUser
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import (
    ContentMismatch,
    LimitExceeded,
    NotAllowed,
    ThingNotFound,
    TooLarge,
)
from entrepot.hub import access, capabilities
from entrepot.hub.accounts import quotas
from entrepot.hub.accounts.quotas import Allowance
from entrepot.hub.callers import Caller, MaybeCaller
from entrepot.hub.community import pull_request_access
from entrepot.hub.context import HubContext
from entrepot.hub.files import arrivals, chunks, file_scrubbing, flagged_files, lfs_links, multipart_uploads
from entrepot.hub.files.arrivals import Arrival
from entrepot.hub.files.lfs_links import COMPLETE, DOWNLOAD, PART, UPLOAD, SignedUrl
from entrepot.hub.files.preparation import admit, damaged, present_sizes, usable_sizes
from entrepot.names import RepoRef, Sha256
from entrepot.storage.contents import Content

MAX_OBJECTS = 1_000


@attrs.frozen
class RequestedObject:
    """A large file that a client names."""

    sha256: Sha256
    size: int


@attrs.frozen
class MultipartUpload:
    """The links for the parts of one file, and the link that completes the upload."""

    part_size: int
    links: Sequence[SignedUrl]
    complete: SignedUrl


@attrs.frozen
class ObjectPlan:
    """The plan for one file; if ``link`` and ``refusal`` are None, nothing needs to be done."""

    wanted: RequestedObject
    link: SignedUrl | MultipartUpload | None = None
    refusal: tuple[int, str] | None = None


def check_number(count: int) -> None:
    """Raise if a batch has too many files.

    Raises:
        LimitExceeded: they are more than 1,000.
    """
    if count > MAX_OBJECTS:
        raise LimitExceeded("the number of objects in one LFS batch", MAX_OBJECTS, "send several smaller requests")


def plan_uploads(
    hub: HubContext,
    caller: MaybeCaller,
    ref: RepoRef,
    wanted: Sequence[RequestedObject],
    *,
    takes_parts: bool,
    revision: str | None = "main",
) -> list[ObjectPlan]:
    """Return where the caller may send the bytes of each file.

    A file that the caller may already use in this repository needs no upload.

    Args:
        takes_parts: the client supports multipart uploads.
        revision: target of the commit; None stands for a pull request
            that does not exist yet, which every reader may create.

    Raises:
        RepoNotFound, RepoMoved, LoginRequired, NotAllowed, GatedRepo: no access.
        RevisionNotFound, Refused: the pull request does not exist, or is closed.
        LimitExceeded: more than 1,000 files.
        QuotaExceeded: files that are stored already exceed the quota of the namespace.
    """
    check_number(len(wanted))
    sha256s = [item.sha256 for item in wanted]
    with hub.read() as tx:
        row, author = pull_request_access.uploader(tx, caller, ref, revision)
        stored = _intact_sizes(tx, author, row, sha256s)
        quota = quotas.allowance(hub, tx, row)
        holder = capabilities.for_upload(tx, row, author, revision).fields()
    if stored:
        # Looked up again, touched and linked in one transaction: no sweep can run in between.
        with hub.write(Lock.repo(row.id), *map(Lock.file, sha256s)) as tx:
            stored = _intact_sizes(tx, author, row, sha256s)
            known = [item.sha256 for item in wanted if stored.get(item.sha256) == item.size]
            files.touch(tx, known, hub.now_ms())
            # Verify and commit must find it here, even if it is only readable elsewhere now.
            admit(tx, author, row, known, quota, hub.now_ms())
    together = sum(item.size for item in wanted) if takes_parts else None
    return [
        _refuse(hub, item, stored, quota) or _plan_upload(hub, row, author, holder, item, stored, together)
        for item in wanted
    ]


def plan_downloads(
    hub: HubContext, caller: MaybeCaller, ref: RepoRef, wanted: Sequence[RequestedObject]
) -> list[ObjectPlan]:
    """Return where the caller may fetch the bytes of each file.

    Raises:
        RepoNotFound, RepoMoved, GatedRepo: no access.
        LimitExceeded: more than 1,000 files.
    """
    check_number(len(wanted))
    with hub.read() as tx:
        row = access.readable(tx, caller, ref)
        holder = capabilities.of(row, caller).fields()
        stored = present_sizes(tx, caller, row, [item.sha256 for item in wanted])
        hidden = _hidden(hub, tx, caller, row, list(stored))
    answers = []
    for item in wanted:
        if item.sha256 in hidden:
            answers.append(ObjectPlan(item, refusal=(403, hidden[item.sha256])))
            continue
        if item.sha256 not in stored:
            answers.append(ObjectPlan(item, refusal=(404, "Object does not exist in this repository")))
            continue
        fields = {"oid": item.sha256} | holder
        answers.append(ObjectPlan(item, lfs_links.sign(hub, DOWNLOAD, f"/_lfs/objects/{item.sha256}", fields)))
    return answers


def _hidden(
    hub: HubContext, tx: Read, caller: MaybeCaller, row: RepoRow, wanted: Sequence[Sha256]
) -> dict[Sha256, str]:
    """Return the reasons why files are not served to the caller, for those that a scanner has flagged."""
    found: dict[Sha256, str] = {}
    if not flagged_files.hides(hub.settings):
        return found
    hashes = file_links.xet_hashes(tx, row.id, wanted)
    for sha256 in wanted:
        try:
            flagged_files.check_served(hub, tx, caller, row, sha256=sha256, xet_hash=hashes.get(sha256))
        except NotAllowed as error:
            found[sha256] = error.message
    return found


def verify(hub: HubContext, caller: MaybeCaller, ref: RepoRef, wanted: RequestedObject) -> None:
    """Raise unless a file is stored, with this size, and usable in the repository.

    Raises:
        RepoNotFound, RepoMoved, LoginRequired, NotAllowed: no access.
        ThingNotFound: it is not stored, or not usable.
        ContentMismatch: it has another size.
    """
    with hub.read() as tx:
        row, author = pull_request_access.uploader(tx, caller, ref, None)
        size = present_sizes(tx, author, row, [wanted.sha256]).get(wanted.sha256)
    if size is None:
        raise ThingNotFound("object", wanted.sha256)
    if size != wanted.size:
        raise ContentMismatch("size", str(wanted.size), str(size))


@attrs.define
class ReceivingFile:
    """An upload whose bytes are arriving; ``write`` them all, then ``finish``, or ``discard``."""

    _hub: HubContext
    _claim: Mapping[str, str]
    _sink: VerifiedSink
    size: int

    def write(self, data: bytes | memoryview) -> None:
        """Accept the next bytes.

        Raises:
            ContentMismatch: more bytes than announced.
            StoreFull: the disk is full; nothing is kept.
        """
        self._sink.write(data)

    def finish(self) -> None:
        """Verify and store the bytes, and let the repository use them.

        Raises:
            ContentMismatch: too few bytes, or not the announced ones; nothing is kept.
            RepoNotFound: the repository was deleted in the meantime.
            InvalidSignature, NotAllowed: the holder has lost the right in the meantime.
            QuotaExceeded: the namespace has become full in the meantime.
            Busy: a sweeper is working on this file; send it again.
        """
        arrival = lfs_links.arrival_of(self._claim, self.size)
        arrivals.reserve(self._hub, arrival)
        is_new = self._sink.publish()
        arrivals.link(self._hub, arrival, is_new=is_new)

    def discard(self) -> None:
        """Delete the received bytes; does nothing after :meth:`finish`."""
        self._sink.discard()


def announced(hub: HubContext, sha256: str, query: Mapping[str, str]) -> Arrival:
    """Return the file that a signed link is for; only its signature is checked, so no thread is needed.

    Raises:
        InvalidSignature: the link is altered, expired, or for another file.
    """
    claim = lfs_links.check(hub, UPLOAD, f"/_lfs/objects/{sha256}", query)
    return lfs_links.arrival_of(claim, int(claim["size"]))


def receive(hub: HubContext, sha256: str, query: Mapping[str, str]) -> ReceivingFile:
    """Start receiving an upload behind a signed link.

    Raises:
        InvalidSignature: the link is altered, expired, or for another file, or its token is no longer valid.
        NotAllowed, RepoNotFound, GatedRepo, RepoDisabled, Refused: its holder may no longer upload there.
        QuotaExceeded: the namespace has become full since the link was issued.
        StoreFull: the disk is full.
    """
    claim = lfs_links.check(hub, UPLOAD, f"/_lfs/objects/{sha256}", query)
    size = int(claim["size"])
    with hub.read() as tx:
        target, _ = lfs_links.writer(hub, tx, claim)
        arrivals.check_room(hub, tx, target, Sha256(claim["oid"]), size)
    return ReceivingFile(
        hub, claim, receive_verified(hub.store.blobs, file_key(Sha256(claim["oid"])), Sha256(claim["oid"]), size), size
    )


def confirm(hub: HubContext, sha256: str, query: Mapping[str, str]) -> None:
    """Raise unless the bytes announced by a signed upload link have arrived; idempotent.

    Raises:
        InvalidSignature, NotAllowed, RepoNotFound, GatedRepo, RepoDisabled, Refused: as :func:`receive`.
        ThingNotFound: the bytes have not arrived.
    """
    claim = lfs_links.check(hub, UPLOAD, f"/_lfs/objects/{sha256}", query)
    oid = Sha256(claim["oid"])
    with hub.read() as tx:
        row, holder = lfs_links.writer(hub, tx, claim)
        if present_sizes(tx, holder, row, [oid]).get(oid) != int(claim["size"]):
            raise ThingNotFound("object", oid)


def fetch(hub: HubContext, sha256: str, query: Mapping[str, str]) -> Content:
    """Return the bytes behind a signed download link.

    Raises:
        InvalidSignature: the link is altered, expired, or for another file.
        ThingNotFound: the file or its repository was deleted in the meantime, or
            the holder of the link may no longer read it.
        NotAllowed: a scanner has flagged the file since then.
        BlobUnreadable: its bytes are damaged.
    """
    claim = lfs_links.check(hub, DOWNLOAD, f"/_lfs/objects/{sha256}", query)
    oid = Sha256(claim["oid"])
    grant = capabilities.of_fields(claim)
    user = LinkUser(grant.user_id, is_writer=True)  # the link was signed for someone who may use the file
    with hub.read() as tx:
        row = capabilities.reading_repo(tx, grant, hub.now_ms())
        kept = None if row is None else file_links.stored_form(tx, row.id, oid, user)
        if kept is not None and kept.is_damaged:
            file_scrubbing.check_served(tx, oid)
        if row is not None and kept is not None and flagged_files.hides(hub.settings):
            caller = capabilities.holder(tx, grant, hub.now_ms())
            flagged_files.check_served(hub, tx, caller, row, sha256=oid, xet_hash=kept.xet_hash)
    if row is None or kept is None:
        raise ThingNotFound("object", oid)
    if not kept.is_raw and kept.file is not None:
        return chunks.open_file(hub, kept.file)
    return chunks.open_linked(hub, row.id, oid, kept.size, user)


def _intact_sizes(tx: Read, author: Caller, row: RepoRow, sha256s: Sequence[Sha256]) -> dict[Sha256, int]:
    """Return the sizes of files that need no upload: usable ones whose bytes are not damaged."""
    found = usable_sizes(tx, author, row, sha256s)
    lost = damaged(tx, author, row, list(found))
    return {sha256: size for sha256, size in found.items() if sha256 not in lost}


def _refuse(
    hub: HubContext, item: RequestedObject, stored: Mapping[Sha256, int], quota: Allowance
) -> ObjectPlan | None:
    """Return why a file cannot be uploaded, or None; reserve quota for a file that can."""
    limit = hub.settings.max_file
    if item.sha256 in stored:
        if stored[item.sha256] == item.size:
            return None
        return ObjectPlan(item, refusal=(422, f"This object has {stored[item.sha256]} bytes, not {item.size}"))
    if limit and item.size > limit:
        return ObjectPlan(item, refusal=(413, f"Files on this hub have at most {limit:,} bytes"))
    try:
        quota.check_file("this file", item.size)
        quota.promise(item.size)
    except TooLarge as error:
        return ObjectPlan(item, refusal=(413, error.message))
    return None


def _plan_upload(
    hub: HubContext,
    row: RepoRow,
    author: Caller,
    holder: Mapping[str, str],
    item: RequestedObject,
    stored: Mapping[Sha256, int],
    together: int | None,
) -> ObjectPlan:
    """Return how to upload a file; ``together``: size of all files of the request, None if no parts can be sent."""
    if item.sha256 in stored:
        return ObjectPlan(item)
    fields = {"oid": item.sha256, "size": str(item.size), **holder}
    threshold = row.settings.get(multipart_uploads.MULTIPART_THRESHOLD)
    if together is None or item.size <= (threshold or hub.settings.multipart_threshold):
        return ObjectPlan(item, lfs_links.sign(hub, UPLOAD, f"/_lfs/objects/{item.sha256}", fields))
    upload = multipart_uploads.begin(hub, row, author.account.id, item.sha256, item.size, together=together)
    links = [
        lfs_links.sign(hub, PART, f"/_lfs/uploads/{upload.uid}/{number}", fields)
        for number in range(1, upload.part_count + 1)
    ]
    return ObjectPlan(
        item,
        MultipartUpload(upload.part_size, links, lfs_links.sign(hub, COMPLETE, f"/_lfs/uploads/{upload.uid}", fields)),
    )

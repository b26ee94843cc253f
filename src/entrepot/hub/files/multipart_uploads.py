"""Uploads of large files in parts, behind signed links: begin, receive a part, complete."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from entrepot.blobs import PartSink, file_key
from entrepot.catalog import Lock
from entrepot.catalog.files import uploads
from entrepot.catalog.files.uploads import Upload
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import ContentMismatch, EntrepotError, Malformed, ThingNotFound
from entrepot.hub.context import HubContext
from entrepot.hub.files import arrivals, lfs_links, unpublished
from entrepot.hub.files.lfs_links import COMPLETE, PART
from entrepot.hub.files.preparation import present_sizes
from entrepot.names import Sha256, new_uid

MAX_PARTS = 10_000
"""Maximum number of parts of one file."""
MAX_TOGETHER = 20_000
"""Maximum number of parts of the files of one request, besides one for each: a link is signed for every part."""
MULTIPART_THRESHOLD = "multipartThreshold"
"""Setting of a repository: size in bytes above which files are uploaded in parts."""


def begin(hub: HubContext, row: RepoRow, user_id: int, sha256: Sha256, size: int, *, together: int) -> Upload:
    """Return a new multipart upload, or the unfinished one of the same user for this file.

    Args:
        together: the size of all files that are requested with this one, and of this one.

    Guarantees: at most :data:`MAX_PARTS` parts, and for all of those files together at most :data:`MAX_TOGETHER`,
    besides one for each; parts grow beyond the setting ``part_size`` if necessary.
    """
    least = -(-together // MAX_TOGETHER)
    with hub.read() as tx:
        found = uploads.find(tx, row.id, sha256, user_id, least=least)
    if found is not None and found.size == size:
        hub.store.parts.begin_parts(found.uid, size)  # a crash while it was completed may have left only its row
        with hub.write(Lock.repo(row.id)) as tx:
            uploads.touch(tx, found.uid, hub.now_ms())
        return found
    wanted = min(hub.settings.part_size, row.settings.get(MULTIPART_THRESHOLD) or hub.settings.part_size)
    part_size = max(wanted, -(-size // MAX_PARTS), least)
    upload = Upload(new_uid(), row.id, user_id, sha256, size, part_size, hub.now_ms())
    hub.store.parts.begin_parts(upload.uid, size)
    with hub.write(Lock.repo(row.id)) as tx:
        uploads.add(tx, upload)
    return upload


@attrs.define
class ReceivingPart:
    """One part whose bytes are arriving."""

    _hub: HubContext
    _claim: Mapping[str, str]
    _upload: Upload
    _number: int
    _sink: PartSink
    size: int

    def write(self, data: bytes | memoryview) -> None:
        """Accept the next bytes.

        Raises:
            ContentMismatch: more than the part holds.
            StoreFull: the disk is full.
        """
        self._sink.write(data)

    def finish(self) -> str:
        """Store the part; return its etag.

        Raises:
            ContentMismatch: too few bytes.
            ThingNotFound: the upload has ended in the meantime.
            InvalidSignature, NotAllowed, RepoNotFound: the holder has lost the right in the meantime.
            QuotaExceeded: other parts of theirs have arrived in the meantime.
        """
        etag = self._sink.finish()
        with self._hub.write(Lock.repo(self._upload.repo_id)) as tx:
            row, _ = lfs_links.writer(self._hub, tx, self._claim)
            if uploads.get(tx, self._upload.uid) is None:
                raise ThingNotFound("upload", self._upload.uid)
            unpublished.check_part(self._hub, tx, row, self._upload, self._number, self.size)
            uploads.put_part(tx, self._upload.uid, self._number, etag, self.size)
            uploads.touch(tx, self._upload.uid, self._hub.now_ms())
        return etag

    def discard(self) -> None:
        """Stop receiving; the part may be sent again."""
        self._sink.close()


def receive_part(hub: HubContext, upload: str, number: int, query: Mapping[str, str]) -> ReceivingPart:
    """Start receiving one part behind a signed link; parts may arrive in any order, and repeatedly.

    Raises:
        InvalidSignature: the link is altered, expired, or for another upload, or its token is no longer valid.
        NotAllowed, RepoNotFound, GatedRepo, RepoDisabled, Refused: its holder may no longer upload there.
        ThingNotFound: the upload has ended.
        QuotaExceeded: its sender has sent too many parts of uploads that are not finished.
    """
    claim = lfs_links.check(hub, PART, f"/_lfs/uploads/{upload}/{number}", query)
    with hub.read() as tx:
        row, _ = lfs_links.writer(hub, tx, claim)
        found = uploads.get(tx, upload)
        if found is None:
            raise ThingNotFound("upload", upload)
        length = found.length_of(number)
        counts = unpublished.check_part(hub, tx, row, found, number, length)
    if counts:
        _count_part(hub, row, found, number)
    offset = (number - 1) * found.part_size
    return ReceivingPart(hub, claim, found, number, hub.store.parts.open_part(upload, offset, length), length)


def _count_part(hub: HubContext, row: RepoRow, upload: Upload, number: int) -> None:
    """Count a part before its first byte: one that is cut off leaves its bytes on the disk.

    Raises:
        ThingNotFound, QuotaExceeded: as :func:`receive_part`.
    """
    with hub.write(Lock.repo(upload.repo_id)) as tx:
        if uploads.get(tx, upload.uid) is None:
            raise ThingNotFound("upload", upload.uid)
        unpublished.check_part(hub, tx, row, upload, number, upload.length_of(number))
        uploads.begin_part(tx, upload.uid, number, upload.length_of(number))


def complete(hub: HubContext, upload: str, query: Mapping[str, str], etags: Mapping[int, str]) -> None:
    """Join the parts, verify the file, and let the repository use it; idempotent.

    Args:
        etags: part number -> etag that the client received.

    Raises:
        InvalidSignature: the link is altered, expired, or for another upload, or its token is no longer valid.
        NotAllowed, RepoNotFound, GatedRepo, RepoDisabled, Refused: its holder may no longer upload there.
        Malformed: parts are missing, or have other etags.
        ContentMismatch: the file has another sha256; nothing is kept.
        QuotaExceeded: the namespace has become full; the parts are kept, unless others have filled it meanwhile.
        ThingNotFound: the upload has ended without success; start a new one.
    """
    claim = lfs_links.check(hub, COMPLETE, f"/_lfs/uploads/{upload}", query)
    sha256, size = Sha256(claim["oid"]), int(claim["size"])
    with hub.read() as tx:
        row, _ = lfs_links.writer(hub, tx, claim)
        found = uploads.get(tx, upload)
        arrived = uploads.parts(tx, upload)
        if found is not None:
            arrivals.check_room(hub, tx, row, sha256, size)
    if found is None:
        _check_kept(hub, claim, size, upload)
        return
    _check_parts(found, arrived, etags)
    arrival = lfs_links.arrival_of(claim, size)
    arrivals.reserve(hub, arrival)
    try:
        is_new = hub.store.parts.seal_parts(upload, file_key(sha256), sha256, size)
    except (ContentMismatch, ThingNotFound) as error:
        # Without its parts an upload cannot continue: the next plan must start a new one.
        with hub.write(Lock.repo(found.repo_id)) as tx:
            uploads.remove(tx, upload)
        if isinstance(error, ContentMismatch):
            raise
        _check_kept(hub, claim, size, upload)
        return
    try:
        arrivals.link(hub, arrival, is_new=is_new)
    except EntrepotError as error:
        if arrivals.is_final(error):  # as above
            with hub.write(Lock.repo(found.repo_id)) as tx:
                uploads.remove(tx, upload)
        raise
    with hub.write(Lock.repo(found.repo_id)) as tx:
        uploads.remove(tx, upload)


def _check_kept(hub: HubContext, claim: Mapping[str, str], size: int, upload: str) -> None:
    """Raise unless the file of an ended upload is usable, which means that an earlier call has completed it."""
    sha256 = Sha256(claim["oid"])
    with hub.read() as tx:
        row, holder = lfs_links.writer(hub, tx, claim)
        is_kept = present_sizes(tx, holder, row, [sha256]).get(sha256) == size
    if not is_kept:
        raise ThingNotFound("upload", upload)


def _check_parts(upload: Upload, arrived: Mapping[int, str], etags: Mapping[int, str]) -> None:
    missing = [number for number in range(1, upload.part_count + 1) if number not in arrived]
    if missing:
        raise Malformed(
            "completion", f"{len(missing)} of {upload.part_count} parts are missing, the first is {missing[0]}"
        )
    wrong = [number for number, etag in etags.items() if arrived.get(number) != etag.strip('"')]
    if wrong:
        raise Malformed("completion", f"part {wrong[0]} has another etag: send it again")

"""Images in discussions: received, checked by their first bytes, served.

Anyone who knows the URL of an image may read it: the URL cannot be guessed,
and comments refer to it in browsers, which send no token.
"""

from __future__ import annotations

import attrs

from entrepot.blobs import file_key, put
from entrepot.catalog import Lock, Read
from entrepot.catalog.files import attachments, files
from entrepot.catalog.files.attachments import Attachment
from entrepot.errors import Busy, LimitExceeded, Malformed, ThingNotFound
from entrepot.hub import callers
from entrepot.hub.callers import Caller, MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.hub.files import file_scrubbing
from entrepot.hub.scopes import DISCUSS
from entrepot.names import new_uid
from entrepot.storage.contents import Content, open_file, sha256_of

MAX_IMAGE = 10 << 20
"""Maximum size of an image, in bytes."""

MAX_OF_ACCOUNT = 1 << 30
"""Maximum size of all images of one account, in bytes."""

_STARTS = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)


@attrs.frozen(eq=False)
class OpenImage:
    """The opened content of an image, and its media type."""

    attachment: Attachment
    content: Content


def add(hub: HubContext, caller: MaybeCaller, data: bytes) -> Attachment:
    """Store an image.

    Raises:
        LoginRequired, NotAllowed: the token does not allow taking part in discussions.
        Malformed: it is not a PNG, JPEG, GIF or WebP image.
        LimitExceeded: it is larger than 10 MiB, or the account's images exceed 1 GiB.
        Busy: a sweeper is deleting the same content; try again.
    """
    known = _may_add(caller)
    if len(data) > MAX_IMAGE:
        raise LimitExceeded("the size of the image in bytes", MAX_IMAGE)
    kind = sniff_type(data)
    sha256 = sha256_of(data)
    with hub.write(Lock.file(sha256)) as tx:
        _check_total(tx, known, len(data))
        files.reserve(tx, sha256, len(data), hub.now_ms())
    file_scrubbing.delete_damaged(hub, sha256)
    put(hub.store.blobs, file_key(sha256), data)
    attachment = Attachment(new_uid(), known.account.id, sha256, len(data), kind, hub.now_ms())
    with hub.write(Lock.namespace(known.account.id), Lock.file(sha256), by=caller) as tx:
        _check_total(tx, known, len(data))  # under the lock of the account: others may have arrived meanwhile
        if not files.confirm(tx, sha256, len(data)):
            raise Busy("this image")  # a sweep with a very short grace period deleted it before its row existed
        attachments.add(tx, attachment)
    if hub.store.blobs.stat(file_key(sha256)) is None:
        with hub.write(Lock.file(sha256)) as tx:
            attachments.remove(tx, attachment.uid)
        raise Busy("this image")  # chunks have just replaced these bytes
    return attachment


def _check_total(tx: Read, known: Caller, size: int) -> None:
    """Raise LimitExceeded if an account cannot have another image of this size in bytes."""
    if attachments.bytes_of(tx, known.account.id) + size > MAX_OF_ACCOUNT:
        raise LimitExceeded(f"the size of the images of {known.account.name} in bytes", MAX_OF_ACCOUNT)


def check(_hub: HubContext, caller: MaybeCaller) -> None:
    """Raise if the caller may not store images, before one is received.

    Raises:
        LoginRequired, NotAllowed: the token does not allow taking part in discussions.
    """
    _may_add(caller)


def _may_add(caller: MaybeCaller) -> Caller:
    known = callers.require_change(caller)
    if known.limits is None or DISCUSS not in known.limits.everywhere:
        known = callers.require_permission(caller, DISCUSS)
    return known


def find(hub: HubContext, uid: str) -> OpenImage:
    """Return an image by its id, with its content opened.

    Raises:
        ThingNotFound: it does not exist.
        BlobMissing, BlobUnreadable: the store has lost it or a part of it.
    """
    with hub.read() as tx:
        found = attachments.find(tx, uid)
        if found is None:
            raise ThingNotFound("image", uid)
        file_scrubbing.check_served(tx, found.sha256)
    return OpenImage(found, open_file(hub.store, found.sha256, found.size))


def sniff_type(data: bytes) -> str:
    """Return the media type of an image, by its first bytes; none of the types can contain scripts.

    Raises:
        Malformed: the type is not PNG, JPEG, GIF or WebP.
    """
    for start, kind in _STARTS:
        if data.startswith(start):
            return kind
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    raise Malformed("image", "expected PNG, JPEG, GIF or WebP")

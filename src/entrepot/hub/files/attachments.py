"""Images in discussions: received, checked by their first bytes, given out.

Whoever has the address of an image may see it: the address cannot be guessed,
and it stands in texts that browsers show without a token.
"""

from __future__ import annotations

import attrs

from entrepot.blobs import file_key, put
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
"""Bytes of one image."""

MAX_OF_ACCOUNT = 1 << 30
"""Bytes of all images of one account."""

_STARTS = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)


@attrs.frozen(eq=False)
class OpenImage:
    """An image to be sent, and what it is."""

    attachment: Attachment
    content: Content


def add(hub: HubContext, caller: MaybeCaller, data: bytes) -> Attachment:
    """Keep an image.

    Raises:
        LoginRequired, NotAllowed: the token does not allow to take part in discussions.
        Malformed: it is no PNG, JPEG, GIF or WebP image.
        LimitExceeded: it has more than 10 MiB, or the account's images more than 1 GiB.
        Busy: a sweeper is deleting these very bytes; try again.
    """
    known = _may_add(caller)
    if len(data) > MAX_IMAGE:
        raise LimitExceeded("the image in bytes", MAX_IMAGE)
    kind = sniffed(data)
    sha256 = sha256_of(data)
    with hub.write() as tx:
        if attachments.bytes_of(tx, known.account.id) + len(data) > MAX_OF_ACCOUNT:
            raise LimitExceeded(f"the images of {known.account.name} in bytes", MAX_OF_ACCOUNT)
        files.reserve(tx, sha256, len(data), hub.now_ms())
    file_scrubbing.make_way(hub, sha256)
    put(hub.store.blobs, file_key(sha256), data)
    attachment = Attachment(new_uid(), known.account.id, sha256, len(data), kind, hub.now_ms())
    with hub.write() as tx:
        if not files.confirm(tx, sha256, len(data)):
            raise Busy("this image")  # a sweep with hardly any grace took it before its row was there
        _may_add(callers.renewed(tx, known, hub.now_ms()))
        attachments.add(tx, attachment)
    if hub.store.blobs.stat(file_key(sha256)) is None:
        with hub.write() as tx:
            attachments.remove(tx, attachment.uid)
        raise Busy("this image")  # chunks have taken the place of these bytes just before
    return attachment


def _may_add(caller: MaybeCaller) -> Caller:
    known = callers.require_change(caller)
    if known.limits is None or DISCUSS not in known.limits.everywhere:
        known = callers.require_permission(caller, DISCUSS)
    return known


def find(hub: HubContext, uid: str) -> OpenImage:
    """An image by its id, opened.

    Raises:
        ThingNotFound: there is none.
        BlobMissing, BlobUnreadable: the store has lost it, or a part of it.
    """
    with hub.read() as tx:
        found = attachments.find(tx, uid)
        if found is None:
            raise ThingNotFound("image", uid)
        file_scrubbing.check_served(tx, found.sha256)
    return OpenImage(found, open_file(hub.store, found.sha256, found.size))


def sniffed(data: bytes) -> str:
    """The media type of an image, by its first bytes: nothing that can hold a script is one.

    Raises:
        Malformed: it is none.
    """
    for start, kind in _STARTS:
        if data.startswith(start):
            return kind
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    raise Malformed("image", "expected PNG, JPEG, GIF or WebP")

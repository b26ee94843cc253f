"""Errors about stores that are busy, full or out of reach, and about damaged bytes.

To add an error, list it in ``entrepot.errors`` too.
"""

# `message` is documented once, at the root of the tree:
# ruff: noqa: D102

from __future__ import annotations

import attrs

from entrepot.errors.base import Damaged, Unavailable, shown


@attrs.define
class Busy(Unavailable):
    """Somebody else kept winning; ``what`` is what could not be had."""

    what: str

    @property
    def message(self) -> str:
        return f"{self.what} is busy; try again"


@attrs.define
class BeingVerified(Unavailable):
    """A file was uploaded so recently that its sha256 is still a claim, and it is too large to be verified at once."""

    sha256: str
    size: int

    @property
    def message(self) -> str:
        return (
            f"the content of the large file {self.sha256} ({self.size:,} bytes) is still being verified, "
            "and can be used in other repositories when that is done; try again in a minute"
        )


@attrs.define
class StoreFull(Unavailable):
    """The disk that holds the data folder has no room left."""

    detail: str

    @property
    def message(self) -> str:
        return f"no space left to store this ({self.detail}); nothing was kept; free some room on the hub"


@attrs.define
class StoreUnavailable(Unavailable):
    """The store that keeps the bytes did not do what was asked, for a reason outside the input."""

    what: str
    reason: str

    @property
    def message(self) -> str:
        return f"the store cannot serve {shown(self.what)} now: {self.reason}"


@attrs.define
class DataFolderError(Unavailable):
    """The data folder cannot be opened by this version or by this user."""

    folder: str
    reason: str

    @property
    def message(self) -> str:
        return f"cannot open the data folder {self.folder}: {self.reason}"


@attrs.define
class ClientGone(Unavailable):
    """The peer closed the connection before its request was complete; nobody reads the answer."""

    @property
    def message(self) -> str:
        return "the client closed the connection before its request was complete; nothing was kept"


@attrs.define
class BodyTooSlow(Unavailable):
    """The body of a request did not arrive in time."""

    @property
    def message(self) -> str:
        return "the request body arrived too slowly; nothing was kept; send the request again"


@attrs.define
class TooManyBodies(Unavailable):
    """The server is receiving as many request bodies as it may."""

    where: str
    limit: int

    @property
    def message(self) -> str:
        return f"{self.limit:,} request bodies {self.where} are unfinished, which is the limit; try again later"


@attrs.define
class BlobMissing(Damaged):
    """No bytes are stored under a key that should have some."""

    key: str

    @property
    def message(self) -> str:
        return f"no bytes are stored under {self.key}; run 'entrepot fsck'"


@attrs.define
class BlobUnreadable(Damaged):
    """Bytes are stored under a key, but the disk does not give them back."""

    key: str
    reason: str

    @property
    def message(self) -> str:
        return f"the bytes under {self.key} cannot be read: {self.reason}; run 'entrepot fsck'"


@attrs.define
class XorbDamaged(Damaged):
    """The stored bytes of a xorb are not the right ones; it is, or will be, in quarantine."""

    xorb: str

    @property
    def message(self) -> str:
        return f"the stored xorb {self.xorb} is damaged, and with it the files that need it; run 'entrepot fsck'"


@attrs.define
class ObjectMissing(Damaged):
    """A git object that something points at is not stored."""

    oid: str

    @property
    def message(self) -> str:
        return f"the object {self.oid} is missing from the store; run 'entrepot fsck'"


@attrs.define
class ObjectDamaged(Damaged):
    """A stored git object cannot be read or has another id than its name."""

    oid: str
    reason: str

    @property
    def message(self) -> str:
        return f"the stored object {self.oid} is damaged: {self.reason}; run 'entrepot fsck'"

"""Errors about stores that are busy, full or unreachable, and about damaged bytes.

To add an error, list it in ``entrepot.errors`` too.
"""

# `message` is documented once, at the root of the tree:
# ruff: noqa: D102

from __future__ import annotations

from collections.abc import Mapping

import attrs

from entrepot.errors.base import Damaged, Unavailable, shown


@attrs.define
class Busy(Unavailable):
    """Other callers kept winning the race for a resource; ``what`` is the resource."""

    what: str

    @property
    def message(self) -> str:
        return f"{self.what} is busy; try again"


@attrs.define
class BeingVerified(Unavailable):
    """The sha256 of a recently uploaded file is not verified yet.

    Raised when the file is too large to verify it within the request.
    """

    sha256: str
    size: int

    @property
    def message(self) -> str:
        return (
            f"the content of the large file {self.sha256} ({self.size:,} bytes) is still being verified, "
            "and can be used in other repositories once that is done; try again in a minute"
        )


@attrs.define
class HistoryBeingIndexed(Unavailable):
    """Which commits changed which files is not known yet: more commits are new than a request indexes."""

    @property
    def message(self) -> str:
        return "the history of this repository is being indexed; try again in a moment"


@attrs.define
class StoreFull(Unavailable):
    """The disk that holds the data folder has no space left."""

    detail: str

    @property
    def message(self) -> str:
        return f"no space left to store this ({self.detail}); nothing was kept; free some space on the hub's disk"


@attrs.define
class CopyNotCompleted(StoreFull):
    """No space was left for a copy of a hub, which another run of the command continues."""

    @property
    def message(self) -> str:
        return (
            f"no space left to complete the copy ({self.detail}); large files that were copied are kept; "
            "free some space and run the command again, which copies the rest"
        )


@attrs.define
class DatabaseUnavailable(Unavailable):
    """The server of the database cannot be reached; ``detail`` says why, for the log and for the console."""

    detail: str

    @property
    def message(self) -> str:
        return "the database cannot be reached now; try again in a moment"


@attrs.define
class DatabaseReadOnly(DatabaseUnavailable):
    """The server of the database that answers accepts no changes: a standby, or one in maintenance."""

    @property
    def message(self) -> str:
        return "the database accepts no changes now, and nothing was changed; try again in a moment"


@attrs.define
class ServerStopping(Unavailable):
    """The server is about to stop; load balancers should send requests to others."""

    @property
    def message(self) -> str:
        return "this server is about to stop; another one answers"


@attrs.define
class NotReady(Unavailable):
    """Load balancers should not send requests to this server; ``details`` are for monitoring."""

    reason: str
    details: Mapping[str, object]

    @property
    def message(self) -> str:
        return self.reason


@attrs.define
class StoreUnavailable(Unavailable):
    """A store or a program of the hub failed, for a reason other than the input; ``what`` names it, or a key in it."""

    what: str
    reason: str

    @property
    def message(self) -> str:
        return f"{shown(self.what, quote=False)} cannot be used now: {self.reason}"


@attrs.define
class StoreUnusable(Unavailable):
    """The bucket of the setting ``store`` cannot be used: it does not exist, or belongs to another hub, for example."""

    store: str
    reason: str

    @property
    def message(self) -> str:
        return f"cannot use the store {shown(self.store, quote=False)}: {self.reason}"


@attrs.define
class DataFolderError(Unavailable):
    """The data folder, or a backup folder, cannot be opened by this version or by this user."""

    folder: str
    reason: str
    kind: str = "data folder"

    @property
    def message(self) -> str:
        what = "database" if self.folder == "(database)" else f"{self.kind} {self.folder}"
        return f"cannot open the {what}: {self.reason}"


@attrs.define
class ClientGone(Unavailable):
    """The client closed the connection before its request was complete; no one will read the response."""

    @property
    def message(self) -> str:
        return "the client closed the connection before its request was complete; nothing was kept"


@attrs.define
class BodyTooSlow(Unavailable):
    """A request body did not arrive in time."""

    @property
    def message(self) -> str:
        return "the request body arrived too slowly; nothing was kept; send the request again"


@attrs.define
class TooManyBodies(Unavailable):
    """The server is already receiving as many request bodies as it allows."""

    where: str
    limit: int

    @property
    def message(self) -> str:
        return f"{self.limit:,} request bodies {self.where} are unfinished, which is the limit; try again later"


@attrs.define
class TooManyArchives(Unavailable):
    """The server is already sending as many archives as it allows."""

    most_each: int

    @property
    def message(self) -> str:
        return (
            f"too many archives are being sent, or {self.most_each} to this account or address; "
            "try again when one of them is complete, or use 'hf download'"
        )


_DAMAGED_CHUNKS = (
    "stored chunks of this content are damaged or missing; upload the file again from a copy to replace them; "
    "'entrepot fsck' shows an administrator which files are affected"
)
"""The hash of a xorb, which is also in the key of its bytes, derives from chunks that the caller may not read."""


def _without_key(key: str, message: str) -> str:
    return _DAMAGED_CHUNKS if key.startswith("xorbs/") else message


@attrs.define
class BlobMissing(Damaged):
    """No bytes are stored under a key that should have some."""

    key: str

    @property
    def message(self) -> str:
        return f"no bytes are stored under {self.key}; run 'entrepot fsck'"

    @property
    def public_message(self) -> str:
        return _without_key(self.key, self.message)


@attrs.define
class BlobUnreadable(Damaged):
    """Bytes are stored under a key, but the disk cannot read them."""

    key: str
    reason: str

    @property
    def message(self) -> str:
        return f"the bytes under {self.key} cannot be read: {self.reason}; run 'entrepot fsck'"

    @property
    def public_message(self) -> str:
        return _without_key(self.key, self.message)


@attrs.define
class XorbDamaged(Damaged):
    """The stored bytes of a xorb are wrong; it is in quarantine, or will be soon."""

    xorb: str

    @property
    def message(self) -> str:
        return f"the stored xorb {self.xorb} is damaged, and with it the files that need it; run 'entrepot fsck'"

    @property
    def public_message(self) -> str:
        return _DAMAGED_CHUNKS


@attrs.define
class ObjectMissing(Damaged):
    """A git object that something refers to is not stored."""

    oid: str

    @property
    def message(self) -> str:
        return f"the object {self.oid} is missing from the store; run 'entrepot fsck'"


@attrs.define
class ObjectDamaged(Damaged):
    """A stored git object cannot be read, or its content does not have the id of its key."""

    oid: str
    reason: str

    @property
    def message(self) -> str:
        return f"the stored object {self.oid} is damaged: {self.reason}; run 'entrepot fsck'"

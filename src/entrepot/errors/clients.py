"""Errors that only the client raises: local files, the connection to a hub, the cache.

To add an error, list it in ``entrepot.errors`` too.
"""

# `message` is documented once, at the root of the tree:
# ruff: noqa: D102

from __future__ import annotations

import attrs

from entrepot.errors.base import (
    Conflict,
    Damaged,
    Invalid,
    NotFound,
    Unauthenticated,
    Unavailable,
    shown,
)
from entrepot.errors.lookups import EntryNotFound


@attrs.define
class SourceMissing(Invalid, ValueError):
    """A local file or folder to upload does not exist, or is of another kind than expected."""

    path: str
    expected: str = "file"

    @property
    def message(self) -> str:
        return f"there is no {self.expected} at {shown(self.path)}; nothing was uploaded"


@attrs.define
class SourceUnreadable(Invalid, ValueError):
    """A local file or folder to upload exists but cannot be read."""

    path: str
    reason: str

    @property
    def message(self) -> str:
        return f"cannot read {shown(self.path)}: {self.reason}; make it readable, or leave it out"


@attrs.define
class SecretsFound(Invalid, ValueError):
    """The upload includes files whose names suggest a secret, and the caller forbade that."""

    paths: tuple[str, ...]

    @property
    def message(self) -> str:
        names = ", ".join(shown(path) for path in self.paths[:5]) + (", ..." if len(self.paths) > 5 else "")
        return (
            f"{names} would be uploaded, but the file name suggests a secret; nothing was uploaded: "
            "exclude it, or allow secrets"
        )


@attrs.define
class SourceChanged(Invalid, ValueError):
    """A file was modified while it was being uploaded; nothing was committed."""

    path: str

    @property
    def message(self) -> str:
        return f"{shown(self.path)} changed while it was being uploaded; upload it again once no program writes to it"


@attrs.define
class InvalidArgument(Invalid, ValueError):
    """A function was called with an argument it cannot use; ``reason`` is one whole sentence."""

    reason: str

    @property
    def message(self) -> str:
        return self.reason


@attrs.define
class TokenMissing(Unauthenticated):
    """A client call needs a token, but none is configured for this hub."""

    endpoint: str

    @property
    def message(self) -> str:
        return f"no token for the hub at {self.endpoint}: log in with 'entrepot login' or set ENTREPOT_TOKEN"


@attrs.define
class ProgramMissing(Conflict, OSError):
    """A required program is not installed on this machine; ``cure`` says how to install it."""

    program: str
    cure: str

    @property
    def message(self) -> str:
        return f"{self.program} is not installed; {self.cure}"


@attrs.define
class LibraryMissing(Conflict, ImportError):
    """An optional Python library that this call needs is not installed; ``requirement`` is the argument for pip."""

    library: str
    requirement: str

    @property
    def message(self) -> str:
        return f'this needs {self.library}, which is not installed: pip install "{self.requirement}"'


@attrs.define
class GitFailed(Conflict, OSError):
    """A git command failed; ``reason`` is the message of git or of the remote."""

    command: str
    reason: str

    @property
    def message(self) -> str:
        return f"git {self.command} failed: {self.reason}"


@attrs.define
class ChunksRefused(Unavailable):
    """The chunk store did not accept a file; ``reason`` is the message of the transfer library."""

    reason: str

    @property
    def message(self) -> str:
        return f"the hub's chunk store did not take the upload: {shown(self.reason, quote=False)}"


@attrs.define
class HubUnreachable(Unavailable):
    """The client could not connect to the hub, or the connection broke before the response was complete."""

    endpoint: str
    reason: str

    @property
    def message(self) -> str:
        return (
            f"cannot reach the hub at {self.endpoint}: {shown(self.reason, quote=False)}; "
            "check the address (ENTREPOT_ENDPOINT), the network and that the hub is running"
        )


@attrs.define
class HubTimeout(Unavailable):
    """The hub did not answer in time."""

    endpoint: str
    seconds: int

    @property
    def message(self) -> str:
        return f"the hub at {self.endpoint} did not answer within {self.seconds} s; try again, or allow more time"


@attrs.define
class TlsFailed(Unavailable):
    """The TLS handshake failed: the server's certificate could not be verified for this hub."""

    endpoint: str
    reason: str

    @property
    def message(self) -> str:
        return (
            f"no secure connection to {self.endpoint}: {shown(self.reason, quote=False)}; check this computer's clock "
            "and that it trusts the authority of the hub's certificate (set SSL_CERT_FILE for a private one)"
        )


@attrs.define
class AnswerUnusable(Unavailable):
    """The server sent a response that a hub would not send."""

    url: str
    reason: str

    @property
    def message(self) -> str:
        return (
            f"the response of {shown(self.url, quote=False)} cannot be used: {shown(self.reason, quote=False)}; "
            "check that this is the address of a hub"
        )


@attrs.define
class Offline(Unavailable):
    """Offline mode is on, but the call needs the hub."""

    what: str

    @property
    def message(self) -> str:
        return f"offline mode is on and {self.what} needs the hub; unset ENTREPOT_OFFLINE to allow it"


@attrs.define
class NotCached(EntryNotFound, FileNotFoundError, ValueError):
    """A file, or every file of a revision, is not in the local cache, and the hub was not or could not be asked."""

    why: str = "the hub was not asked for it"

    @property
    def message(self) -> str:
        return f"{shown(self.path, quote=False)} is not in the local cache, and {self.why}"


@attrs.define
class SnapshotIncomplete(NotCached):
    """Some files of a snapshot are missing from the local cache (``path`` is one), and the hub cannot be asked."""

    what: str = ""
    missing: int = 1

    @property
    def message(self) -> str:
        return (
            f"the local copy of {shown(self.what, quote=False)} lacks {self.missing:,} of the requested files, "
            f"such as {shown(self.path)}, and {self.why}"
        )


@attrs.define
class CacheMissing(NotFound, ValueError):
    """A folder holds no cache, or not the requested part of one."""

    folder: str
    what: str = "cache"

    @property
    def message(self) -> str:
        return f"there is no {self.what} at {shown(self.folder)}; download something first, or name another folder"


@attrs.define
class TensorsMissing(NotFound):
    """A repository has no safetensors file at the paths where models keep their weights."""

    repo: str
    revision: str

    @property
    def message(self) -> str:
        return (
            f"{self.repo} has neither model.safetensors nor model.safetensors.index.json at {shown(self.revision)}; "
            "parse_safetensors_file_metadata reads files of other names"
        )


@attrs.define
class TensorsUnreadable(Damaged, ValueError):
    """A file is not in the safetensors format."""

    path: str
    reason: str

    @property
    def message(self) -> str:
        return f"{shown(self.path)} is not a safetensors file: {shown(self.reason, quote=False)}"


@attrs.define
class DiskFull(Conflict, OSError):
    """The local disk has no space left; what was received or packed so far is kept for the next attempt.

    ``cure`` says how to free space.
    """

    folder: str
    needed: int
    cure: str = "free some space ('entrepot cache delete' removes unused revisions), or choose another folder"

    @property
    def message(self) -> str:
        return f"no space left in {shown(self.folder)}: {self.needed:,} more bytes are needed; {self.cure}"


@attrs.define
class CannotWrite(Conflict, OSError):
    """A local file or folder cannot be written."""

    path: str
    reason: str

    @property
    def message(self) -> str:
        return f"cannot write {shown(self.path)}: {self.reason}; choose another folder, or change its permissions"


@attrs.define
class DownloadDamaged(Damaged, OSError):
    """A downloaded file does not have the digest that the repository names; it was removed."""

    what: str
    expected: str
    received: str

    @property
    def message(self) -> str:
        return (
            f"{shown(self.what, quote=False)} arrived damaged and was removed: expected {self.expected}, received "
            f"{self.received}; download it again; if that fails too, ask the hub's administrator to run 'entrepot fsck'"
        )


@attrs.define
class CacheDamaged(Damaged):
    """The local cache has a layout that no client would have written."""

    path: str
    reason: str

    @property
    def message(self) -> str:
        return f"the cache is damaged at {shown(self.path)}: {self.reason}"

"""Errors that only clients raise: about files of this computer, the way to a hub, the cache.

To add a leaf, list it in ``entrepot.errors`` too.
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
    """A file or folder that should be uploaded is not there, or is not what it should be."""

    path: str
    expected: str = "file"

    @property
    def message(self) -> str:
        return f"there is no {self.expected} at {shown(self.path)}; nothing was uploaded"


@attrs.define
class SourceUnreadable(Invalid, ValueError):
    """A file or folder that should be uploaded is there, but cannot be read."""

    path: str
    reason: str

    @property
    def message(self) -> str:
        return f"cannot read {shown(self.path)}: {self.reason}; give yourself the right to read it, or leave it out"


@attrs.define
class SecretsFound(Invalid, ValueError):
    """Files that look like secrets were about to be uploaded, and the caller had ruled that out."""

    paths: tuple[str, ...]

    @property
    def message(self) -> str:
        names = ", ".join(shown(path) for path in self.paths[:5]) + (", ..." if len(self.paths) > 5 else "")
        return (
            f"{names} would be uploaded, and the name says that it holds a secret; nothing was uploaded: "
            "leave it out, or allow secrets"
        )


@attrs.define
class SourceChanged(Invalid, ValueError):
    """A file was written to while it was being uploaded; nothing was committed."""

    path: str

    @property
    def message(self) -> str:
        return f"{shown(self.path)} changed while it was being uploaded; upload it again when nobody writes to it"


@attrs.define
class InvalidArgument(Invalid, ValueError):
    """A function was called with something it cannot use; ``reason`` is one whole sentence."""

    reason: str

    @property
    def message(self) -> str:
        return self.reason


@attrs.define
class TokenMissing(Unauthenticated):
    """A client call needs a token, and none is known for this hub."""

    endpoint: str

    @property
    def message(self) -> str:
        return f"no token for the hub at {self.endpoint}: log in with 'entrepot login' or set ENTREPOT_TOKEN"


@attrs.define
class ProgramMissing(Conflict, OSError):
    """A program of this machine is needed and not installed; ``cure`` says how to get it."""

    program: str
    cure: str

    @property
    def message(self) -> str:
        return f"{self.program} is not installed; {self.cure}"


@attrs.define
class LibraryMissing(Conflict, ImportError):
    """A Python library that only some calls need is not installed; ``requirement`` is what pip takes."""

    library: str
    requirement: str

    @property
    def message(self) -> str:
        return f'this needs {self.library}, which is not installed: pip install "{self.requirement}"'


@attrs.define
class GitFailed(Conflict, OSError):
    """A git command ended with an error; ``reason`` is what git, or the remote, said."""

    command: str
    reason: str

    @property
    def message(self) -> str:
        return f"git {self.command} failed: {self.reason}"


@attrs.define
class ChunksRefused(Unavailable):
    """The chunk store did not take a file; ``reason`` is what its engine says."""

    reason: str

    @property
    def message(self) -> str:
        return f"the hub's chunk store did not take the upload: {shown(self.reason, quote=False)}"


@attrs.define
class HubUnreachable(Unavailable):
    """No connection to the hub came about, or it broke before the answer was complete."""

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
    """The hub could not prove over TLS that it is the one that was meant."""

    endpoint: str
    reason: str

    @property
    def message(self) -> str:
        return (
            f"no secure connection to {self.endpoint}: {shown(self.reason, quote=False)}; check this computer's clock "
            "and that it trusts the authority of the hub's certificate (SSL_CERT_FILE names a private one)"
        )


@attrs.define
class AnswerUnusable(Unavailable):
    """What answered does not speak like a hub."""

    url: str
    reason: str

    @property
    def message(self) -> str:
        return (
            f"the answer of {shown(self.url, quote=False)} cannot be used: {shown(self.reason, quote=False)}; "
            "check that this is the address of a hub"
        )


@attrs.define
class Offline(Unavailable):
    """Offline mode is on, and the hub would be needed."""

    what: str

    @property
    def message(self) -> str:
        return f"offline mode is on and {self.what} needs the hub; unset ENTREPOT_OFFLINE to allow it"


@attrs.define
class NotCached(EntryNotFound, FileNotFoundError, ValueError):
    """A file, or all files of a revision, are not in the local cache, and the hub was not, or could not be, asked."""

    why: str = "the hub was not asked for it"

    @property
    def message(self) -> str:
        return f"{shown(self.path, quote=False)} is not in the local cache, and {self.why}"


@attrs.define
class SnapshotIncomplete(NotCached):
    """Some files of a snapshot are in the local cache, others are not (``path``), and the hub cannot be asked."""

    what: str = ""
    missing: int = 1

    @property
    def message(self) -> str:
        return (
            f"the local copy of {shown(self.what, quote=False)} lacks {self.missing:,} of the wanted files, "
            f"such as {shown(self.path)}, and {self.why}"
        )


@attrs.define
class CacheMissing(NotFound, ValueError):
    """There is no cache, or none of what was named, in a folder."""

    folder: str
    what: str = "cache"

    @property
    def message(self) -> str:
        return f"there is no {self.what} at {shown(self.folder)}; download something first, or name another folder"


@attrs.define
class TensorsMissing(NotFound):
    """A repository has no weights of the safetensors format where a model has them."""

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
    """A file that should hold tensors does not have the format of safetensors files."""

    path: str
    reason: str

    @property
    def message(self) -> str:
        return f"{shown(self.path)} is no safetensors file: {shown(self.reason, quote=False)}"


@attrs.define
class DiskFull(Conflict, OSError):
    """The local disk has no room for a download; what was received so far is kept for the next try."""

    folder: str
    needed: int

    @property
    def message(self) -> str:
        return (
            f"no space left in {shown(self.folder)}: {self.needed:,} more bytes are needed; free some room "
            "('entrepot cache delete' removes what is no longer wanted), or choose another folder"
        )


@attrs.define
class CannotWrite(Conflict, OSError):
    """A local file or folder cannot be written."""

    path: str
    reason: str

    @property
    def message(self) -> str:
        return f"cannot write {shown(self.path)}: {self.reason}; choose another folder, or give yourself the right"


@attrs.define
class DownloadDamaged(Damaged, OSError):
    """A file arrived with other bytes than its name in the repository promises; it was removed."""

    what: str
    expected: str
    received: str

    @property
    def message(self) -> str:
        return (
            f"{shown(self.what, quote=False)} arrived damaged and was removed: expected {self.expected}, received "
            f"{self.received}; download it again, and if that does not help have the hub checked"
        )


@attrs.define
class CacheDamaged(Damaged):
    """Something in the local cache is not as a client would have left it."""

    path: str
    reason: str

    @property
    def message(self) -> str:
        return f"the cache is damaged at {shown(self.path)}: {self.reason}"

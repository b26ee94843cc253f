"""JSON of the large files of a repository. Source: docs/protocols/hf_api.md, section 1A.5."""

from __future__ import annotations

import msgspec


class LargeFilePusher(msgspec.Struct, frozen=True, kw_only=True):
    """The user who uploaded a file."""

    name: str
    type: str = "user"


class LargeFileEntry(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A large file; ``file_oid`` is its id in this repository, ``oid`` the SHA-256 of its content."""

    file_oid: str
    filename: str
    oid: str
    pushed_at: str
    size: int
    ref: str | None = None
    pusher: LargeFilePusher | None = None
    xet_hash: str | None = None


class Deletions(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Files to delete permanently; ``sha`` holds values of ``file_oid``, despite its name."""

    sha: list[str]
    rewrite_history: bool | None = None


class DeletionsRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Body of a batch of deletions."""

    deletions: Deletions


class ShareTarget(msgspec.Struct, frozen=True, kw_only=True):
    """The repository that receives access to large files of another one; ``name`` is its full id."""

    name: str
    type: str = "model"


class SharedFile(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A large file of the source."""

    sha256: str
    xet_hash: str | None = None
    filename: str | None = None


class ShareRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Files that commits to the target may reference afterwards."""

    target: ShareTarget
    files: list[SharedFile]


class ShareFailure(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A file that could not be shared, and the reason."""

    sha256: str
    xet_hash: str | None
    error: str


class ShareResponse(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of a :class:`ShareRequest`."""

    success: bool
    processed: int
    succeeded: int
    failed: list[ShareFailure]

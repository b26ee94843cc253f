"""JSON of buckets. Source: docs/protocols/buckets.md, sections 1 to 3."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec


class BucketCreation(msgspec.Struct, frozen=True, kw_only=True):
    """Body that creates a bucket; regions and resource groups of the public hub are ignored."""

    visibility: str | None = None
    private: bool | None = None


class BucketSettings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Settings of a bucket."""

    private: bool | None = None
    visibility: str | None = None


class BucketDescription(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A bucket with its totals."""

    uid: str = msgspec.field(name="_id")
    id: str
    author: str
    private: bool
    created_at: str
    updated_at: str
    size: int
    total_files: int
    likes: int = 0
    repo_type: str = "bucket"


class BucketEntry(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A file or folder of a bucket; the times are ISO 8601."""

    type: Literal["file", "directory"]
    path: str
    uploaded_at: str
    size: int | None = None
    xet_hash: str | None = None
    mtime: str | None = None


class BucketPaths(msgspec.Struct, frozen=True, kw_only=True):
    """The paths to describe."""

    paths: list[str]


class BucketAddLine(msgspec.Struct, frozen=True, kw_only=True, rename="camel", tag="addFile"):
    """A line of a batch that names an uploaded file; ``mtime`` in milliseconds since 1970."""

    path: str
    xet_hash: str
    mtime: int | float | None = None


class BucketCopyLine(msgspec.Struct, frozen=True, kw_only=True, rename="camel", tag="copyFile"):
    """A line of a batch that names a file of another repository or bucket."""

    path: str
    xet_hash: str
    source_repo_type: str
    source_repo_id: str
    mtime: int | float | None = None


class BucketDeleteLine(msgspec.Struct, frozen=True, kw_only=True, rename="camel", tag="deleteFile"):
    """A line of a batch that deletes a file."""

    path: str


BucketLine = BucketAddLine | BucketCopyLine | BucketDeleteLine


class BucketFailure(msgspec.Struct, frozen=True, kw_only=True):
    """An operation that was not applied."""

    path: str
    error: str


class BucketBatchResult(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of a batch."""

    success: bool
    processed: int
    succeeded: int
    failed: Sequence[BucketFailure]

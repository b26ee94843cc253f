"""JSON of tree entries. Source: docs/protocols/hf_api.md, section 1A.4."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec


class LfsInfo(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The file that an LFS pointer refers to; ``oid`` is a SHA-256."""

    oid: str
    size: int
    pointer_size: int


class LastCommit(msgspec.Struct, frozen=True, kw_only=True):
    """The newest commit that changed an entry."""

    id: str
    title: str
    date: str


class FileSecurity(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What is known about the safety of a file. Source: docs/protocols/hf_api.md, section 1A.4.

    ``status`` is ``safe`` (no known threat), ``caution``, ``suspicious``, ``unsafe``, ``error``, ``queued``
    or ``unscanned``. The results of single scanners have ``status``, and other keys that depend on the hub.
    """

    status: str
    av_scan: Mapping[str, Any] | None = None
    pickle_import_scan: Mapping[str, Any] | None = None


class TreeEntry(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A file or folder; ``size`` is the size of the actual content, 0 for folders."""

    type: Literal["file", "directory"]
    oid: str
    size: int
    path: str
    lfs: LfsInfo | None = None
    xet_hash: str | None = None
    last_commit: LastCommit | None = None
    security_file_status: FileSecurity | None = None


class PathsRequest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The paths to describe."""

    paths: list[str]
    expand: bool = False


class PathMatches(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Files whose paths have all words of a search; ``is_complete``: whether there are no others."""

    files: Sequence[TreeEntry]
    is_complete: bool


class TreeSize(msgspec.Struct, frozen=True, kw_only=True):
    """The total size in bytes of all files below a folder."""

    path: str
    size: int

"""Large files of a repository, over all its revisions."""

from __future__ import annotations

import dataclasses
import datetime

from entrepot.hf.shapes.times import parse_timestamp
from entrepot.wire.files.large_files import LargeFileEntry


@dataclasses.dataclass
class LFSFileInfo:
    """A large file; ``file_oid`` is its id in the repository, ``oid`` the SHA-256 of its content."""

    file_oid: str
    filename: str
    oid: str
    pushed_at: datetime.datetime
    ref: str | None
    size: int


def large_file_of(found: LargeFileEntry) -> LFSFileInfo:
    """Convert a large file from a list."""
    return LFSFileInfo(
        found.file_oid, found.filename, found.oid, parse_timestamp(found.pushed_at), found.ref, found.size
    )

"""The value of a manifest: which content each file of one version has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, NewType

import attrs
import msgspec

from entrepot.names import RepoPath

Cid = NewType("Cid", str)
"""Identity of a content in the old format: ``z`` and the base58 digits of a descriptor's digest."""

UNKNOWN_SIZE = -1
MAX_FILE_BYTES = 1 << 50


class ManifestEntry(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, forbid_unknown_fields=True):
    """The content of one file: its SHA-256, or the identity that the old format gave it.

    Exactly one of ``sha256`` and ``cid`` is not empty. ``size`` is in bytes; only entries of old
    manifests may have :data:`UNKNOWN_SIZE`. ``x`` is 1 if the file is executable.
    """

    sha256: str = ""
    cid: str = ""
    size: Annotated[int, msgspec.Meta(ge=0, le=MAX_FILE_BYTES)] = UNKNOWN_SIZE
    x: Annotated[int, msgspec.Meta(ge=0, le=1)] = 0

    @property
    def content(self) -> str:
        """The identity of the content: two files with equal ones have equal bytes."""
        return self.sha256 or self.cid


@attrs.frozen
class Manifest:
    """The files of one version, by path.

    Paths are in ascending order of their UTF-8 bytes; in a manifest of the old format they keep
    the order of its text, because published samples depend on it.
    """

    files: Mapping[RepoPath, ManifestEntry]
    is_legacy: bool = False

    @classmethod
    def of(cls, files: Iterable[tuple[RepoPath, ManifestEntry]]) -> Manifest:
        """Return the manifest of these files, in ascending order of their paths."""
        return cls(dict(sorted(files, key=lambda file: file[0])))

    @property
    def amount(self) -> int:
        """The number of files."""
        return len(self.files)

    @property
    def size(self) -> int:
        """The sum of the known sizes, in bytes."""
        return sum(entry.size for entry in self.files.values() if entry.size > 0)

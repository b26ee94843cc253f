"""LFS pointers: the small text that stands in git for a large file.

Source: git-lfs, docs/spec.md, "The Pointer".
"""

from __future__ import annotations

import itertools
import re
from typing import Final

import attrs

from entrepot.names import Sha256

MAX_POINTER_BYTES: Final = 1024
"""A longer content is never a pointer."""

_VERSIONS = frozenset(
    (
        b"version https://git-lfs.github.com/spec/v1",
        # The names the specification had before its release; git-lfs still reads them.
        b"version https://hawser.github.com/spec/v1",
        b"version http://git-media.io/v/2",
    )
)
_OID = re.compile(rb"oid sha256:([0-9a-f]{64})")
_SIZE = re.compile(rb"size ([0-9]{1,19})")
_EXTENSION = re.compile(rb"ext-[0-9]-[A-Za-z0-9_]+ [^ ]+:[^ ]+")
_MAX_SIZE = 2**63 - 1


@attrs.frozen
class Pointer:
    """Which large file stands here: its digest, and its size in bytes (0 to 2**63 - 1)."""

    sha256: Sha256
    size: int


def render_pointer(pointer: Pointer) -> bytes:
    """The canonical text of a pointer: three lines, LF, nothing else."""
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{pointer.sha256}\nsize {pointer.size}\n".encode()


def parse_pointer(content: bytes) -> Pointer | None:
    """Read a pointer, as leniently as git-lfs does; None if the content is none.

    The version line comes first, then ``ext-N-name`` lines in ascending order
    of N, then ``oid`` and ``size``. White space around the whole, a missing
    last newline and CR before LF are tolerated, because git-lfs replaces such
    texts by the large file too. An empty content is an empty file, no pointer.

    Source: git-lfs, docs/spec.md and ``lfs/pointer.go`` (DecodePointer).
    """
    if len(content) > MAX_POINTER_BYTES:
        return None
    lines = [line.removesuffix(b"\r") for line in content.strip().split(b"\n")]
    if len(lines) < 3 or lines[0] not in _VERSIONS:
        return None
    extensions = lines[1:-2]
    if not all(_EXTENSION.fullmatch(line) for line in extensions):
        return None
    priorities = [line[4] for line in extensions]
    if any(left >= right for left, right in itertools.pairwise(priorities)):
        return None
    oid, size = _OID.fullmatch(lines[-2]), _SIZE.fullmatch(lines[-1])
    if oid is None or size is None or int(size[1]) > _MAX_SIZE:
        return None
    return Pointer(Sha256(oid[1].decode()), int(size[1]))

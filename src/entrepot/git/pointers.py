"""LFS pointers: the small text that git stores in place of a large file.

Source: git-lfs, docs/spec.md, "The Pointer".
"""

from __future__ import annotations

import itertools
import re
from typing import Final

import attrs

from entrepot.names import Sha256

MAX_POINTER_BYTES: Final = 1024
"""The maximum size of a pointer; longer content is never one."""

_VERSIONS = frozenset(
    (
        b"version https://git-lfs.github.com/spec/v1",
        # The version names before the release of the specification; git-lfs still accepts them.
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
    """The digest and the size (0 to 2**63 - 1 bytes) of the large file that a pointer stands for."""

    sha256: Sha256
    size: int


def render_pointer(pointer: Pointer) -> bytes:
    """Return the canonical text of a pointer: three lines, LF, nothing else."""
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{pointer.sha256}\nsize {pointer.size}\n".encode()


def parse_pointer(content: bytes) -> Pointer | None:
    """Parse a pointer as leniently as git-lfs does; return None if the content is not one.

    The version line comes first, then ``ext-N-name`` lines in ascending order
    of N, then ``oid`` and ``size``. White space around the whole, a missing
    last newline and CR before LF are tolerated, because git-lfs replaces such
    texts by the large file too. Empty content is an empty file, not a pointer.

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

"""Keys of blobs: validation, and the keys of files and xorbs."""

from __future__ import annotations

import re

from entrepot.errors import InvalidName
from entrepot.names import Sha256, XetHash

MAX_KEY = 512
MAX_SEGMENT = 200

RESERVED = "incoming"
"""A reserved first segment, under which stores keep unfinished uploads."""

_SEGMENT = re.compile(rf"[A-Za-z0-9._-]{{1,{MAX_SEGMENT}}}", re.ASCII)
_XORB = re.compile(r"xorbs/([0-9a-f]{2})/([0-9a-f]{2})/([0-9a-f]{64})\.[0-9a-f]{16}")
_PREFIX = re.compile(r"[A-Za-z0-9._/-]*", re.ASCII)


def file_key(sha256: Sha256) -> str:
    """Return the key of a large file's content: ``files/ab/cd/abcd…``.

    Two levels of 256 folders keep local folders small up to 10^8 files.
    """
    return f"files/{sha256[:2]}/{sha256[2:4]}/{sha256}"


def xorb_key(xorb: XetHash, layout: str) -> str:
    """Return the key of a xorb's bytes: ``xorbs/ab/cd/abcd….layout``.

    Args:
        layout: distinguishes serialisations of the same chunks (compression may
            differ), so that an index is never applied to bytes of another one.
    """
    return f"xorbs/{xorb[:2]}/{xorb[2:4]}/{xorb}.{layout}"


def xorb_of(key: str) -> XetHash | None:
    """Return the hash of the xorb that is stored under a key, or None if it is not the key of a xorb."""
    match = _XORB.fullmatch(key)
    if match is None or match[1] + match[2] != match[3][:4]:
        return None
    return XetHash(match[3])


def check_key(key: str) -> str:
    """Return the key unchanged if every store can hold it.

    A key consists of segments of 1 to 200 characters ``[A-Za-z0-9._-]``, joined
    by ``/``, and has at most 512 characters. No segment is ``.`` or ``..``, and
    the first is not ``incoming``. No key may be a folder of another one.

    Raises:
        InvalidName: a rule is broken.
    """
    if len(key) > MAX_KEY:
        raise InvalidName("blob key", key[:64], f"use at most {MAX_KEY} characters")
    segments = key.split("/")
    for segment in segments:
        if segment in (".", "..") or not _SEGMENT.fullmatch(segment):
            raise InvalidName(
                "blob key", key, f"each segment has 1 to {MAX_SEGMENT} of [A-Za-z0-9._-] and is neither '.' nor '..'"
            )
    if segments[0] == RESERVED:
        raise InvalidName("blob key", key, f"the folder {RESERVED!r} belongs to the store")
    return key


def check_prefix(prefix: str) -> str:
    """Return the prefix unchanged if keys can begin with it; ``""`` is the prefix of every key.

    Raises:
        InvalidName: no key can begin with it.
    """
    segments = prefix.split("/")
    if len(prefix) > MAX_KEY or not _PREFIX.fullmatch(prefix):
        raise InvalidName("blob prefix", prefix[:64], f"use at most {MAX_KEY} of [A-Za-z0-9._-/]")
    if any(segment in ("", ".", "..") for segment in segments[:-1]):
        raise InvalidName("blob prefix", prefix, "no segment is empty, '.' or '..'")
    return prefix


def check_upload(upload: str) -> str:
    """Return the id of a multipart upload unchanged if it is a single key segment.

    Raises:
        InvalidName: it is not 1 to 200 of ``[A-Za-z0-9._-]``, or begins with ``.``.
    """
    if not _SEGMENT.fullmatch(upload) or upload.startswith("."):
        raise InvalidName("upload id", upload[:64], f"use 1 to {MAX_SEGMENT} of [A-Za-z0-9._-], no leading '.'")
    return upload

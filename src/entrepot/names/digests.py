"""Digests and ids: lower-case hex text of fixed length."""

from __future__ import annotations

import re
import secrets
import time
from typing import NewType, TypeGuard

from entrepot.errors import InvalidName

Oid = NewType("Oid", str)
"""Id of a git object: 40 lower-case hex digits (SHA-1)."""

Sha256 = NewType("Sha256", str)
"""SHA-256 of a file's content: 64 lower-case hex digits."""

Uid = NewType("Uid", str)
"""The public id of a row: 24 lower-case hex digits, of which the first 8 are the creation time in seconds."""

XetHash = NewType("XetHash", str)
"""A Xet hash (chunk, xorb or file) in its string form: 64 lower-case hex digits.

The string form reverses the bytes of each 8-byte group of the digest. URLs and
JSON use it, and it is the only form outside ``entrepot.xet``.
"""

XetFileId = NewType("XetFileId", str)
"""Id of a file that the hub stores as chunks: 40 lower-case hex digits, a digest of its Xet hash and its terms.

The same content has several ids if it was uploaded in different xorbs. The id is never shown to clients.
"""

_OID = re.compile(r"[0-9a-f]{40}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_UID = re.compile(r"[0-9a-f]{24}")


def is_oid(text: str) -> TypeGuard[Oid]:
    """Return whether a text is a full git object id: 40 lower-case hex digits."""
    return _OID.fullmatch(text) is not None


def is_sha256(text: str) -> TypeGuard[Sha256]:
    """Return whether a text is a SHA-256 digest: 64 lower-case hex digits."""
    return _SHA256.fullmatch(text) is not None


def parse_oid(text: str) -> Oid:
    """Parse a full git object id.

    Raises:
        InvalidName: the text is not 40 lower-case hex digits.
    """
    if not is_oid(text):
        raise InvalidName("object id", text, "expected 40 lower-case hex digits")
    return Oid(text)


def parse_sha256(text: str) -> Sha256:
    """Parse a SHA-256 digest.

    Raises:
        InvalidName: the text is not 64 lower-case hex digits.
    """
    if not is_sha256(text):
        raise InvalidName("sha256", text, "expected 64 lower-case hex digits")
    return Sha256(text)


def parse_xet_hash(text: str) -> XetHash:
    """Parse a Xet hash in its string form.

    Raises:
        InvalidName: the text is not 64 lower-case hex digits.
    """
    if not _SHA256.fullmatch(text):
        raise InvalidName("xet hash", text, "expected 64 lower-case hex digits")
    return XetHash(text)


def parse_uid(text: str) -> Uid:
    """Parse the public id of a row.

    Raises:
        InvalidName: the text is not 24 lower-case hex digits.
    """
    if not _UID.fullmatch(text):
        raise InvalidName("id", text, "expected 24 lower-case hex digits")
    return Uid(text)


def new_uid() -> Uid:
    """Return a new public id: 4 bytes of time and 8 random bytes, as 24 hex digits."""
    return Uid(f"{int(time.time()) & 0xFFFFFFFF:08x}{secrets.token_hex(8)}")

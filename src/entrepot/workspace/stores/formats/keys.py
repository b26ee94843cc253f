"""Keys of a chunk store's objects."""

from __future__ import annotations

import re

from entrepot.blobs import xorb_key
from entrepot.blobs.keys import MAX_SEGMENT
from entrepot.errors import InvalidName
from entrepot.names import Oid, XetHash
from entrepot.workspace.stores.values import VersionRef

ROOT = "ws1/"
FORMAT = ROOT + "format.json"
XORBS = ROOT + "xorbs/"
INDEXES = ROOT + "indexes/"
MANIFESTS = ROOT + "manifests/"
VERSIONS = ROOT + "versions/"
SWEEPS = ROOT + "gc/"
PROBES = ROOT + "probes/"

_RECORD = re.compile(r"ws1/versions/(datasets|labels|models)/([^/]+)/(\d{1,9})\.([0-9a-f]{40})\.json", re.ASCII)
_XORB = re.compile(r"ws1/xorbs/[0-9a-f]{2}/[0-9a-f]{2}/([0-9a-f]{64})\.([0-9a-f]{16})", re.ASCII)
_ESCAPED = re.compile(r"[^A-Za-z0-9.-]", re.ASCII)


def pack_key(xorb: XetHash, layout: str) -> str:
    """Return the key of a xorb's bytes."""
    return ROOT + xorb_key(xorb, layout)


def parse_pack_key(key: str) -> tuple[XetHash, str] | None:
    """Return the xorb and the layout in a key, or None if it is not the key of a xorb."""
    found = _XORB.fullmatch(key)
    return (XetHash(found[1]), found[2]) if found else None


def index_key(sha256: str) -> str:
    """Return the key of an index."""
    return f"{INDEXES}{sha256[:2]}/{sha256}"


def manifest_key(sha256: str) -> str:
    """Return the key of a document of a manifest."""
    return f"{MANIFESTS}{sha256[:2]}/{sha256}"


def records_prefix(entity_type: str, name: str) -> str:
    """Return what the keys of all root records of an entity begin with.

    Characters that keys cannot have are written as ``_`` and their UTF-8 bytes in hex: ``a+b`` becomes ``a_2Bb``.

    Raises:
        InvalidName: the name is too long for a key.
    """
    escaped = _ESCAPED.sub(lambda found: "".join(f"_{byte:02X}" for byte in found[0].encode()), name)
    if not 1 <= len(escaped) <= MAX_SEGMENT or escaped in (".", ".."):
        raise InvalidName("entity name", name, f"use 1 to {MAX_SEGMENT} of letters, digits, '-' and '.'")
    return f"{VERSIONS}{entity_type}/{escaped}/"


def record_key(ref: VersionRef) -> str:
    """Return the key of a version's root record; raises as :func:`records_prefix`."""
    return f"{records_prefix(ref.entity_type, ref.name)}{ref.number}.{ref.commit}.json"


def parse_record_key(key: str) -> VersionRef | None:
    """Return the version in a key, or None if it is not the key of a root record."""
    found = _RECORD.fullmatch(key)
    if found is None:
        return None
    raw = re.sub(rb"_([0-9A-F]{2})", lambda escape: bytes((int(escape[1], 16),)), found[2].encode())
    return VersionRef(found[1], raw.decode("utf-8", "replace"), int(found[3]), Oid(found[4]))

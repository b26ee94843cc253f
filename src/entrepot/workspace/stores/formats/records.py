"""Small JSON objects of a chunk store: its format, and the root records of versions."""

from __future__ import annotations

from typing import TypeVar

import attrs
import msgspec

from entrepot.errors import Malformed
from entrepot.names import is_sha256
from entrepot.workspace.stores.buckets import Bucket, Data
from entrepot.workspace.stores.formats.keys import record_key
from entrepot.workspace.stores.values import VersionDraft, VersionRef

FORMAT = 1
MAX_RECORD_BYTES = 1 << 20
MAX_INDEXES = 16

T = TypeVar("T")


class StoreFormat(msgspec.Struct, frozen=True):
    """The content of ``format.json``: the format, and an id that tells apart stores of one name."""

    format: int
    store: str


class RootRecord(msgspec.Struct, frozen=True):
    """The record of one version in a store.

    ``manifest`` is the SHA-256 of its ``MANIFEST.yaml``; for a migrated version, of one that names every content
    by its SHA-256. ``indexes`` name everything needed to read the version. ``time`` is informative.
    """

    format: int
    tag: str
    commit: str
    remote: str
    base: str | None
    manifest: str
    indexes: list[str]
    time: int


@attrs.frozen
class FoundRecord:
    """A root record and the token with which it can be replaced."""

    record: RootRecord
    version: str


def encode_json(value: msgspec.Struct) -> bytes:
    """Return the JSON text of a value, in one line."""
    return msgspec.json.encode(value) + b"\n"


def decode_json(data: Data, kind: type[T], what: str) -> T:
    """Return the value in a JSON text.

    Raises:
        Malformed: it is not one of this kind.
    """
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(what, str(error)) from error


def read_record(data: Data) -> RootRecord:
    """Return the root record in an object.

    Raises:
        Malformed: it is not one, or one of a newer format.
    """
    record = decode_json(data, RootRecord, "root record")
    if record.format != FORMAT:
        raise Malformed("root record", f"format {record.format} is unknown; a newer version may have written it")
    if not 0 <= len(record.indexes) <= 4 * MAX_INDEXES:
        raise Malformed("root record", f"it names {len(record.indexes)} indexes")
    for name in (*record.indexes, record.manifest):
        if not is_sha256(name):
            raise Malformed("root record", f"{name[:80]!r} is not a SHA-256")
    return record


def find_record(bucket: Bucket, ref: VersionRef) -> FoundRecord | None:
    """Return the root record of a version, or None if the store has none; raises as :func:`read_record`."""
    found = bucket.get(record_key(ref), MAX_RECORD_BYTES)
    return None if found is None else FoundRecord(read_record(found.data), found.version)


def make_record(version: VersionDraft, manifest: str, indexes: list[str], time: int) -> RootRecord:
    """Return the root record of a version that is about to be published."""
    return RootRecord(FORMAT, version.tag, version.ref.commit, version.remote, version.base, manifest, indexes, time)

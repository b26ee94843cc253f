"""Records of garbage collections in the store: what was found unreferenced, and what of it was deleted.

A publication reads them before its root record, so that a deletion never meets a new reference.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs
import msgspec

from entrepot.errors import Malformed
from entrepot.workspace.stores.buckets import Bucket
from entrepot.workspace.stores.formats.keys import SWEEPS
from entrepot.workspace.stores.formats.records import decode_json

MAX_SWEEP_BYTES = 1 << 28


class SweepRecord(msgspec.Struct, frozen=True):
    """One collection: the keys of unreferenced objects, why they are, and whether they were deleted.

    ``time`` is the time of phase 1 by the store's clock, in seconds since 1970.
    """

    format: int
    time: float
    phase: int
    candidates: dict[str, str]


@attrs.frozen
class FoundSweep:
    """The record of a collection, its key, and the token with which it can be replaced."""

    key: str
    record: SweepRecord
    version: str


def list_sweeps(bucket: Bucket) -> Iterator[FoundSweep]:
    """Yield the records of all collections; unreadable ones are passed over, for they can only delay a deletion.

    Raises:
        StorageRefused: also if the credentials may not list the bucket.
    """
    for found in bucket.list(SWEEPS):
        stored = bucket.get(found.key, MAX_SWEEP_BYTES)
        if stored is not None:
            try:
                record = decode_json(stored.data, SweepRecord, "record of a garbage collection")
            except Malformed:
                continue
            yield FoundSweep(found.key, record, stored.version)

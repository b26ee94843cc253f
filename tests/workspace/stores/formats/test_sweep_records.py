"""Records of garbage collections."""

from __future__ import annotations

from entrepot.workspace.stores.formats.keys import SWEEPS
from entrepot.workspace.stores.formats.records import encode_json
from entrepot.workspace.stores.formats.sweep_records import SweepRecord, list_sweeps
from tests.support.chunk_stores import memory_bucket


def test_readable_records_are_listed() -> None:
    bucket = memory_bucket()
    record = SweepRecord(1, 5.0, 1, {"ws1/xorbs/x": "why"})
    bucket.put_new(f"{SWEEPS}1.json", encode_json(record))
    bucket.put_new(f"{SWEEPS}2.json", b"not json")
    [found] = list_sweeps(bucket)
    assert (found.key, found.record) == (f"{SWEEPS}1.json", record)
    assert bucket.replace(found.key, b"x", found.version)

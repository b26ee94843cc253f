from __future__ import annotations

import msgspec

from entrepot.wire.repos.staged import CanceledChange, StagedChange, StagedReset, StagedTotal


def test_a_deletion_has_no_ids() -> None:
    change = StagedChange(path="d/", op="delete", size=0, user="alice", staged_at="2026-01-01T00:00:00.000Z")
    assert msgspec.json.encode(change) == (
        b'{"path":"d/","op":"delete","size":0,"user":"alice","stagedAt":"2026-01-01T00:00:00.000Z"}'
    )


def test_a_large_file_has_the_id_of_its_pointer_and_its_digest() -> None:
    change = StagedChange(path="x", op="add", size=7, user=None, staged_at="t", oid="ab", sha256="cd")
    text = msgspec.json.encode(change)
    assert text == b'{"path":"x","op":"add","size":7,"user":null,"stagedAt":"t","oid":"ab","sha256":"cd"}'
    assert msgspec.json.decode(text, type=StagedChange) == change


def test_totals_are_plain_numbers() -> None:
    assert msgspec.json.encode([StagedTotal(staged=2), StagedReset(dropped=0)]) == b'[{"staged":2},{"dropped":0}]'


def test_a_change_that_canceled_a_commit_has_a_reason() -> None:
    change = CanceledChange(path="a", kind="unknown", reason="r")
    text = msgspec.json.encode(change)
    assert text == b'{"path":"a","kind":"unknown","reason":"r"}'
    assert msgspec.json.decode(text, type=CanceledChange) == change

from __future__ import annotations

import msgspec

from entrepot.wire.repos.lookups import FoundCommit, FoundRevision

COMMIT = FoundCommit(id="ab", title="t", message="", author="alice", date="2026-01-01T00:00:00.000Z", parents=["cd"])


def test_a_commit_has_no_name() -> None:
    found = FoundRevision(kind="commit", name=None, ref=None, commit=COMMIT)
    text = msgspec.json.encode(found)
    assert text.startswith(b'{"kind":"commit","name":null,"ref":null,"commit":{"id":"ab","title":"t","message":"",')
    assert msgspec.json.decode(text, type=FoundRevision) == found

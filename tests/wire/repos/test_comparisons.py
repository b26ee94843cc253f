from __future__ import annotations

import msgspec

from entrepot.wire.repos.comparisons import ChangedFile, FileComparison


def test_names_are_those_of_the_api() -> None:
    file = ChangedFile(path="a", kind="changed", old_size=1, new_size=2)
    found = msgspec.to_builtins(FileComparison(old=None, new="1" * 40, file=file, bytes_read=3))
    assert found == {
        "old": None,
        "new": "1" * 40,
        "file": {"path": "a", "kind": "changed", "content": None, "oldSize": 1, "newSize": 2, "newBytes": None},
        "table": None,
        "model": None,
        "bytesRead": 3,
    }

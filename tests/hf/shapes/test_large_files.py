from __future__ import annotations

from entrepot.hf.shapes.large_files import large_file_of
from entrepot.wire.files.large_files import LargeFileEntry


def test_a_large_file() -> None:
    entry = LargeFileEntry(file_oid="1", filename="m", oid="e" * 64, pushed_at="2024-01-01T00:00:00.000Z", size=9)
    found = large_file_of(entry)
    assert (found.file_oid, found.filename, found.size, found.ref) == ("1", "m", 9, None)
    assert found.pushed_at.year == 2024

from __future__ import annotations

import pytest

from entrepot.previews.sources import BytesRangeReader
from entrepot.previews.tables.table_sources import TableSource, reason_of


def test_a_source_is_a_file() -> None:
    file = TableSource(BytesRangeReader(b"abcdef"))
    assert (file.seek(-2, 2), file.read(), file.tell(), file.bytes_read) == (4, b"ef", 6, 2)
    assert (file.seek(1), file.seek(1, 1), file.read(2)) == (1, 2, b"cd")
    assert (file.readable(), file.seekable(), file.writable()) == (True, True, False)
    file.flush()
    file.close()
    assert file.closed


@pytest.mark.parametrize(
    ("error", "reason"),
    [(ValueError("a\nb"), "a"), (ValueError(" "), "ValueError"), (OSError("x" * 400), "x" * 300)],
)
def test_a_reason_is_one_short_line(error: Exception, reason: str) -> None:
    assert reason_of(error) == reason

from __future__ import annotations

import pytest

from entrepot.errors import Malformed
from entrepot.previews.sources import BytesRangeReader
from entrepot.previews.tables import text_lines
from entrepot.previews.tables.text_lines import read_lines


@pytest.mark.parametrize("piece", [1, 2, 3, 1 << 20])
def test_lines_keep_their_ends_wherever_a_piece_ends(monkeypatch: pytest.MonkeyPatch, piece: int) -> None:
    monkeypatch.setattr(text_lines, "_PIECE", piece)
    data = "\ufeffä\r\n\nb\rc\u2028\r\rlast".encode()
    assert list(read_lines(BytesRangeReader(data))) == ["ä\r\n", "\n", "b\r", "c\u2028\r", "\r", "last"]
    assert list(read_lines(BytesRangeReader(b""))) == []


def test_what_is_no_text_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Malformed, match="not UTF-8"):
        list(read_lines(BytesRangeReader(b"a\n\xc3")))
    monkeypatch.setattr(text_lines, "MAX_LINE", 5)
    with pytest.raises(Malformed, match="more than 5 characters"):
        list(read_lines(BytesRangeReader(b"a\n123456")))


def test_a_long_line_is_read_once() -> None:
    long = "x" * (3 << 20)
    assert list(read_lines(BytesRangeReader(f"a\n{long}\r\n{long}".encode()))) == ["a\n", f"{long}\r\n", long]

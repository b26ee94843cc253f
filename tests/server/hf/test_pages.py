from __future__ import annotations

import re

import pytest

from entrepot.errors import Malformed
from entrepot.server.hf.pages import parse_cursor, render_cursor


@pytest.mark.parametrize("after", [(1_700_000_000_000, 42), (0, 1), (12.625, 7), (-3, 1)])
def test_cursors_go_there_and_back(after: tuple[float, int]) -> None:
    text = render_cursor(after)
    assert re.fullmatch(r"[A-Za-z0-9_-]+", text)
    found = parse_cursor(text)
    assert found == after
    assert type(found[0]) is type(after[0])


@pytest.mark.parametrize("text", ["abc", "%00", "W10", "WzFlOTksMV0x", "é", "A" * 5])
def test_a_cursor_that_was_not_written_here_is_refused(text: str) -> None:
    with pytest.raises(Malformed, match="Link header"):
        parse_cursor(text)


def test_no_row_has_a_number_of_more_than_64_bits() -> None:
    with pytest.raises(Malformed):
        parse_cursor(render_cursor((1 << 63, 1)))

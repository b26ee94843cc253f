from __future__ import annotations

from typing import Any

import pytest

from entrepot.previews.row_pages import PageLimits, pack_rows, weigh

TEXT = {"dtype": "string", "_type": "Value"}
PICTURE: dict[str, Any] = {"_type": "Image"}
SOUND: dict[str, Any] = {"_type": "Audio"}
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x02" + bytes(2000)


def test_rows_that_fit_are_whole() -> None:
    [row] = pack_rows({"a": TEXT, "b": TEXT}, [{"a": "x", "c": 1}], PageLimits())
    assert (row.cells, row.cut) == ({"a": "x", "b": None}, [])


def test_a_cell_that_is_too_long_is_cut() -> None:
    [row] = pack_rows({"a": TEXT, "b": TEXT}, [{"a": "x" * 2000, "b": [1] * 50}], PageLimits(10_000, 1_000))
    assert (row.cells["a"], row.cells["b"], row.cut) == ("x" * 1000, [1] * 50, ["a"])
    [row] = pack_rows({"a": TEXT}, [{"a": ["é" * 900]}], PageLimits(10_000, 1_000))
    assert str(row.cells["a"]).startswith('["éé')
    assert len(str(row.cells["a"]).encode()) <= 1_000


def test_when_the_page_is_full_longer_cells_are_cut_to_little() -> None:
    rows = pack_rows({"a": TEXT, "b": TEXT}, [{"a": "x" * 500, "b": 7}] * 4, PageLimits(1_300, 1_000))
    assert [len(str(row.cells["a"])) for row in rows] == [500, 500, 100, 100]
    assert [(row.cells["b"], row.cut) for row in rows] == [(7, []), (7, []), (7, ["a"]), (7, ["a"])]


def test_media_are_never_cut() -> None:
    path = "x" * 300
    values = {"p": {"bytes": PNG, "path": None}, "s": path}
    [row] = pack_rows({"p": PICTURE, "s": SOUND}, [values], PageLimits(0, 10))
    sound = [{"src": f"file:{path}", "type": "application/octet-stream"}]
    assert row.cells == {"p": {"src": "embedded:image/png", "width": 1, "height": 2}, "s": sound}
    assert row.cut == []


@pytest.mark.parametrize(
    ("cell", "least"), [("x" * 100, 100), ("é" * 100, 400), ([{}] * 1000, 60_000), ([[0] * 10] * 10, 6_000), (None, 1)]
)
def test_the_weight_of_a_cell_is_about_its_memory(cell: Any, least: int) -> None:
    assert weigh(cell) >= least

from __future__ import annotations

from typing import Any

from entrepot.names import Oid, RepoId, RepoPath, RepoRef, RepoType
from entrepot.server.hf.files.cell_media import MediaPlace
from entrepot.server.pages.repositories import grids
from entrepot.server.pages.repositories.grids import grid_of, picture_paths, type_text

INT: dict[str, Any] = {"dtype": "int64", "_type": "Value"}
TEXT: dict[str, Any] = {"dtype": "string", "_type": "Value"}


def test_cells_say_what_they_are() -> None:
    features = {"n": INT, "t": TEXT, "label": {"names": ["cat", "dog"], "_type": "ClassLabel"}, "l": {"a": INT}}
    grid = grid_of(features, [(7, {"n": 3, "t": None, "label": 1, "l": {"a": 1}})], 9)
    assert [row.index for row in grid.rows] == [7]
    assert [(cell.form, cell.text) for cell in grid.rows[0].cells] == [
        ("number", "3"),
        ("missing", "missing"),
        ("text", "dog (1)"),
        ("text", '{"a": 1}'),
    ]
    assert [column.type for column in grid.columns] == ["int64", "string", "label, 2 names", "struct"]


def test_many_rows_have_cut_cells_and_one_row_has_whole_ones() -> None:
    long = {"t": "x" * 5_000}
    many = grid_of({"t": TEXT}, [(at, long) for at in range(100)], 100)
    assert len(many.rows[0].cells[0].text) == grids.MAX_CELL
    assert many.rows[0].cells[0].is_cut
    one = grid_of({"t": TEXT}, [(0, long)], 100)
    assert len(one.rows[0].cells[0].text) == 5_000


def test_wide_tables_show_their_first_columns() -> None:
    features = {str(at): INT for at in range(200)}
    grid = grid_of(features, [(0, dict.fromkeys(features, 1))], 1)
    assert (len(grid.columns), grid.hidden) == (grids.MAX_COLUMNS, 200 - grids.MAX_COLUMNS)


def test_pictures_come_from_the_repository_or_the_cell_itself_and_from_nowhere_else() -> None:
    path, evil = RepoPath("a/b.png"), "https://evil.example/x.png"
    features = {"f": TEXT, "i": {"_type": "Image"}, "a": {"_type": "Audio"}}
    rows: list[dict[str, Any]] = [
        {"f": "b.png", "i": {"src": "embedded:image/png", "width": 2, "height": 3}, "a": [{"src": "file:a.wav"}]},
        {"f": evil, "i": {"src": evil, "width": 2, "height": 3}, "a": [{"src": evil}, {"src": evil}]},
        {"f": "c.png", "i": {"src": f"file:{evil}"}, "a": [{"src": None}]},
    ]
    asked = picture_paths(rows, ["a", ""])
    assert asked == {"b.png": [path, RepoPath("b.png")], "c.png": [RepoPath("a/c.png"), RepoPath("c.png")]}
    ref = RepoRef(RepoType.DATASET, RepoId("alice", "d"))
    place = MediaPlace("/hub", ref, Oid("1" * 40), {"path": "t.parquet"})
    grid = grid_of(features, list(enumerate(rows)), 3, pictures={"b.png": (path, 10)}, media=place)
    assert [[cell.form for cell in row.cells] for row in grid.rows] == [
        ["picture", "embedded", "audio"],
        ["text", "text", "text"],
        ["text", "text", "text"],
    ]
    cells = [cell for row in grid.rows for cell in row.cells]
    assert all(cell.target.startswith("/hub/") for cell in cells if cell.form in ("embedded", "audio"))
    plain = grid_of(features, list(enumerate(rows[:1])), 1)
    assert [cell.text for cell in plain.rows[0].cells] == ["b.png", "image, 2 × 3", "audio"]
    large = grid_of({"f": TEXT}, [(0, rows[0])], 1, pictures={"b.png": (path, 1 << 30)})
    assert large.rows[0].cells[0].form == "link"


def test_paths_that_leave_the_repository_are_no_pictures() -> None:
    assert picture_paths([{"f": "../../x.png"}, {"f": "/etc/x.png"}], [""]) == {}


def test_statistics_become_a_line_and_bars() -> None:
    histogram = {"hist": [1, 2], "bin_edges": [1, 5, 9]}
    found = {"min": 1, "max": 9, "mean": 4.5, "nan_proportion": 0.25, "histogram": histogram}
    numbers = {"column_name": "n", "column_type": "int", "column_statistics": found}
    labels = {
        "column_name": "t",
        "column_type": "string_label",
        "column_statistics": {"n_unique": 2, "frequencies": {"<b>": 3, "y": 1}},
    }
    grid = grid_of({"n": INT, "t": TEXT}, [], 0, statistics=[numbers, labels])
    assert [column.note for column in grid.columns] == ["1 to 9, mean 4.5, 25 % missing", "2 values"]
    assert [(bar.height, bar.label) for bar in grid.columns[0].bars] == [(13.0, "1 to 5: 1"), (26.0, "5 to 9: 2")]
    assert [bar.label for bar in grid.columns[1].bars] == ["<b>: 3", "y: 1"]


def test_types_in_words_are_bounded() -> None:
    nested: dict[str, Any] = INT
    for _ in range(50):
        nested = {"feature": nested, "_type": "List"}
    assert type_text(nested) == "list of list of list of list"
    assert type_text(None) == "unknown"

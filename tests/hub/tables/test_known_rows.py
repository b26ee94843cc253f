from __future__ import annotations

import attrs

from entrepot.hub.tables.known_rows import CELL, COLUMNS, ROWS, FirstRows, KnownRows, cut_rows
from entrepot.names import Oid
from entrepot.previews.features import JsonCell

TEXT = {"dtype": "string", "_type": "Value"}
KNOWN = KnownRows("default", "train", Oid("a" * 40), ("a.csv",), {"a": TEXT}, [{"a": "x"}], 0, 1, False)


def test_a_table_is_cut_to_its_first_columns_rows_and_characters() -> None:
    features = {f"c{number}": TEXT for number in range(COLUMNS + 3)}
    row = dict.fromkeys(features, "é" * (CELL + 9))
    kept, rows = cut_rows(features, [row] * (ROWS + 2))
    assert list(kept) == list(features)[:COLUMNS]
    assert len(rows) == ROWS
    assert {cell for cells in rows for cell in cells.values()} == {"é" * CELL}


def test_values_are_kept_and_long_ones_are_the_beginning_of_their_json() -> None:
    features = {"n": {"dtype": "int64", "_type": "Value"}, "l": {}, "m": {"_type": "Image"}, "z": TEXT}
    medium: JsonCell = {"src": "embedded:image/png", "width": 2}
    row: dict[str, JsonCell] = {"n": 10**30, "l": list(range(500)), "m": medium, "z": None}
    [found] = cut_rows(features, [row])[1]
    assert (found["n"], found["m"], found["z"]) == (10**30, medium, None)
    assert str(found["l"]).startswith("[0, 1, 2")
    assert len(str(found["l"])) == CELL


def test_memory_is_bounded_by_weight() -> None:
    memory = FirstRows(most=3 * KNOWN.weight)
    for number in range(9):
        memory.put((number, Oid("a" * 40)), KNOWN)
    assert [memory.find((number, Oid("a" * 40))) is not None for number in range(9)] == [False] * 6 + [True] * 3
    heavy = attrs.evolve(KNOWN, rows=[{"a": "x" * 9_000}])
    memory.put((9, Oid("a" * 40)), heavy)
    assert memory.find((9, Oid("a" * 40))) is None

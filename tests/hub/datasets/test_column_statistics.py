from __future__ import annotations

from typing import Any

from entrepot.hub.datasets.column_statistics import plan, quoted, sql_names

INTEGER = {"dtype": "int64", "_type": "Value"}


def test_a_label_column_counts_its_names() -> None:
    [one] = plan({"y": {"names": ["no", "yes"], "_type": "ClassLabel"}})
    rows: list[dict[str, Any]] = [{"x": 1, "n": 5}, {"x": 0, "n": 3}, {"x": -1, "n": 1}, {"x": None, "n": 1}]
    assert one.read([rows], 10) == {
        "column_name": "y",
        "column_type": "class_label",
        "column_statistics": {
            "nan_count": 1,
            "nan_proportion": 0.1,
            "no_label_count": 1,
            "no_label_proportion": 0.1,
            "n_unique": 2,
            "frequencies": {"no": 3, "yes": 5},
        },
    }


def test_an_empty_column_has_no_histogram() -> None:
    [one] = plan({"n": INTEGER})
    moments: dict[str, Any] = {"n": 0, **dict.fromkeys(("a", "b", "mean", "mid", "std"))}
    bars: list[dict[str, Any]] = []
    statistics = one.read([[moments], bars], 0)["column_statistics"]
    assert (statistics["nan_proportion"], statistics["histogram"], statistics["mean"]) == (0.0, None, None)


def test_one_value_has_one_bar() -> None:
    [one] = plan({"n": INTEGER})
    moments = {"n": 3, "a": 7, "b": 7, "mean": 7.0, "mid": 7.0, "std": 0.0}
    statistics = one.read([[moments], [{"bin": 0, "n": 3}]], 3)["column_statistics"]
    assert statistics["histogram"] == {"hist": [3], "bin_edges": [7, 7]}


def test_columns_of_other_types_are_left_out_and_names_quoted() -> None:
    assert plan({"s": {"a": INTEGER}, "d": {"dtype": "date32", "_type": "Value"}, "i": {"_type": "Image"}}) == []
    assert quoted('a"b') == '"a""b"'


def test_columns_have_names_in_queries_that_sql_tells_apart() -> None:
    assert sql_names(["a", "b.c", "A B"]) == ["a", "b.c", "A B"]
    assert sql_names(["", "a", "A", "A_1", "", "Unnamed: 0"]) == [
        "Unnamed: 0", "a", "A_1", "A_1_1", "Unnamed: 4", "Unnamed: 0_1"
    ]  # fmt: skip

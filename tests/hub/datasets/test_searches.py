from __future__ import annotations

from typing import Any

import pytest

from entrepot.errors import InvalidParameter, QueryRefused, RepoNotFound
from entrepot.hub.datasets import searches
from entrepot.hub.datasets.layouts import SplitRef
from entrepot.hub.datasets.tables import RowsPage
from entrepot.names import RepoRef, RepoType
from tests.support.parquet_files import parquet_of
from tests.support.worlds import World

ROWS = b"""{"id": 1, "text": "the quick brown fox", "tags": ["a"]}
{"id": 2, "text": "a slow 'brown' bear", "tags": ["x y"]}
{"id": 3, "text": null, "tags": ["quick"]}
{"id": 4, "text": "nothing", "tags": []}
"""


@pytest.fixture
def data(world: World) -> RepoRef:
    ref = world.repo("alice/d", kind=RepoType.DATASET)
    world.add(ref, "train.jsonl", ROWS)
    return ref


WHERE = ("main", "default", "train")


def search(world: World, ref: RepoRef, text: str, offset: int = 0, length: int = 9) -> RowsPage:
    return searches.search(world.hub, None, SplitRef(ref, *WHERE), text, offset=offset, length=length)


def sift(world: World, ref: RepoRef, where: str = "", order: str = "", **options: Any) -> RowsPage:
    window = {"offset": 0, "length": 9, **options}
    return searches.filter_rows(world.hub, None, SplitRef(ref, *WHERE), where=where, order=order, **window)


def indexes(page: RowsPage) -> list[int]:
    return [row.index for row in page.rows]


def test_rows_with_most_of_the_words_come_first(world: World, data: RepoRef) -> None:
    found = search(world, data, "quick BROWN")
    assert (indexes(found), found.total) == ([0, 2, 1], 3)
    assert found.rows[0].cells == {"id": 1, "text": "the quick brown fox", "tags": ["a"]}
    assert indexes(search(world, data, "'brown'")) == [1]
    assert indexes(search(world, data, "quick BROWN", 1, 1)) == [2]
    assert indexes(search(world, data, "absent")) == []
    with pytest.raises(InvalidParameter):
        search(world, data, " ")


def test_rows_are_filtered_and_ordered(world: World, data: RepoRef) -> None:
    found = sift(world, data, '"id" > 1 and "id" <> 3', '"id" desc')
    assert (indexes(found), found.total) == ([3, 1], 2)
    assert indexes(sift(world, data)) == [0, 1, 2, 3]
    none = sift(world, data, length=0)
    assert (indexes(none), none.total) == ([], 4)
    assert indexes(sift(world, data, order='"text" desc', offset=1, length=2)) == [3, 1]
    assert indexes(sift(world, data, "\"text\" <> 'a;b -- /* c' /* a comment */")) == [0, 1, 3]
    with pytest.raises(InvalidParameter):
        sift(world, data, f"'{'x' * 5000}' = ''")
    with pytest.raises(QueryRefused, match="absent"):
        sift(world, data, "absent = 1")


def test_a_condition_or_an_order_cannot_become_more_than_that(world: World, data: RepoRef) -> None:
    with pytest.raises(QueryRefused, match="'where' must be one SQL expression"):
        sift(world, data, "true) group by all having (false")
    with pytest.raises(QueryRefused, match="'orderby' must be one"):
        sift(world, data, order="id limit 0")


def test_statistics_have_the_shapes_of_the_public_service(world: World) -> None:
    ref = world.repo("alice/s", kind=RepoType.DATASET)
    columns = {
        "n": [*range(99), None],
        "f": [at / 4 for at in range(99)] + [float("nan")],
        "b": [True] * 60 + [False] * 30 + [None] * 10,
        "label": ["x"] * 70 + ["y"] * 30,
        "text": [f"text number {at}" for at in range(100)],
        "l": [[1] * (at % 3) for at in range(100)],
        "struct": [{"a": 1}] * 100,
    }
    world.add(ref, "train.parquet", parquet_of(columns))
    found = searches.summarize(world.hub, None, SplitRef(ref, *WHERE))
    assert (found.rows, found.is_partial) == (100, False)
    shown = {column["column_name"]: column for column in found.columns}
    kinds = {name: column["column_type"] for name, column in shown.items()}
    assert kinds == {
        "n": "int", "f": "float", "b": "bool", "label": "string_label", "text": "string_text", "l": "list"
    }  # fmt: skip
    assert shown["n"]["column_statistics"] == {
        "nan_count": 1,
        "nan_proportion": 0.01,
        "min": 0,
        "max": 98,
        "mean": 49.0,
        "median": 49.0,
        "std": 28.72281,
        "histogram": {"hist": [10] * 9 + [9], "bin_edges": [0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 98]},
    }
    real = shown["f"]["column_statistics"]
    assert (real["nan_count"], real["max"], sum(real["histogram"]["hist"])) == (1, 24.5, 99)
    assert shown["b"]["column_statistics"]["frequencies"] == {"True": 60, "False": 30}
    assert shown["label"]["column_statistics"]["frequencies"] == {"x": 70, "y": 30}
    assert (shown["text"]["column_statistics"]["min"], shown["l"]["column_statistics"]["max"]) == (13, 2)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("train.jsonl", b'{"": "one", "text": "two", "Text": "three"}\n{"": "1", "text": "2", "Text": "3"}\n'),
        ("train.parquet", parquet_of({"": ["one", "1"], "text": ["two", "2"], "Text": ["three", "3"]})),
    ],
)
def test_columns_whose_names_sql_cannot_have_keep_them(world: World, name: str, content: bytes) -> None:
    ref = world.repo("alice/odd", kind=RepoType.DATASET)
    world.add(ref, name, content)
    found = sift(world, ref, "\"Text_1\" = 'three'")
    assert [row.cells for row in found.rows] == [{"": "one", "text": "two", "Text": "three"}]
    assert list(found.features) == ["", "text", "Text"]
    assert indexes(sift(world, ref, "\"Unnamed: 0\" = '1'")) == [1]
    assert indexes(search(world, ref, "three")) == [0]
    shown = searches.summarize(world.hub, None, SplitRef(ref, "main", "default", "train")).columns
    assert [column["column_name"] for column in shown] == ["", "text", "Text"]
    counts = [column["column_statistics"]["frequencies"] for column in shown]
    assert counts == [{"one": 1, "1": 1}, {"two": 1, "2": 1}, {"three": 1, "3": 1}]


def test_a_split_without_columns_has_no_rows(world: World) -> None:
    ref = world.repo("alice/empty", kind=RepoType.DATASET)
    world.add(ref, "train.csv", b"")
    assert (sift(world, ref).rows, sift(world, ref).total, search(world, ref, "x").total) == ([], 0, 0)
    found = searches.summarize(world.hub, None, SplitRef(ref, "main", "default", "train"))
    assert (found.rows, found.columns) == (0, [])


def test_a_private_split_is_absent(world: World) -> None:
    ref = world.repo("alice/d", kind=RepoType.DATASET, visibility="private")
    world.add(ref, "train.jsonl", ROWS)
    with pytest.raises(RepoNotFound):
        search(world, ref, "quick")
    with pytest.raises(RepoNotFound):
        sift(world, ref)
    with pytest.raises(RepoNotFound):
        searches.summarize(world.hub, world.bob, SplitRef(ref, *WHERE))


def test_rare_words_and_short_rows_come_first(world: World) -> None:
    ref = world.repo("alice/ranked", kind=RepoType.DATASET)
    texts = ["common word", "common rare", "common " * 20, "rare", "nothing", "common and it's rare rare"]
    world.add(ref, "a.csv", "\n".join(["t", *texts]).encode())

    assert indexes(search(world, ref, "rare"))[0] == 3, "the shortest"
    assert set(indexes(search(world, ref, "rare"))) == {1, 3, 5}
    assert indexes(search(world, ref, "common rare"))[-1] == 0, "a frequent word alone counts least"
    assert indexes(search(world, ref, "it's")) == [5]


def test_a_card_that_states_other_types_than_the_file_has_stops_no_statistics(world: World) -> None:
    ref = world.repo("alice/s", kind=RepoType.DATASET)
    kinds = {"a": "{class_label: {names: {'0': x}}}", "b": "int64", "c": "string"}
    lines = "".join(f"  - {{name: {name}, dtype: {kind}}}\n" for name, kind in kinds.items())
    world.add(ref, "README.md", f"---\ndataset_info:\n  features:\n{lines}---\n".encode())
    world.add(ref, "train.parquet", parquet_of({"a": [[1]], "b": ["x"], "c": [1]}))
    found = searches.summarize(world.hub, None, SplitRef(ref, *WHERE))
    assert [column["column_type"] for column in found.columns] == ["list", "string_label", "int"]

from __future__ import annotations

import datetime
import decimal
import json
from typing import Any

import pyarrow as pa
import pytest

from entrepot.previews.features import cell_of, cut_row, features_of, fits, item_of, order_of
from tests.support.media import png

TYPES = [
    pa.int8(),
    pa.uint64(),
    pa.float16(),
    pa.float32(),
    pa.float64(),
    pa.bool_(),
    pa.string(),
    pa.large_string(),
    pa.binary(),
    pa.date32(),
    pa.timestamp("ms"),
    pa.timestamp("us", tz="UTC"),
    pa.duration("s"),
    pa.time64("us"),
    pa.decimal128(10, 2),
    pa.list_(pa.int32()),
    pa.list_(pa.float32(), 3),
    pa.large_list(pa.string()),
    pa.struct([("a", pa.int64()), ("b", pa.list_(pa.string()))]),
]


LABEL = {"names": ["a"], "_type": "ClassLabel"}
INT, TEXT, NOTHING = ({"dtype": dtype, "_type": "Value"} for dtype in ("int64", "string", "null"))
LIST = {"feature": INT, "_type": "List"}
IMAGE = {"_type": "Image"}


@pytest.mark.parametrize(
    ("stated", "stored", "is_right"),
    [
        (LABEL, INT, True),
        (LABEL, TEXT, False),
        (LABEL, LIST, False),
        (LABEL, {"a": INT}, False),
        (LABEL, NOTHING, True),
        (INT, {"dtype": "float64", "_type": "Value"}, True),
        (INT, TEXT, False),
        (TEXT, {"dtype": "large_string", "_type": "Value"}, True),
        (TEXT, INT, False),
        (LIST, TEXT, False),
        ([INT], LIST, True),
        (IMAGE, TEXT, True),
        (IMAGE, {"bytes": TEXT, "path": TEXT}, True),
        ({"dtype": ["x"], "_type": "Value"}, INT, True),
    ],
)
def test_what_a_file_states_must_fit_its_values(stated: Any, stored: Any, *, is_right: bool) -> None:
    assert fits(stated, stored) is is_right


def test_a_stated_feature_that_does_not_fit_is_left_out() -> None:
    told = json.dumps({"info": {"features": {"x": LABEL, "y": LABEL}}}).encode()
    schema = pa.schema([("x", pa.int64()), ("y", pa.list_(pa.int64()))], metadata={b"huggingface": told})
    assert features_of(schema) == {"x": LABEL, "y": LIST}


@pytest.mark.parametrize("kind", TYPES, ids=str)
def test_features_of_types_are_those_of_datasets(kind: pa.DataType) -> None:
    datasets = pytest.importorskip("datasets")
    schema = pa.schema([("x", kind)])
    assert features_of(schema) == datasets.Features.from_arrow_schema(schema).to_dict()


def test_features_that_datasets_has_written_count() -> None:
    datasets = pytest.importorskip("datasets")
    features = datasets.Features({"label": datasets.ClassLabel(names=["no", "yes"]), "image": datasets.Image()})
    assert features_of(features.arrow_schema) == features.to_dict()


def test_broken_metadata_are_ignored() -> None:
    schema = pa.schema([("x", pa.int64())], metadata={b"huggingface": b"{"})
    assert features_of(schema) == {"x": {"dtype": "int64", "_type": "Value"}}


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (float("nan"), None),
        (1.5, 1.5),
        (b"\0\1", "AAE="),
        (datetime.datetime(2026, 1, 2, 3, 4, 5), "2026-01-02T03:04:05"),
        (datetime.date(2026, 1, 2), "2026-01-02"),
        (datetime.timedelta(seconds=90), 90.0),
        (decimal.Decimal("1.50"), "1.50"),
        ([1, {"a": float("inf")}], [1, {"a": None}]),
    ],
)
def test_values_become_json(value: Any, shown: Any) -> None:
    assert cell_of(value, None) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("1", 1),
        ('"x"', "x"),
        ("null", None),
        ('{"a": [1, {"b": "\u00e4"}]}', {"a": [1, {"b": "ä"}]}),
        ('{"a": NaN, "b": -Infinity, "bytes": 1e999}', {"a": None, "b": None, "bytes": None}),
        ("{damaged", "{damaged"),
        ("[" * 100_000, "[" * 100_000),
        ("9" * 5_000, "9" * 5_000),
        (f"[{'1,' * 600_000}1]", f"[{'1,' * 600_000}1]"),
    ],
    ids=range(9),
)
def test_json_is_what_its_text_says(text: str, shown: Any) -> None:
    assert cell_of(text, {"_type": "Json"}) == shown
    assert cell_of([text, None], {"feature": {"_type": "Json"}, "_type": "List"}) == [shown, None]
    assert cell_of(text, {"dtype": "string", "_type": "Value"}) == text


def test_media_say_where_they_are() -> None:
    known = {"src": "embedded:image/png", "height": 2, "width": 3}
    assert cell_of({"bytes": png(3, 2), "path": "a.png"}, {"_type": "Image"}) == known
    nested = {"feature": {"_type": "Audio"}, "_type": "List"}
    assert cell_of([{"bytes": None, "path": "a.mp3"}], nested) == [[{"src": "file:a.mp3", "type": "audio/mpeg"}]]
    assert item_of([{"_type": "Audio"}]) == item_of(nested) == {"_type": "Audio"}


def test_long_cells_are_cut_and_media_are_not() -> None:
    features = {"a": {"_type": "Value"}, "b": {"_type": "Value"}, "i": {"_type": "Image"}}
    kept, cut = cut_row({"a": "é" * 100, "b": 1, "i": {"src": "x" * 200}}, features, 10)
    assert kept == {"a": '"éééé', "b": 1, "i": {"src": "x" * 200}}
    assert cut == ["a"]


def test_the_order_of_columns_is_told() -> None:
    assert order_of({"b": 1, "a": 2}) == [
        {"feature_idx": 0, "name": "b", "type": 1},
        {"feature_idx": 1, "name": "a", "type": 2},
    ]

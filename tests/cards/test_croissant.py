"""The library ``mlcroissant`` is the oracle where it is installed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from entrepot.cards.croissant import CroissantConfig, CroissantDataset, render_croissant

TEXT: Any = {"dtype": "string", "_type": "Value"}
FEATURES: dict[str, Any] = {
    "text": TEXT,
    "n": {"dtype": "uint8", "_type": "Value"},
    "x": {"dtype": "float32", "_type": "Value"},
    "ok": {"dtype": "bool", "_type": "Value"},
    "day": {"dtype": "date32", "_type": "Value"},
    "label": {"names": ["no", "yes"], "_type": "ClassLabel"},
    "words": {"feature": TEXT, "_type": "List"},
    "pairs": {"feature": {"feature": TEXT, "length": 2, "_type": "List"}, "_type": "List"},
    "matrix": {"shape": [2, 3], "dtype": "float64", "_type": "Array2D"},
    "picture": {"_type": "Image"},
    "answers": {"start": {"feature": {"dtype": "int32", "_type": "Value"}, "_type": "List"}, "best one": TEXT},
    "split": TEXT,
    "json": {"_type": "Json"},
}


def dataset(**changes: Any) -> CroissantDataset:
    url = "https://hub.example/datasets/alice/imdb"
    given: dict[str, Any] = {
        "name": "alice/imdb",
        "url": url,
        "files_url": f"{url}/tree/refs%2Fconvert%2Fparquet",
        "description": "Reviews.",
        "owner": "alice",
        "owner_url": "https://hub.example/alice",
        "owner_kind": "Person",
        "keywords": ["text", "en"],
        "license": "mit",
        "published": "2026-01-01T00:00:00.000Z",
        "modified": "2026-01-02T00:00:00.000Z",
        "configs": [CroissantConfig("default", ["train", "test"], FEATURES), CroissantConfig("f r", ["train"], {})],
    }
    return CroissantDataset(**{**given, **changes})


def test_a_dataset_is_described_as_the_public_hub_does() -> None:
    found = render_croissant(dataset())
    assert (found["conformsTo"], found["@type"]) == ("http://mlcommons.org/croissant/1.1", "sc:Dataset")
    assert found["license"] == "https://choosealicense.com/licenses/mit/"
    repo, files, _ = found["distribution"]
    assert (repo["@id"], repo["encodingFormat"]) == ("repo", "git+https")
    assert (files["@id"], files["includes"]) == ("parquet-files-for-config-default", "default/*/*.parquet")
    splits, rows, _, other = found["recordSet"]
    assert splits["data"] == [{"default_splits/split_name": "train"}, {"default_splits/split_name": "test"}]
    assert rows["field"][0]["source"]["transform"]["regex"] == "default/(?:partial-)?(train|test)/.+parquet$"
    fields = {field["name"] if field["@id"] != "default/split" else "": field for field in rows["field"]}
    assert fields["text"]["source"] == {
        "fileSet": {"@id": "parquet-files-for-config-default"},
        "extract": {"column": "text"},
    }
    kinds = {name: (field.get("dataType"), field.get("arrayShape")) for name, field in fields.items() if name}
    assert kinds == {
        "text": ("sc:Text", None),
        "n": ("cr:UInt8", None),
        "x": ("cr:Float32", None),
        "ok": ("sc:Boolean", None),
        "day": ("sc:Date", None),
        "label": ("sc:Integer", None),
        "words": ("sc:Text", "-1"),
        "pairs": ("sc:Text", "-1,2"),
        "matrix": ("cr:Float64", "2,3"),
        "picture": ("sc:ImageObject", None),
        "answers": (None, None),
        "split": ("sc:Text", None),
        "json": ("sc:Text", None),
    }
    assert [part["@id"] for part in fields["answers"]["subField"]] == [
        "default/answers/start",
        "default/answers/best_one",
    ]
    assert (fields["split"]["@id"], other["@id"]) == ("default/column_split", "f_r")
    assert "license" not in render_croissant(dataset(license=None))


def test_every_id_occurs_once() -> None:
    twins = [CroissantConfig(name, ["train"], {"a": TEXT}) for name in ("a b", "a_b", "a/b")]
    text = json.dumps(render_croissant(dataset(configs=twins)))
    ids = [part.split('"')[0] for part in text.split('"@type": "cr:RecordSet", "@id": "')[1:]]
    assert ids == ["a_b", "a_b_", "a_b__"]


def test_the_library_of_the_standard_accepts_it() -> None:
    mlcroissant = pytest.importorskip("mlcroissant")
    loaded = mlcroissant.Dataset(jsonld=render_croissant(dataset()))
    assert loaded.metadata.ctx.issues.errors == set()
    assert [record.name for record in loaded.metadata.record_sets][:2] == ["default_splits", "default"]
    empty = mlcroissant.Dataset(jsonld=render_croissant(dataset(configs=[])))
    assert empty.metadata.ctx.issues.errors == set()

"""The library ``datasets`` is the oracle."""

from __future__ import annotations

from typing import Any

import pytest

from entrepot.cards import declared_features, read_card, render_yaml
from entrepot.errors import Malformed

datasets: Any = pytest.importorskip("datasets")


def kinds() -> dict[str, Any]:
    value = datasets.Value
    return {
        "a": value("int64"),
        "b": value("timestamp[us, tz=UTC]"),
        "c": value("decimal128(5, 2)"),
        "d": datasets.ClassLabel(names=["no", "yes", "maybe"]),
        "e": datasets.Image(),
        "f": datasets.Audio(sampling_rate=16_000),
        "g": datasets.List(value("string")),
        "h": datasets.List(value("float32"), length=3),
        "i": {"x": value("bool"), "y": datasets.List({"z": value("large_string")})},
        "j": datasets.Array2D(shape=(2, 3), dtype="float32"),
        "k": datasets.LargeList(value("int8")),
        "l": datasets.Translation(languages=["en", "fr"]),
        "m": datasets.List(datasets.ClassLabel(names=["x"])),
        "n": datasets.List(datasets.List(value("int32"))),
    }


@pytest.mark.parametrize("name", kinds())
def test_features_are_those_that_datasets_writes_into_a_card(name: str) -> None:
    features = datasets.Features({name: kinds()[name]})
    text = render_yaml({"dataset_info": {"features": features._to_yaml_list()}})
    found = declared_features(read_card(f"---\n{text}---\n").data, "default")
    assert datasets.Features.from_dict(found) == features


def test_old_sequences_of_objects_are_objects_of_lists() -> None:
    told = [{"name": "a", "sequence": [{"name": "x", "dtype": "int64"}, {"name": "y", "sequence": "string"}]}]
    found = declared_features({"dataset_info": {"features": told}}, "default")  # type: ignore[dict-item]
    assert datasets.Features.from_dict(found) == datasets.Features._from_yaml_list(told)


def test_each_configuration_has_its_own() -> None:
    entries: Any = [
        {"config_name": "en", "features": [{"name": "a", "dtype": "int64"}]},
        {"config_name": "fr", "features": []},
    ]
    card: Any = {"dataset_info": entries}
    assert declared_features(card, "en") == {"a": {"dtype": "int64", "_type": "Value"}}
    assert [declared_features(card, name) for name in ("fr", "default")] == [None, None]
    assert declared_features({}, "default") is declared_features({"dataset_info": "x"}, "default") is None


@pytest.mark.parametrize(
    "features",
    [
        [{"dtype": "int64"}],
        ["a"],
        [{"name": "a", "dtype": "int64"}, {"name": "a", "dtype": "int64"}],
        [{"name": "a", "image": 1}],
        [{"name": "a", "list": 1}],
        [{"name": "a", "dtype": {"class_label": {"names": {"1": "x"}}}}],
    ],
)
def test_what_cannot_be_read_is_refused(features: Any) -> None:
    with pytest.raises(Malformed, match="dataset_info"):
        declared_features({"dataset_info": {"features": features}}, "default")


def test_deep_features_are_refused() -> None:
    told: Any = "int64"
    for _ in range(60):
        told = {"list": told}
    with pytest.raises(Malformed, match="levels deep"):
        declared_features({"dataset_info": {"features": [{"name": "a", **told}]}}, "default")

"""The library ``datasets`` is the oracle."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from entrepot.cards import declared_features, read_card, read_dataset_card, render_yaml
from entrepot.errors import Malformed

MAKERS: dict[str, Callable[[Any], Any]] = {
    "a": lambda datasets: datasets.Value("int64"),
    "b": lambda datasets: datasets.Value("timestamp[us, tz=UTC]"),
    "c": lambda datasets: datasets.Value("decimal128(5, 2)"),
    "d": lambda datasets: datasets.ClassLabel(names=["no", "yes", "maybe"]),
    "e": lambda datasets: datasets.Image(),
    "f": lambda datasets: datasets.Audio(sampling_rate=16_000),
    "g": lambda datasets: datasets.List(datasets.Value("string")),
    "h": lambda datasets: datasets.List(datasets.Value("float32"), length=3),
    "i": lambda datasets: {
        "x": datasets.Value("bool"),
        "y": datasets.List({"z": datasets.Value("large_string")}),
    },
    "j": lambda datasets: datasets.Array2D(shape=(2, 3), dtype="float32"),
    "k": lambda datasets: datasets.LargeList(datasets.Value("int8")),
    "l": lambda datasets: datasets.Translation(languages=["en", "fr"]),
    "m": lambda datasets: datasets.List(datasets.ClassLabel(names=["x"])),
    "n": lambda datasets: datasets.List(datasets.List(datasets.Value("int32"))),
}


@pytest.fixture(scope="module")
def datasets() -> Any:
    """The library, which takes a second to import."""
    return pytest.importorskip("datasets")


@pytest.mark.parametrize("name", MAKERS)
def test_features_are_those_that_datasets_writes_into_a_card(name: str, datasets: Any) -> None:
    features = datasets.Features({name: MAKERS[name](datasets)})
    text = render_yaml({"dataset_info": {"features": features._to_yaml_list()}})
    found = declared_features(read_card(f"---\n{text}---\n").data, "default")
    assert datasets.Features.from_dict(found) == features


def test_old_sequences_of_objects_are_objects_of_lists(datasets: Any) -> None:
    told = [{"name": "a", "sequence": [{"name": "x", "dtype": "int64"}, {"name": "y", "sequence": "string"}]}]
    found = declared_features({"dataset_info": {"features": told}}, "default")  # type: ignore[dict-item]
    assert datasets.Features.from_dict(found) == datasets.Features._from_yaml_list(told)


@pytest.mark.parametrize(
    "names",
    [
        "[no, yes]",
        "{0: no, 1: yes}",
        "{'0': 'no', '1': 'yes'}",
        "[on, OFF, ~, 010, 1_000, 1:30, 0b11, 2.5, 1e3, 0o7]",
        "[a]\n        num_classes: 1",
        "[no, 'False']",
        "[a, b]\n        num_classes: 3",
        "~\n        num_classes: 3",
        "{0: a, 2: b}",
    ],
)
def test_labels_are_read_by_the_rules_of_old_yaml(names: str, datasets: Any) -> None:
    block = f"dataset_info:\n  features:\n  - name: y\n    dtype:\n      class_label:\n        names: {names}\n"
    card = read_dataset_card(f"---\n{block}---\n")
    try:
        wanted = datasets.Features._from_yaml_list(yaml.safe_load(block)["dataset_info"]["features"])
    except (ValueError, TypeError):
        with pytest.raises(Malformed, match="class label"):
            declared_features(card, "default")
    else:
        assert declared_features(card, "default") == wanted.to_dict()


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
        [{"name": "a", "dtype": {"class_label": {"names": {"9" * 5_000: "x"}}}}],
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

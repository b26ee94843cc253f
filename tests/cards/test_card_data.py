from __future__ import annotations

from typing import Any

import pytest

from entrepot.cards.card_data import CardData, DatasetCardData, ModelCardData, SpaceCardData
from entrepot.cards.evaluations import EvalResult
from entrepot.errors import InvalidArgument

RESULT = EvalResult("image-classification", "beans", "Beans", "accuracy", 0.9)


def test_card_data_answer_like_a_mapping_and_like_an_object() -> None:
    data = CardData(license="mit", empty=None)
    data["x-y"] = 1
    data.language = "en"  # type: ignore[attr-defined]
    assert (data.license, data["x-y"], data.get("empty", "d"), data.get("absent")) == ("mit", 1, "d", None)
    assert "license" in data
    assert len(data) == 4
    assert data.pop("license") == "mit"
    assert data.pop("license", "gone") == "gone"
    assert data.to_dict() == {"x-y": 1, "language": "en"}
    with pytest.raises(AttributeError):
        _ = data.nothing


def test_the_returned_data_is_a_copy() -> None:
    data = ModelCardData(tags=["a"])
    data.to_dict()["tags"].append("b")
    assert data.tags == ["a"]


def test_yaml_has_the_order_of_the_fields_or_the_order_asked_for() -> None:
    data = ModelCardData(license="mit", language="en", extra=1)
    assert str(data) == "language: en\nlicense: mit\nextra: 1"
    assert data.to_yaml(original_order=["extra", "absent", "license"]) == "extra: 1\nlicense: mit\nlanguage: en"
    assert data.to_yaml(line_break="\r\n") == "language: en\r\nlicense: mit\r\nextra: 1"


def test_tags_are_unique_and_one_tag_is_a_list() -> None:
    assert ModelCardData(tags=["b", "a", "b"]).tags == ["b", "a"]
    assert SpaceCardData(tags="one").tags == ["one"]


def test_results_are_written_as_a_model_index_and_read_from_one() -> None:
    data = ModelCardData(eval_results=RESULT, model_name="m")
    written = data.to_dict()
    assert written.keys() == {"model-index"}
    again = ModelCardData(**written)
    assert (again.model_name, again.eval_results) == ("m", [RESULT])
    assert again == data


def test_results_need_the_name_of_the_model() -> None:
    with pytest.raises(ValueError, match="model_name"):
        ModelCardData(eval_results=[RESULT])
    with pytest.raises(ValueError, match="EvalResult"):
        ModelCardData(eval_results=["good"], model_name="m")  # type: ignore[list-item]
    assert ModelCardData(eval_results=[RESULT], ignore_metadata_errors=True).eval_results == [RESULT]


@pytest.mark.parametrize("index", [[{"results": [{}]}], {"a": 1}, ["x"], [{"name": "m", "results": None}]])
def test_an_unreadable_model_index_is_refused_or_left_out(index: Any) -> None:
    with pytest.raises(InvalidArgument, match="ignore_metadata_errors"):
        ModelCardData(**{"model-index": index})
    data = ModelCardData(**{"model-index": index}, ignore_metadata_errors=True, license="mit")
    assert data.to_dict() == {"license": "mit"}


def test_the_evaluation_index_of_a_dataset_has_a_hyphen_in_the_readme() -> None:
    index: dict[str, Any] = {"train-eval-index": [{"config": "default"}]}
    data = DatasetCardData(pretty_name="Cats", **index)
    assert data.train_eval_index == [{"config": "default"}]
    assert data.to_dict() == {"pretty_name": "Cats", "train-eval-index": [{"config": "default"}]}
    assert DatasetCardData(license="mit").to_dict() == {"license": "mit"}


def test_a_space_declares_how_it_is_run() -> None:
    data = SpaceCardData(title="Demo", sdk="gradio", duplicated_from="a/b")
    assert data.to_dict() == {"title": "Demo", "sdk": "gradio", "duplicated_from": "a/b"}

from __future__ import annotations

import dataclasses

import pytest

from entrepot.cards.card_data import CardData, ModelCardData
from entrepot.cards.evaluations import EvalResult, eval_results_to_model_index
from entrepot.cards.merging import merge_metadata
from entrepot.errors import InvalidArgument

RESULT = EvalResult("image-classification", "beans", "Beans", "accuracy", 0.9)


def index(*results: EvalResult, name: str = "m") -> dict[str, object]:
    return {"model-index": eval_results_to_model_index(name, list(results))}


def test_absent_keys_are_added_and_equal_ones_stay() -> None:
    data = CardData(license="mit")
    merge_metadata(data, {"license": "mit", "tags": ["a"]}, repo_id="a/b", overwrite=False)
    assert data.to_dict() == {"license": "mit", "tags": ["a"]}


def test_another_value_is_refused_unless_it_may_overwrite() -> None:
    data = CardData(license="mit")
    with pytest.raises(ValueError, match="overwrite=True"):
        merge_metadata(data, {"tags": ["a"], "license": "gpl-3.0"}, repo_id="a/b", overwrite=False)
    assert data.to_dict() == {"license": "mit"}
    merge_metadata(data, {"license": "gpl-3.0"}, repo_id="a/b", overwrite=True)
    assert data.license == "gpl-3.0"


def test_results_join_a_card_that_has_none() -> None:
    data = ModelCardData()
    changes = index(RESULT)
    del changes["model-index"][0]["name"]
    merge_metadata(data, changes, repo_id="alice/m", overwrite=False)
    assert (data.model_name, data.eval_results) == ("alice/m", [RESULT])


def test_new_measurements_are_appended() -> None:
    data = ModelCardData(model_name="m", eval_results=[RESULT])
    other = dataclasses.replace(RESULT, metric_type="f1")
    merge_metadata(data, index(RESULT, other), repo_id="a/b", overwrite=False)
    assert data.eval_results == [RESULT, other]


def test_a_new_value_of_a_measurement_needs_the_right_to_overwrite() -> None:
    old = dataclasses.replace(RESULT, verified=True, verify_token="old")
    data = ModelCardData(model_name="m", eval_results=[old])
    new = dataclasses.replace(old, metric_value=0.95, verify_token="new")
    extra = dataclasses.replace(RESULT, metric_type="f1")
    with pytest.raises(InvalidArgument, match="type: accuracy"):
        merge_metadata(data, index(extra, new), repo_id="a/b", overwrite=False)
    assert data.eval_results == [dataclasses.replace(RESULT, verified=True, verify_token="old")]
    merge_metadata(data, index(new), repo_id="a/b", overwrite=True)
    assert data.eval_results == [new]

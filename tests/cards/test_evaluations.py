from __future__ import annotations

from typing import Any

import pytest

from entrepot.cards.evaluations import (
    EvalResult,
    eval_results_to_model_index,
    metadata_eval_result,
    model_index_to_eval_results,
)
from entrepot.errors import InvalidArgument


def result(**fields: Any) -> EvalResult:
    given: dict[str, Any] = {
        "task_type": "image-classification",
        "dataset_type": "beans",
        "dataset_name": "Beans",
        "metric_type": "accuracy",
        "metric_value": 0.9,
    }
    return EvalResult(**(given | fields))


def test_results_of_one_dataset_stand_together_in_the_index() -> None:
    index = eval_results_to_model_index(
        "m", [result(), result(dataset_type="cats", dataset_name="Cats"), result(metric_type="f1")]
    )
    assert index == [
        {
            "name": "m",
            "results": [
                {
                    "task": {"type": "image-classification"},
                    "dataset": {"name": "Beans", "type": "beans"},
                    "metrics": [{"type": "accuracy", "value": 0.9}, {"type": "f1", "value": 0.9}],
                },
                {
                    "task": {"type": "image-classification"},
                    "dataset": {"name": "Cats", "type": "cats"},
                    "metrics": [{"type": "accuracy", "value": 0.9}],
                },
            ],
        }
    ]


def test_an_index_gives_back_the_results_that_it_was_made_of() -> None:
    full = result(
        task_name="Image classification",
        dataset_config="default",
        dataset_split="test",
        dataset_revision="abc",
        dataset_args={"n": 1},
        metric_name="Accuracy",
        metric_config="x",
        metric_args={"max_order": 4},
        verified=True,
        verify_token="proof",
        source_name="Leaderboard",
        source_url="https://example.org",
    )
    assert model_index_to_eval_results(eval_results_to_model_index("m", [full])) == ("m", [full])


def test_a_source_with_a_name_needs_an_address() -> None:
    with pytest.raises(ValueError, match="source_url"):
        result(source_name="Leaderboard")


def test_an_empty_index_is_refused() -> None:
    with pytest.raises(InvalidArgument):
        model_index_to_eval_results([])


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"metric_value": 0.1}, True),
        ({"verify_token": "other"}, True),
        ({"metric_type": "f1"}, False),
        ({"dataset_split": "test"}, False),
    ],
)
def test_measurements_are_the_same_when_only_their_values_differ(change: dict[str, Any], same: bool) -> None:
    assert result().is_equal_except_value(result(**change)) is same


def test_metadata_of_one_result_are_made_from_plain_arguments() -> None:
    made = metadata_eval_result(
        model_pretty_name="RoBERTa",
        task_pretty_name="Text classification",
        task_id="text-classification",
        metrics_pretty_name="Accuracy",
        metrics_id="accuracy",
        metrics_value=0.2,
        dataset_pretty_name="Jokes",
        dataset_id="alice/jokes",
        dataset_split="test",
    )
    assert made["model-index"][0]["results"] == [
        {
            "task": {"type": "text-classification", "name": "Text classification"},
            "dataset": {"name": "Jokes", "type": "alice/jokes", "split": "test"},
            "metrics": [{"type": "accuracy", "value": 0.2, "name": "Accuracy", "verified": False}],
        }
    ]

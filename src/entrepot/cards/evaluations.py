"""Evaluation results: flat, with one metric each, and nested, as in a ``model-index``.

Source: huggingface_hub 2.4.0, ``repocard_data.py``, for the names of fields
and keys; the nesting is the public hub's ``model-index`` specification.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from entrepot.errors import InvalidArgument


@dataclasses.dataclass
class EvalResult:
    """One metric of one model on one dataset.

    ``task_type``, ``dataset_type`` and ``metric_type`` are identifiers
    (``image-classification``, ``beans``, ``accuracy``); the corresponding names
    are for people. ``source_url`` is where the result was published, and
    ``source_name`` the name of that source.

    Raises:
        InvalidArgument: ``source_name`` is set without ``source_url``.
    """

    task_type: str
    dataset_type: str
    dataset_name: str
    metric_type: str
    metric_value: Any
    task_name: str | None = None
    dataset_config: str | None = None
    dataset_split: str | None = None
    dataset_revision: str | None = None
    dataset_args: dict[str, Any] | None = None
    metric_name: str | None = None
    metric_config: str | None = None
    metric_args: dict[str, Any] | None = None
    verified: bool | None = None
    verify_token: str | None = None
    source_name: str | None = None
    source_url: str | None = None

    def __post_init__(self) -> None:
        if self.source_name is not None and self.source_url is None:
            raise InvalidArgument("a result with a source_name needs a source_url")

    @property
    def unique_identifier(self) -> tuple[str | None, ...]:
        """The key by which a model index groups results: task, dataset, config, split, revision."""
        return (self.task_type, self.dataset_type, self.dataset_config, self.dataset_split, self.dataset_revision)

    def is_equal_except_value(self, other: EvalResult) -> bool:
        """Return whether both describe the same measurement; the value and its verification may differ."""
        twin = dataclasses.replace(other, metric_value=self.metric_value, verify_token=self.verify_token)
        return self == twin


def model_index_to_eval_results(model_index: Sequence[dict[str, Any]]) -> tuple[str, list[EvalResult]]:
    """Return the name of a model and its results, one per metric, in the order of the index.

    Returns:
        The name of the last entry; indexes have one entry in practice.

    Raises:
        InvalidArgument: the index is empty.
        KeyError, TypeError: a required key of a result is missing, or a part of
            the index has the wrong type.
    """
    if not model_index:
        raise InvalidArgument("a model index is a list of at least one entry, this one is empty")
    results = []
    for entry in model_index:
        for result in entry["results"]:
            results += [_flat(result, metric) for metric in result["metrics"]]
    return model_index[-1]["name"], results


def _flat(result: dict[str, Any], metric: dict[str, Any]) -> EvalResult:
    task, dataset, source = result["task"], result["dataset"], result.get("source") or {}
    return EvalResult(
        task_type=task["type"],
        dataset_type=dataset["type"],
        dataset_name=dataset["name"],
        metric_type=metric["type"],
        metric_value=metric["value"],
        task_name=task.get("name"),
        dataset_config=dataset.get("config"),
        dataset_split=dataset.get("split"),
        dataset_revision=dataset.get("revision"),
        dataset_args=dataset.get("args"),
        metric_name=metric.get("name"),
        metric_config=metric.get("config"),
        metric_args=metric.get("args"),
        verified=metric.get("verified"),
        verify_token=metric.get("verifyToken"),
        source_name=source.get("name"),
        source_url=source.get("url"),
    )


def eval_results_to_model_index(model_name: str | None, eval_results: Sequence[EvalResult]) -> list[dict[str, Any]]:
    """Return the ``model-index`` of a model, with results of the same task and dataset grouped, in order.

    None values are omitted at every level.
    """
    groups: dict[tuple[str | None, ...], list[EvalResult]] = {}
    for result in eval_results:
        groups.setdefault(result.unique_identifier, []).append(result)
    entry: dict[str, Any] = {"name": model_name, "results": [_nested(group) for group in groups.values()]}
    return [_without_none(entry)]


def _nested(group: list[EvalResult]) -> dict[str, Any]:
    first = group[0]
    nested: dict[str, Any] = {
        "task": {"type": first.task_type, "name": first.task_name},
        "dataset": {
            "name": first.dataset_name,
            "type": first.dataset_type,
            "config": first.dataset_config,
            "split": first.dataset_split,
            "revision": first.dataset_revision,
            "args": first.dataset_args,
        },
        "metrics": [
            {
                "type": result.metric_type,
                "value": result.metric_value,
                "name": result.metric_name,
                "config": result.metric_config,
                "args": result.metric_args,
                "verified": result.verified,
                "verifyToken": result.verify_token,
            }
            for result in group
        ],
    }
    if first.source_url is not None:
        nested["source"] = {"url": first.source_url, "name": first.source_name}
    return nested


def _without_none(value: Any) -> Any:  # noqa: ANN401 - values of a card are what their authors wrote
    if isinstance(value, list | tuple | set):
        return type(value)(_without_none(item) for item in value if item is not None)
    if isinstance(value, dict):
        return {key: _without_none(item) for key, item in value.items() if key is not None and item is not None}
    return value


def metadata_eval_result(  # one argument per field of a result: the signature is huggingface_hub's
    *,
    model_pretty_name: str,
    task_pretty_name: str,
    task_id: str,
    metrics_pretty_name: str,
    metrics_id: str,
    metrics_value: object,
    dataset_pretty_name: str,
    dataset_id: str,
    metrics_config: str | None = None,
    metrics_verified: bool = False,
    dataset_config: str | None = None,
    dataset_split: str | None = None,
    dataset_revision: str | None = None,
    metrics_verification_token: str | None = None,
) -> dict[str, list[dict[str, Any]]]:
    """Return card metadata with one result, ``{"model-index": [...]}``, for ``metadata_update`` or a card."""
    result = EvalResult(
        task_name=task_pretty_name,
        task_type=task_id,
        metric_name=metrics_pretty_name,
        metric_type=metrics_id,
        metric_value=metrics_value,
        dataset_name=dataset_pretty_name,
        dataset_type=dataset_id,
        metric_config=metrics_config,
        verified=metrics_verified,
        verify_token=metrics_verification_token,
        dataset_config=dataset_config,
        dataset_split=dataset_split,
        dataset_revision=dataset_revision,
    )
    return {"model-index": eval_results_to_model_index(model_pretty_name, [result])}

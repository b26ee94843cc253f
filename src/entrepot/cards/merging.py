"""Merging of new metadata into the metadata of a card.

The messages of refusals are those of huggingface_hub, which its users know and
search for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from entrepot.cards.card_data import CardData
from entrepot.cards.evaluations import EvalResult, model_index_to_eval_results
from entrepot.errors import InvalidArgument


def merge_metadata(data: CardData, changes: Mapping[str, Any], *, repo_id: str, overwrite: bool) -> None:
    """Merge changes into the metadata of a card, in place.

    Absent keys are added, keys with the same value stay. Results under
    ``model-index`` are merged one by one: a measurement that the card already
    has gets the new value, any other is appended.

    Args:
        repo_id: the name for a model index without one.
        overwrite: whether existing values may be replaced.

    Raises:
        InvalidArgument: a value differs from the existing one and ``overwrite``
            is False; ``data`` is unchanged.
    """
    if not overwrite:
        for key, value in changes.items():
            if key != "model-index" and data.get(key) is not None and data.get(key) != value:
                raise InvalidArgument(
                    f"You passed a new value for the existing meta data field {key!r}. "
                    "Set `overwrite=True` to overwrite existing metadata."
                )
    if "model-index" in changes:
        _merge_index(data, changes["model-index"], repo_id, overwrite=overwrite)
    for key, value in changes.items():
        if key != "model-index":
            data[key] = value


def _merge_index(data: CardData, index: Sequence[dict[str, Any]], repo_id: str, *, overwrite: bool) -> None:
    fallback = data.get("model_name") or repo_id
    named = [entry if "name" in entry else {**entry, "name": fallback} for entry in index]
    name, results = model_index_to_eval_results(named)
    known: list[EvalResult] | None = data.get("eval_results")
    if known is None:
        data["eval_results"], data["model_name"] = results, name
        return
    pairs = [(result, next((old for old in known if result.is_equal_except_value(old)), None)) for result in results]
    for result, old in pairs:
        if old is not None and result.metric_value != old.metric_value and not overwrite:
            raise InvalidArgument(
                f"You passed a new value for the existing metric 'name: {result.metric_name}, "
                f"type: {result.metric_type}'. Set `overwrite=True` to overwrite existing metrics."
            )
    for result, old in pairs:
        if old is None:
            known.append(result)
        else:
            old.metric_value = result.metric_value
            if old.verified:
                old.verify_token = result.verify_token

"""Numbers among the evaluation results of a card, by a name that stays the same from version to version."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping

from entrepot.cards.front_matter import parse_metadata, split_card
from entrepot.cards.storable_values import storable
from entrepot.cards.yaml_values import JsonValue
from entrepot.errors import Malformed

MAX_METRICS = 100
"""Metrics of a card that are read."""

MAX_METADATA = 64 << 10
"""The longest metadata block that is read for its metrics, in characters."""

_MAX_NAME = 100
_PERCENT = re.compile(r"\s*%\s*\Z")
_UNKNOWN = "unknown"  # the type of data set in results that were no evaluation, such as metrics of ML-Git


def read_card_metrics(text: str) -> dict[str, float]:
    """Return the finite numbers in the ``model-index`` of a README, in its order; parts of another form are left out.

    The name of a metric is followed by the data set, its configuration and its split, if they are given.

    Raises:
        Malformed: the metadata cannot be read, or are longer than 64 Ki characters.

    Source: the public hub's ``model-index`` specification.
    """
    block, _ = split_card(text)
    if block is None or "model-index" not in block:
        return {}
    if len(block) > MAX_METADATA:
        raise Malformed("repo card metadata", f"they are longer than {MAX_METADATA:,} characters")
    return metrics_of(parse_metadata(block).get("model-index"))


def metrics_of(index: JsonValue) -> dict[str, float]:
    """Return the finite numbers in the value of ``model-index``, as :func:`read_card_metrics`."""
    found: dict[str, float] = {}
    for name, value in _metrics(index):
        number = number_of(value)
        if number is not None and len(found) < MAX_METRICS:
            found.setdefault(name, number)
    return found


def number_of(value: object) -> float | None:
    """Return a finite number, or one written as a string (``93.1``, ``93.1 %``); None for any other value."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str):
        value = _PERCENT.sub("", value) if len(value) <= _MAX_NAME else ""
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _metrics(index: JsonValue) -> Iterator[tuple[str, JsonValue]]:
    for entry in _mappings(index):
        for result in _mappings(entry.get("results")):
            place = _place_of(result.get("dataset"))
            for metric in _mappings(result.get("metrics")):
                name = _text(metric.get("name")) or _text(metric.get("type"))
                if name:
                    yield f"{name} · {place}" if place else name, metric.get("value")


def _mappings(values: JsonValue) -> Iterator[Mapping[str, JsonValue]]:
    for value in values if isinstance(values, list) else ():
        if isinstance(value, dict):
            yield value


def _place_of(dataset: JsonValue) -> str:
    if not isinstance(dataset, dict) or dataset.get("type") == _UNKNOWN:
        return ""
    name = _text(dataset.get("name")) or _text(dataset.get("type"))
    more = [text for key in ("config", "split") if (text := _text(dataset.get(key)))]
    return f"{name} ({', '.join(more)})" if name and more else name


def _text(value: JsonValue) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return storable(" ".join(str(value)[: 2 * _MAX_NAME].split())[:_MAX_NAME])

"""Evaluation results in files of a model: ``.eval_results/*.yaml``.

Source: docs/protocols/metadata.md, section 4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from entrepot.cards.yaml_values import JsonValue, YamlReader
from entrepot.errors import Malformed

FOLDER = ".eval_results"
"""The folder of the files."""

_MAX_ENTRIES = 1_000


def read_eval_file(name: str, text: str) -> Sequence[Mapping[str, JsonValue]]:
    """Return the results of a file, each with ``filename`` and ``data``; or one item with the ``error`` in it.

    Args:
        name: the path in the repository.
    """
    try:
        document = YamlReader().read(text)
    except Malformed as error:
        return [{"filename": name, "error": error.reason}]
    entries = document if isinstance(document, list) else [document]
    if len(entries) > _MAX_ENTRIES:
        return [{"filename": name, "error": f"it has more than {_MAX_ENTRIES:,} results"}]
    for number, entry in enumerate(entries, 1):
        fault = _fault_of(entry)
        if fault is not None:
            return [{"filename": name, "error": f"result {number}: {fault}"}]
    return [{"filename": name, "data": entry} for entry in entries]


def _fault_of(entry: JsonValue) -> str | None:
    if not isinstance(entry, dict):
        return "it is no mapping"
    dataset, source = entry.get("dataset"), entry.get("source")
    for key in ("id", "task_id"):
        if not isinstance(dataset, dict) or not isinstance(dataset.get(key), str):
            return f"'dataset' needs {key!r}"
    if entry.get("value") is None:
        return "'value' is missing"
    return None if source is None or isinstance(source, dict) else "'source' is no mapping"

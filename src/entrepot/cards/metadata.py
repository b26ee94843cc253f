"""Metadata that a hub takes from a card: tags, fields and the data served to clients."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

import attrs

from entrepot.cards.front_matter import parse_metadata, split_card
from entrepot.cards.yaml_values import JsonValue
from entrepot.names import RepoType

MAX_TAGS = 1000
MAX_TAG = 200

DATASET_KEYS = (
    "task_categories",
    "task_ids",
    "annotations_creators",
    "language_creators",
    "multilinguality",
    "source_datasets",
    "size_categories",
    "format",
    "modality",
)
"""Keys of the card of a dataset whose values become tags behind the name of the key."""

_ARXIV = re.compile(
    r"(?:arxiv\.org/(?:abs|pdf|html)/|(?:huggingface\.co|hf\.co)/papers/|\barxiv:\s?)"
    r"([0-9]{4}\.[0-9]{4,5}|[a-z-]+(?:\.[A-Z]{2})?/[0-9]{7})(?![0-9])",
    re.IGNORECASE,
)
_OLD_KEYS = frozenset({"configs", "dataset_info"})
_RELATIONS = frozenset({"finetune", "adapter", "quantized", "merge"})
_QUANTIZED = frozenset({"gguf", "gptq", "awq", "exl2", "quantized"})
_ADAPTERS = frozenset({"lora", "adapter", "peft", "dora", "qlora"})

# Keys that the clients' constructors cannot accept as keyword arguments, or that
# would shadow one of their methods (huggingface_hub 0.21.4 and 2.4.0, repocard_data.py).
_UNSAFE_KEYS = frozenset(
    {"self", "ignore_metadata_errors", "eval_results", "get", "pop", "to_dict", "to_yaml", "_to_dict"}
)


@attrs.frozen
class Card:
    """A parsed README."""

    data: Mapping[str, JsonValue]
    """The metadata as written; ``{}`` if there is none."""
    arxiv_ids: tuple[str, ...]
    """The papers that the README mentions, in order of first mention."""


@attrs.frozen
class CardFields:
    """The values of a card that the hub stores in separate columns."""

    license: str | None
    library_name: str | None
    pipeline_tag: str | None
    languages: tuple[str, ...]
    datasets: tuple[str, ...]
    base_models: tuple[str, ...]
    data: Mapping[str, JsonValue]
    """A JSON object that ``CardData(**data)`` of every client accepts."""


def read_card(text: str) -> Card:
    """Parse a README; unusual or missing metadata are accepted.

    Raises:
        Malformed: the block is not YAML or not a mapping; the reason names
            the line of the README.
    """
    arxiv_ids = tuple(dict.fromkeys(match[1].lower() for match in _ARXIV.finditer(text)))
    return Card(read_metadata(text) or {}, arxiv_ids)


def read_metadata(text: str) -> Mapping[str, JsonValue] | None:
    """Return the metadata of a README without reading the rest; None if it has no metadata block.

    Raises:
        Malformed: as of :func:`read_card`.
    """
    block, _ = split_card(text)
    return None if block is None else parse_metadata(block, first_line=_first_line(text))


def read_dataset_card(text: str) -> Mapping[str, JsonValue]:
    """Return the metadata of the README of a dataset, in which files and features are described by YAML 1.1.

    ``datasets``, which loads the files, reads ``configs`` and ``dataset_info`` as YAML 1.1: the label ``no`` is False
    there, not a text. It reads other keys so as well, but those are for the hub, whose search must find the language
    ``no`` (:func:`read_card`). The text is parsed once, and the key decides.

    Raises:
        Malformed: as of :func:`read_card`.
    """
    block, _ = split_card(text)
    return {} if block is None else parse_metadata(block, first_line=_first_line(text), old_keys=_OLD_KEYS)


def _first_line(text: str) -> int:
    """Return the number of the first line of the metadata block, for messages."""
    return text[: text.find("---")].count("\n") + 2


def card_tags(card: Card, repo_type: RepoType, *, relation: str | None = None) -> tuple[str, ...]:
    """Return the tags by which a repository is found, without duplicates, in a stable order.

    At most 1,000 tags of 1 to 200 characters without control characters are
    returned; others are omitted.

    Args:
        relation: the relation to the base models; None: as the card says or suggests.

    Source: docs/protocols/hf_api.md, section 4.1.
    """
    data = card.data
    tags: list[str] = []
    if repo_type.kind.has_library:
        tags += _strings(data.get("library_name"))
        tags += _strings(data.get("pipeline_tag"))
    elif repo_type.kind.has_sdk:
        tags += _strings(data.get("sdk"))
        tags += _named("model", _strings(data.get("models")))
    else:
        tags += _dataset_tags(data)
    tags += _strings(data.get("tags"))
    languages = list(_strings(data.get("language")))
    tags += languages
    if repo_type is RepoType.DATASET:
        tags += _named("language", languages)
    tags += _named("arxiv", card.arxiv_ids)
    if repo_type.kind.names_datasets:
        tags += _base_model_tags(data, relation)
        tags += _named("dataset", _strings(data.get("datasets")))
    tags += _named("license", (name.lower() for name in _strings(data.get("license"))))
    kept = list(dict.fromkeys(tag for tag in tags if len(tag) <= MAX_TAG))[: MAX_TAGS - 1]
    return tuple(dict.fromkeys((*kept, "region:us")))


def card_fields(card: Card) -> CardFields:
    """Return the values of a card for separate columns, and its data made safe for every client."""
    data = card.data
    return CardFields(
        license=next((name.lower() for name in _strings(data.get("license"))), None),
        library_name=next(_strings(data.get("library_name")), None),
        pipeline_tag=next(_strings(data.get("pipeline_tag")), None),
        languages=tuple(dict.fromkeys(_strings(data.get("language")))),
        datasets=tuple(dict.fromkeys(_strings(data.get("datasets")))),
        base_models=tuple(dict.fromkeys(_strings(data.get("base_model")))),
        data=_safe_data(data),
    )


def _dataset_tags(data: Mapping[str, JsonValue]) -> Iterator[str]:
    for key in DATASET_KEYS:
        yield from _named(key, _strings(data.get(key)))


def _base_model_tags(data: Mapping[str, JsonValue], relation: str | None) -> Iterator[str]:
    bases = list(dict.fromkeys(_strings(data.get("base_model"))))
    yield from _named("base_model", bases)
    yield from _named(f"base_model:{relation or find_relation(data, len(bases))}", bases)


def find_relation(data: Mapping[str, JsonValue], bases: int, by_files: str | None = None) -> str:
    """Return the relation of a model to its base models.

    Args:
        data: the card, whose ``base_model_relation`` decides.
        bases: the number of base models.
        by_files: the relation that the files suggest.

    Returns:
        ``finetune``, ``adapter``, ``quantized`` or ``merge``.
    """
    said = data.get("base_model_relation")
    if isinstance(said, str) and said.lower() in _RELATIONS:
        return said.lower()
    words = {word.lower() for key in ("tags", "library_name") for word in _strings(data.get(key))}
    if bases > 1 or "merge" in words:
        return "merge"
    if by_files is not None:
        return by_files
    if words & _QUANTIZED:
        return "quantized"
    return "adapter" if words & _ADAPTERS else "finetune"


def _named(name: str, values: Iterable[str]) -> Iterator[str]:
    return (f"{name}:{value}" for value in values)


def _strings(value: JsonValue) -> Iterator[str]:
    """Yield the clean, non-empty strings in a value or list of values; deeper values are ignored."""
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, bool):
            yield "true" if item else "false"
        elif isinstance(item, str | int | float):
            text = " ".join("".join(c if c.isprintable() else " " for c in str(item)[: MAX_TAG + 1]).split())
            if 0 < len(text) <= MAX_TAG:
                yield text


def _safe_data(data: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    safe = {key: value for key, value in data.items() if key not in _UNSAFE_KEYS and not key.startswith("__")}
    if not isinstance(safe.get("tags", []), list | str | None):
        del safe["tags"]
    elif isinstance(safe.get("tags"), list):
        safe["tags"] = list(_strings(safe["tags"]))
    if "model-index" in safe and not _is_usable_index(safe["model-index"]):
        del safe["model-index"]
    return safe


def _is_usable_index(index: JsonValue) -> bool:
    """Return whether every client can build evaluation results from a ``model-index`` and write it back.

    The clients accept missing keys, but not a ``source`` that is not a mapping
    or has a name without a URL, nor lists in place of identifiers.

    Source: huggingface_hub 2.4.0, ``repocard_data.py``, model_index_to_eval_results.
    """
    if not isinstance(index, list):
        return False
    for entry in index:
        results = entry.get("results") if isinstance(entry, dict) else None
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str) or not isinstance(results, list):
            return False
        if not all(_is_usable_result(result) for result in results):
            return False
    return True


def _is_usable_result(result: JsonValue) -> bool:
    if not isinstance(result, dict):
        return False
    task, dataset, metrics = result.get("task"), result.get("dataset"), result.get("metrics")
    source = result.get("source") or {}
    if not (isinstance(task, dict) and isinstance(dataset, dict) and isinstance(metrics, list)):
        return False
    if not isinstance(source, dict) or (source.get("name") is not None and source.get("url") is None):
        return False
    identifiers = [task.get("type"), *(dataset.get(key) for key in ("type", "name", "config", "split", "revision"))]
    if any(isinstance(identifier, list | dict) for identifier in identifiers):
        return False
    required = "type" in task and "type" in dataset and "name" in dataset
    return required and all(isinstance(metric, dict) and {"type", "value"} <= metric.keys() for metric in metrics)

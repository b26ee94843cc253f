"""Metadata of a model derived from its files, where the card gives none.

Source: docs/protocols/metadata.md, sections 1 to 4.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import attrs

from entrepot.cards.libraries import TRANSFORMERS, find_library, format_tags
from entrepot.cards.metadata import Card, CardFields, find_relation
from entrepot.cards.tasks import CONVERSATIONAL, can_chat, classify_config
from entrepot.cards.yaml_values import JsonValue
from entrepot.errors import InvalidName
from entrepot.names import parse_wanted_id

DOCUMENTS = frozenset(
    {
        "adapter_config.json",
        "config.json",
        "model_index.json",
        "modular_model_index.json",
        "preprocessor_config.json",
        "processor_config.json",
        "tokenizer_config.json",
    }
)
"""JSON files of the root folder that are read."""

TEMPLATE_FILES = frozenset({"chat_template.jinja", "chat_template.json"})
"""Files of the root folder that hold a chat template."""

_CONFIG_KEYS = ("architectures", "model_type", "auto_map")
_QUANTIZATION_KEYS = ("quant_method", "bits", "load_in_4bit", "load_in_8bit")
_TOKENIZER_KEYS = ("bos_token", "eos_token", "unk_token", "pad_token", "mask_token", "chat_template")
_QUANTIZERS = ("gptq", "awq", "exl2", "bitsandbytes", "fp8", "hqq", "aqlm")
_MAX_TEMPLATE = 64 << 10

_PROCESSORS = (
    ("processor_config.json", "AutoProcessor"),
    ("tokenizer_config.json", "AutoTokenizer"),
    ("preprocessor_config.json", "AutoImageProcessor"),
)
_DIFFUSION_TASKS = {
    "StableDiffusionPipeline": "text-to-image",
    "StableDiffusionXLPipeline": "text-to-image",
    "StableDiffusion3Pipeline": "text-to-image",
    "FluxPipeline": "text-to-image",
}


@attrs.frozen
class ModelFiles:
    """The files of a model: all paths, and the JSON documents of the root folder by name."""

    paths: Sequence[str]
    documents: Mapping[str, Mapping[str, JsonValue]]

    @property
    def has_template(self) -> bool:
        """Whether a chat template exists."""
        tokenizer = self.documents.get("tokenizer_config.json", {})
        return bool(tokenizer.get("chat_template")) or any(path in TEMPLATE_FILES for path in self.paths)


@attrs.frozen
class ModelMetadata:
    """The metadata of a model from its card and its files; the card takes precedence.

    ``tags``: those to add to the tags of the card. ``relation``: the relation to the base models, such as
    ``adapter``; None without base models. ``config`` and ``transformers_info``: as the Hub API shows them.
    """

    library: str | None
    pipeline_tag: str | None
    tags: tuple[str, ...]
    base_models: tuple[str, ...]
    relation: str | None
    config: Mapping[str, JsonValue] | None
    transformers_info: Mapping[str, str] | None
    mask_token: str | None


def describe_model(card: Card, fields: CardFields, files: ModelFiles) -> ModelMetadata:
    """Return the metadata of a model from its card and its files."""
    documents = files.documents
    config = documents.get("config.json", {})
    library = fields.library_name or find_library(files.paths, documents)
    found = classify_config(config)
    task = fields.pipeline_tag or _task_of(library, found.task if found else None, documents)
    bases = fields.base_models or _bases_of(documents)
    relation = find_relation(card.data, len(bases), _relation_by_files(files)) if bases else None
    info: dict[str, str] | None = None
    if found is not None and library == TRANSFORMERS:
        processor = next((name for file, name in _PROCESSORS if file in documents), None)
        info = {"auto_model": found.auto_class}
        info |= {"pipeline_tag": task} if task else {}
        info |= {"processor": processor} if processor else {}
    tags = (*_tags(files, library, task, config), *(() if fields.base_models else _base_tags(bases, relation)))
    mask = _tokenizer_config(documents).get("mask_token")
    return ModelMetadata(
        library, task, tags, bases, relation, _config(documents) or None, info, mask if isinstance(mask, str) else None
    )


def _task_of(library: str | None, by_class: str | None, documents: Mapping[str, Mapping[str, JsonValue]]) -> str | None:
    if library == "sentence-transformers":
        return "sentence-similarity"
    if library == "diffusers":
        name = documents.get("model_index.json", {}).get("_class_name")
        return _DIFFUSION_TASKS.get(name) if isinstance(name, str) else None
    return by_class


def _bases_of(documents: Mapping[str, Mapping[str, JsonValue]]) -> tuple[str, ...]:
    """Return the base model that an adapter names, unless it is a folder on the trainer's machine."""
    name = documents.get("adapter_config.json", {}).get("base_model_name_or_path")
    if not isinstance(name, str) or name.count("/") > 1:
        return ()
    try:
        parse_wanted_id(name)
    except InvalidName:
        return ()
    return (name,)


def _relation_by_files(files: ModelFiles) -> str | None:
    if "adapter_config.json" in files.documents:
        return "adapter"
    names = " ".join(files.paths).lower()
    is_quantized = ".gguf" in names or any(word in names for word in _QUANTIZERS)
    return "quantized" if is_quantized or _quantization(files.documents) else None


def _tags(
    files: ModelFiles,
    library: str | None,
    task: str | None,
    config: Mapping[str, JsonValue],
) -> Iterator[str]:
    if library is not None:
        yield library
    yield from format_tags(files.paths)
    if task is not None:
        yield task
    if isinstance(kind := config.get("model_type"), str):
        yield kind
    if can_chat(task, has_template=files.has_template):
        yield CONVERSATIONAL


def _base_tags(bases: Sequence[str], relation: str | None) -> Iterator[str]:
    for base in bases:
        yield f"base_model:{base}"
    for base in bases:
        yield f"base_model:{relation}:{base}"


def _config(documents: Mapping[str, Mapping[str, JsonValue]]) -> dict[str, JsonValue]:
    """Return the part of a model's configuration that the Hub API shows."""
    config = documents.get("config.json", {})
    shown: dict[str, JsonValue] = {key: config[key] for key in _CONFIG_KEYS if key in config}
    if quantization := _quantization(documents):
        shown["quantization_config"] = quantization
    if tokenizer := _tokenizer_config(documents):
        shown["tokenizer_config"] = tokenizer
    if isinstance(template := documents.get("processor_config.json", {}).get("chat_template"), str):
        shown["processor_config"] = {"chat_template": template[:_MAX_TEMPLATE]}
    if adapter := documents.get("adapter_config.json"):
        keys = [key for key in ("base_model_name_or_path", "task_type") if isinstance(adapter.get(key), str)]
        shown["peft"] = {key: adapter[key] for key in keys}
    for name in ("model_index.json", "modular_model_index.json"):
        if isinstance(pipeline := documents.get(name, {}).get("_class_name"), str):
            shown["diffusers"] = {"_class_name": pipeline}
    return shown


def _quantization(documents: Mapping[str, Mapping[str, JsonValue]]) -> dict[str, JsonValue]:
    value = documents.get("config.json", {}).get("quantization_config")
    return {key: value[key] for key in _QUANTIZATION_KEYS if key in value} if isinstance(value, dict) else {}


def _tokenizer_config(documents: Mapping[str, Mapping[str, JsonValue]]) -> dict[str, JsonValue]:
    """Return the special tokens and the chat template; a token is a text, or an object with ``content``."""
    shown: dict[str, JsonValue] = {}
    for key in _TOKENIZER_KEYS:
        value = documents.get("tokenizer_config.json", {}).get(key)
        if isinstance(value, dict):
            value = value.get("content")
        if isinstance(value, str) and len(value) <= _MAX_TEMPLATE:
            shown[key] = value
    return shown

"""Metadata from the files of a repository, as its row stores them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs


@attrs.frozen
class WeightCounts:
    """The numbers of parameters by data type, such as ``{"F32": 6}``; ``sharded``: they are in several files."""

    parameters: Mapping[str, int]
    total: int
    sharded: bool


@attrs.frozen
class BaseModelNames:
    """The ids of the base models of a model, and its relation to them, such as ``adapter``."""

    relation: str
    models: Sequence[str]


@attrs.frozen
class WeightMetadata:
    """Metadata from the files of a repository, in the shapes of the Hub API.

    ``safetensors`` and ``gguf``: numbers of parameters; ``transformers_info``: the classes that load it;
    ``mask_token``: the token to fill; ``base_models``: the ids of its base models and the relation to them;
    ``summary``: the beginning of the card's text; ``citation``: its BibTeX entry; ``eval_results``: of files.
    """

    safetensors: WeightCounts | None = None
    gguf: Mapping[str, Any] | None = None
    transformers_info: Mapping[str, str] | None = None
    mask_token: str | None = None
    base_models: BaseModelNames | None = None
    summary: str | None = None
    citation: str | None = None
    eval_results: Sequence[Any] | None = None


def encode(files: WeightMetadata | None) -> Mapping[str, Any] | None:
    """Return metadata as the column of a row stores it; None if there is none."""
    return attrs.asdict(files, filter=lambda _, value: value is not None) or None if files is not None else None


def decode(stored: Mapping[str, Any] | None) -> WeightMetadata:
    """Return metadata from their column; the inverse of :func:`encode`."""
    fields = stored or {}
    counts, bases = fields.get("safetensors"), fields.get("base_models")
    return attrs.evolve(
        WeightMetadata(**fields),
        safetensors=WeightCounts(**counts) if counts else None,
        base_models=BaseModelNames(**bases) if bases else None,
    )

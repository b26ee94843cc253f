"""Metadata of safetensors files and models."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from entrepot.previews.safetensors import Header, Index


@dataclasses.dataclass
class TensorInfo:
    """A tensor; ``data_offsets`` are its first byte and the byte after its last, relative to the data section."""

    dtype: str
    shape: list[int]
    data_offsets: tuple[int, int]
    parameter_count: int


@dataclasses.dataclass
class SafetensorsFileMetadata:
    """The header of a safetensors file: tensors by name, the stored metadata, and parameter counts by type."""

    metadata: dict[str, str]
    tensors: dict[str, TensorInfo]
    parameter_count: dict[str, int]


@dataclasses.dataclass
class SafetensorsRepoMetadata:
    """The tensors of a model: the file of each (``weight_map``), all files, and parameter counts by type.

    ``metadata`` is that of the index file, which exists only for a model split into several
    files (``sharded``).
    """

    metadata: dict[str, Any] | None
    sharded: bool
    weight_map: dict[str, str]
    files_metadata: dict[str, SafetensorsFileMetadata]
    parameter_count: dict[str, int]


def file_of(header: Header) -> SafetensorsFileMetadata:
    """Convert the header of a file."""
    tensors = {
        name: TensorInfo(found.dtype, list(found.shape), found.data_offsets, found.parameters)
        for name, found in header.tensors.items()
    }
    counts = _added((item.dtype, item.parameter_count) for item in tensors.values())
    return SafetensorsFileMetadata(header.metadata, tensors, counts)


def model_in(files: Mapping[str, SafetensorsFileMetadata], index: Index | None) -> SafetensorsRepoMetadata:
    """Combine the headers of a model's files with its index, which a model in one file does not have."""
    held = {name: path for path, file in files.items() for name in file.tensors}
    return SafetensorsRepoMetadata(
        metadata=dict(index.metadata) if index is not None and index.metadata is not None else None,
        sharded=index is not None,
        weight_map=index.weight_map if index is not None else held,
        files_metadata=dict(files),
        parameter_count=_added(pair for file in files.values() for pair in file.parameter_count.items()),
    )


def _added(pairs: Iterable[tuple[str, int]]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for dtype, number in pairs:
        counts[dtype] += number
    return dict(counts)

"""JSON of the headers of a model's safetensors files.

Source: docs/protocols/hf_api.md, section 1C.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

HeaderEntry = Mapping[str, str | Sequence[int]]
"""A tensor (``dtype``, ``shape`` and ``data_offsets``), or the metadata of a file, which are texts."""


class TensorIndex(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The index of a model without its ``weight_map``, which repeats the names of the headers."""

    metadata: Mapping[str, object] | None = None


class ModelHeadersResponse(msgspec.Struct, frozen=True, kw_only=True):
    """The header of each file of a model: its tensors by name, and the metadata of the file as ``__metadata__``."""

    headers: Mapping[str, Mapping[str, HeaderEntry]]
    index: TensorIndex

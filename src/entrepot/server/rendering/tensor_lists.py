"""The tensors of a file as a table, or those of them that a visitor asks for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import attrs

from entrepot.previews import gguf, safetensors
from entrepot.previews.sources import RangeReader

MAX_ROWS = 2_000
"""Tensors that are shown."""

MAX_HEADER = 16 << 20
"""Bytes of the header of a file that are read."""

ENDINGS = (".safetensors", ".gguf")
"""Ends of the names of files that consist of tensors."""

COLUMNS = ("Tensor", "Type", "Shape", "Parameters")

_MAX_VALUE = 200


@attrs.frozen
class TensorFilter:
    """Which tensors are shown: those whose name has this text, in any case, and that have this type; empty: all."""

    text: str = ""
    dtype: str = ""

    def takes(self, name: str, dtype: str) -> bool:
        """Return whether a tensor is shown."""
        return (not self.dtype or dtype == self.dtype) and self.text.lower() in name.lower()


ALL = TensorFilter()
"""Shows every tensor."""


@attrs.frozen
class TensorList:
    """The tensors of a file that are shown.

    ``total``: how many match; ``dtypes``: how many tensors of the file have each type, the most frequent first;
    ``facts``: what the header says.
    """

    wanted: TensorFilter
    rows: Sequence[tuple[str, str, str, str]]
    total: int
    dtypes: Sequence[tuple[str, int]]
    facts: Sequence[tuple[str, str]]


def list_tensors(name: str, source: RangeReader, wanted: TensorFilter) -> TensorList:
    """Return the tensors of a file whose name ends with one of :data:`ENDINGS`.

    Raises:
        Malformed: the header cannot be read.
    """
    if name.lower().endswith(".safetensors"):
        header = safetensors.read_header(source, most=MAX_HEADER)
        named = list(header.tensors.items())
        facts = [(key, _cut(value)) for key, value in sorted(header.metadata.items())[:20]]
        parameters = sum(tensor.parameters for _, tensor in named)
        found = [(key, tensor.dtype, tensor.shape, tensor.parameters) for key, tensor in named]
    else:
        gguf_header = gguf.read_header(source, most=MAX_HEADER)
        facts = list(_facts_of(gguf_header.metadata, gguf_header.lengths))
        parameters = gguf_header.parameters
        found = [(tensor.name, tensor.dtype, tensor.shape, tensor.parameters) for tensor in gguf_header.tensors]
    matching = [item for item in found if wanted.takes(item[0], item[1])]
    rows = [(key, dtype, _shape(shape), f"{number:,}") for key, dtype, shape, number in matching[:MAX_ROWS]]
    counts = [("Tensors", f"{len(found):,}"), ("Parameters", f"{parameters:,}")]
    dtypes = Counter(dtype for _, dtype, _, _ in found).most_common()
    return TensorList(wanted, rows, len(matching), dtypes, [*counts, *facts])


def note_of(found: TensorList) -> str:
    """Return the sentence about tensors that match but are not shown; empty if all are."""
    if found.total <= MAX_ROWS:
        return ""
    advice = "" if found.wanted != ALL else " Search for a part of a name to find the others."
    return f"Only the first {MAX_ROWS:,} of {found.total:,} tensors are listed.{advice}"


def _facts_of(metadata: Mapping[str, object], lengths: Mapping[str, int]) -> Sequence[tuple[str, str]]:
    return [
        (key, f"{lengths[key]:,} items" if key in lengths else _cut(str(value)))
        for key, value in list(metadata.items())[:60]
    ]


def _shape(shape: Sequence[int]) -> str:
    return " × ".join(f"{side:,}" for side in shape) or "scalar"


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_VALUE else f"{text[:_MAX_VALUE]}…"

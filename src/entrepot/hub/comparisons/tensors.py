"""Differences of two model files: tensors of safetensors, metadata and tensors of GGUF."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from entrepot.errors import Malformed
from entrepot.hub.comparisons.sides import ComparedFile, compare_files
from entrepot.previews import gguf, safetensors
from entrepot.previews.gguf import GgufHeader
from entrepot.previews.safetensors import Tensor
from entrepot.previews.time_limits import time_limit

MAX_HEADER = 64 << 20
"""Bytes of a header that are read."""

_MAX_VALUE = 200


@attrs.frozen
class TensorSide:
    """A tensor on one side: its type, its shape and its length in bytes (None where the format does not tell)."""

    dtype: str
    shape: Sequence[int]
    size: int | None = None


@attrs.frozen
class TensorChange:
    """A tensor that differs. ``kind``: ``added``, ``removed``, ``reshaped`` (or of another type), ``changed``.

    ``changed_bytes``: an upper bound of the bytes that differ, for tensors with the same type and shape; ``kind`` is
    ``unknown`` if too many bytes would have to be read to tell.
    """

    name: str
    kind: str
    old: TensorSide | None
    new: TensorSide | None
    changed_bytes: int = 0


@attrs.frozen
class MetadataChange:
    """A value of the metadata of a file that differs; None: it is not there."""

    key: str
    old: str | None
    new: str | None


@attrs.frozen
class TensorsDiff:
    """The differences of two model files. ``equal``: tensors that are byte for byte the same (GGUF: not compared)."""

    tensors: Sequence[TensorChange]
    metadata: Sequence[MetadataChange]
    equal: int
    equal_bytes: int


def compare_safetensors(old: ComparedFile, new: ComparedFile) -> TensorsDiff:
    """Compare two safetensors files: headers, then the bytes of each tensor by chunks, and by reading where needed.

    Raises:
        Malformed: one of them is no safetensors file, or has tensors that overlap.
        LimitExceeded: too much would have to be read.
    """
    with time_limit():
        before, after = (safetensors.read_header(side, most=MAX_HEADER) for side in (old, new))
    for side, header in ((old, before), (new, after)):
        if sum(map(_length, header.tensors.values())) > side.size:  # each of them could take as long as the file
            raise Malformed("safetensors file", "its tensors overlap")
    starts = [int.from_bytes(side.read_at(0, 8), "little") + 8 for side in (old, new)]
    changes: list[TensorChange] = []
    equal = equal_bytes = 0
    for name in dict.fromkeys([*before.tensors, *after.tensors]):
        left, right = before.tensors.get(name), after.tensors.get(name)
        if left is None or right is None or (left.dtype, left.shape) != (right.dtype, right.shape):
            changes.append(_reshaped(name, _side_or_none(left), _side_or_none(right)))
            continue
        places = starts[0] + left.data_offsets[0], starts[1] + right.data_offsets[0]
        size = min(_length(left), _length(right))
        found = compare_files(old, places[0], new, places[1], size)
        if found.is_equal and _length(left) == _length(right):
            equal, equal_bytes = equal + 1, equal_bytes + size
            continue
        kind = "unknown" if found.is_equal is None else "changed"
        changes.append(TensorChange(name, kind, _side(left), _side(right), found.changed))
    return TensorsDiff(changes, _metadata(before.metadata, after.metadata), equal, equal_bytes)


def compare_gguf(old: ComparedFile, new: ComparedFile) -> TensorsDiff:
    """Compare the headers of two GGUF files: metadata, and names, types and shapes of tensors.

    Raises:
        Malformed: one of them is no GGUF file.
        LimitExceeded: too much would have to be read.
    """
    with time_limit():
        before, after = (gguf.read_header(side, most=MAX_HEADER) for side in (old, new))
    tensors = [
        {tensor.name: TensorSide(tensor.dtype, tensor.shape) for tensor in header.tensors} for header in (before, after)
    ]
    names = dict.fromkeys([*tensors[0], *tensors[1]])
    sides = [(name, tensors[0].get(name), tensors[1].get(name)) for name in names]
    changes = [_reshaped(name, left, right) for name, left, right in sides if left != right]
    metadata = _metadata(_values(before), _values(after))
    return TensorsDiff(changes, metadata, len(names) - len(changes), 0)


def _reshaped(name: str, left: TensorSide | None, right: TensorSide | None) -> TensorChange:
    kind = "added" if left is None else "removed" if right is None else "reshaped"
    return TensorChange(name, kind, left, right)


def _side_or_none(tensor: Tensor | None) -> TensorSide | None:
    return None if tensor is None else _side(tensor)


def _side(tensor: Tensor) -> TensorSide:
    return TensorSide(tensor.dtype, tensor.shape, _length(tensor))


def _length(tensor: Tensor) -> int:
    return tensor.data_offsets[1] - tensor.data_offsets[0]


def _values(header: GgufHeader) -> dict[str, str]:
    """Return metadata as texts; arrays with their length, because only their first items are known."""
    return {
        key: f"{value} ({header.lengths[key]:,} items)" if key in header.lengths else str(value)
        for key, value in header.metadata.items()
    }


def _metadata(old: Mapping[str, str], new: Mapping[str, str]) -> list[MetadataChange]:
    keys = dict.fromkeys([*old, *new])
    return [MetadataChange(key, _cut(old.get(key)), _cut(new.get(key))) for key in keys if old.get(key) != new.get(key)]


def _cut(text: str | None) -> str | None:
    return text if text is None or len(text) <= _MAX_VALUE else f"{text[:_MAX_VALUE]}…"

"""Metadata of GGUF files: architecture, context length, tokens, tensors.

Source: the GGUF format, version 2 and 3 ("File Structure"): magic ``GGUF``,
u32 version, u64 tensors, u64 key-value pairs, the pairs, the tensor infos.
Integers are little endian; big-endian files, which version 3 allows, are refused.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence

import attrs

from entrepot.errors import Malformed
from entrepot.previews.sources import RangeReader, SequentialReader
from entrepot.previews.time_limits import timed

MAX_HEADER = 64 << 20
"""Bytes of metadata that are read at most; the vocabulary of a large model takes about 10 MB."""

GgufValue = int | float | bool | str | list["GgufValue"]

_FORMAT = "GGUF file"
_MAX_PAIRS, _MAX_TENSORS, _MAX_NAME, _MAX_DEPTH, _MAX_DIMENSIONS = 65_536, 100_000, 65_536, 4, 8
_KEPT_ITEMS = 64
_MAX_ITEMS = 1_000_000
"""Texts and arrays in all arrays; those of a large model have 800,000. Numbers are skipped together."""
_MAX_PARAMETERS = 1 << 63
_TOKENS = "tokenizer.ggml.tokens"
_SCALARS = {0: "B", 1: "b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "?", 10: "<Q", 11: "<q", 12: "<d"}
_STRING, _ARRAY = 8, 9

TYPES = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 6: "Q5_0", 7: "Q5_1", 8: "Q8_0", 9: "Q8_1", 10: "Q2_K", 11: "Q3_K",
    12: "Q4_K", 13: "Q5_K", 14: "Q6_K", 15: "Q8_K", 16: "IQ2_XXS", 17: "IQ2_XS", 18: "IQ3_XXS", 19: "IQ1_S",
    20: "IQ4_NL", 21: "IQ3_S", 22: "IQ2_S", 23: "IQ4_XS", 24: "I8", 25: "I16", 26: "I32", 27: "I64", 28: "F64",
    29: "IQ1_M", 30: "BF16", 34: "TQ1_0", 35: "TQ2_0", 39: "MXFP4",
}  # fmt: skip
"""Names of the types of tensors by their number. Source: ``ggml_type`` of ggml.h."""


@attrs.frozen
class GgufTensor:
    """A tensor: name, type and shape."""

    name: str
    dtype: str
    shape: tuple[int, ...]

    @property
    def parameters(self) -> int:
        """The number of its elements."""
        return math.prod(self.shape)


@attrs.frozen
class GgufHeader:
    """The metadata and the tensors of a GGUF file.

    ``metadata``: values by key; of arrays the first 64 items. ``lengths``: the true length of each array.
    ``special_tokens``: texts of the tokens that keys such as ``tokenizer.ggml.bos_token_id`` name, by
    name (``bos``).
    """

    version: int
    metadata: dict[str, GgufValue]
    lengths: dict[str, int]
    tensors: tuple[GgufTensor, ...]
    special_tokens: dict[str, str]

    @property
    def architecture(self) -> str | None:
        """The value of ``general.architecture``."""
        return self.text("general.architecture")

    @property
    def context_length(self) -> int | None:
        """The longest context in tokens."""
        value = self.metadata.get(f"{self.architecture}.context_length")
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    @property
    def parameters(self) -> int:
        """The number of elements of all tensors."""
        return sum(tensor.parameters for tensor in self.tensors)

    def text(self, key: str) -> str | None:
        """Return a value that is a text; None if it is absent or of another type."""
        value = self.metadata.get(key)
        return value if isinstance(value, str) else None


def read_header(source: RangeReader, *, most: int = MAX_HEADER) -> GgufHeader:
    """Return the metadata and the tensors of a file.

    Args:
        most: bytes of metadata to read at most.

    Raises:
        Malformed: it is not a GGUF file of version 2 or 3, or its metadata exceed a bound.
    """
    reader = SequentialReader(source, _FORMAT, most)
    if reader.take(4) != b"GGUF":
        raise Malformed(_FORMAT, "it does not begin with GGUF")
    (version,) = struct.unpack("<I", reader.take(4))
    if version not in (2, 3):
        raise Malformed(_FORMAT, f"version {version} is not supported")
    tensors, pairs = struct.unpack("<QQ", reader.take(16))
    if pairs > _MAX_PAIRS or tensors > _MAX_TENSORS:
        raise Malformed(_FORMAT, f"it claims {pairs:,} pairs and {tensors:,} tensors")
    metadata: dict[str, GgufValue] = {}
    lengths: dict[str, int] = {}
    tokens_at, left = None, _MAX_ITEMS
    for _ in timed(range(pairs), _FORMAT):
        key = _text(reader, _MAX_NAME)
        (kind,) = struct.unpack("<I", reader.take(4))
        if kind != _ARRAY:
            metadata[key] = _value(reader, kind)
            continue
        if key == _TOKENS:
            tokens_at = reader.offset
        metadata[key], lengths[key], items = _array(reader, left, depth=1)
        left -= items
    found = tuple(_tensor(reader) for _ in timed(range(tensors), _FORMAT))
    if sum(tensor.parameters for tensor in found) >= _MAX_PARAMETERS:
        raise Malformed(_FORMAT, "the shapes of its tensors are impossible")
    special = _special_tokens(source, most, tokens_at, metadata) if tokens_at is not None else {}
    return GgufHeader(version, metadata, lengths, found, special)


def _text(reader: SequentialReader, most: int) -> str:
    (length,) = struct.unpack("<Q", reader.take(8))
    if length > most:
        raise Malformed(_FORMAT, f"a text has {length:,} bytes")
    return reader.take(length).decode("utf-8", "replace")


def _value(reader: SequentialReader, kind: int) -> int | float | bool | str:
    return _text(reader, MAX_HEADER) if kind == _STRING else _numbers(reader, kind, 1)[0]


def _numbers(reader: SequentialReader, kind: int, count: int) -> Sequence[int | float | bool]:
    if kind not in _SCALARS:
        raise Malformed(_FORMAT, f"a value has the unknown type {kind}")
    layout = f"<{count}{_SCALARS[kind][-1]}"
    return struct.unpack(layout, reader.take(struct.calcsize(layout)))


def _array(reader: SequentialReader, left: int, *, depth: int) -> tuple[list[GgufValue], int, int]:
    """Return the first items of an array, its length, and how many items had to be read; the reader stands behind it.

    Args:
        left: texts and arrays that may be read.
    """
    kind, count = struct.unpack("<IQ", reader.take(12))
    if kind in (_STRING, _ARRAY) and count > left:
        raise Malformed(_FORMAT, f"an array has {count:,} items")
    if depth > _MAX_DEPTH:
        raise Malformed(_FORMAT, "arrays are nested too deeply")
    kept: list[GgufValue] = []
    if kind == _ARRAY:
        items = count
        for _ in timed(range(count), _FORMAT):
            inner, _length, more = _array(reader, left - items, depth=depth + 1)
            items += more
            if len(kept) < _KEPT_ITEMS:
                kept.append(inner)
        return kept, count, items
    first = min(count, _KEPT_ITEMS)
    if kind == _STRING:
        kept += [_value(reader, kind) for _ in range(first)]
        for _ in timed(range(count - first), _FORMAT):
            reader.skip(int.from_bytes(reader.take(8), "little"))
        return kept, count, count
    if count:
        kept += _numbers(reader, kind, first)
        reader.skip((count - first) * struct.calcsize(_SCALARS[kind]))
    return kept, count, 0


def _tensor(reader: SequentialReader) -> GgufTensor:
    name = _text(reader, _MAX_NAME)
    (dimensions,) = struct.unpack("<I", reader.take(4))
    if dimensions > _MAX_DIMENSIONS:
        raise Malformed(_FORMAT, f"a tensor has {dimensions} dimensions")
    shape = struct.unpack(f"<{dimensions}Q", reader.take(8 * dimensions))
    kind, _offset = struct.unpack("<IQ", reader.take(12))
    return GgufTensor(name, TYPES.get(kind, str(kind)), shape)


def _special_tokens(source: RangeReader, most: int, start: int, metadata: dict[str, GgufValue]) -> dict[str, str]:
    """Return the texts of the tokens that metadata name, by a second pass over the vocabulary."""
    wanted: dict[int, list[str]] = {}
    for name in ("bos", "eos", "unknown", "padding"):
        number = metadata.get(f"tokenizer.ggml.{name}_token_id")
        if isinstance(number, int):
            wanted.setdefault(number, []).append(name)
    reader = SequentialReader(source, _FORMAT, most)
    reader.skip(start)
    kind, count = struct.unpack("<IQ", reader.take(12))
    found: dict[str, str] = {}
    if kind != _STRING:
        return found
    for number in timed(range(min(count, max(wanted, default=-1) + 1)), _FORMAT):
        length = int.from_bytes(reader.take(8), "little")
        if number in wanted and length <= _MAX_NAME:
            found.update(dict.fromkeys(wanted[number], reader.take(length).decode("utf-8", "replace")))
        else:
            reader.skip(length)
    return found

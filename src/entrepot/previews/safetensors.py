"""Headers of safetensors files: names, types and shapes of tensors.

Source: the safetensors format, "Format": eight bytes of length (little endian),
then that many bytes of JSON with one entry for each tensor and optionally
``__metadata__``.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping

import attrs
import msgspec

from entrepot.errors import Malformed
from entrepot.previews.sources import RangeReader
from entrepot.previews.time_limits import timed

MAX_HEADER = 100_000_000
"""Maximum size of a header in bytes, as defined by the format."""

MAX_TENSORS = 250_000
"""Maximum number of tensors of a file, or of all files that an index names."""

_FORMAT = "safetensors file"
_PREFIX = 8
_MAX_DIMENSIONS, _MAX_PARAMETERS = 64, 1 << 63
_MAX_ENTRY, _MAX_WORDS, _MAX_METADATA = 4_096, 50_000, 256 << 10
_INDEX = "index of safetensors files"


class Tensor(msgspec.Struct, frozen=True, gc=False):
    """A tensor: type, shape, and its range in the data of the file."""

    dtype: str
    shape: tuple[int, ...]
    data_offsets: tuple[int, int]

    @property
    def parameters(self) -> int:
        """The number of its elements."""
        return math.prod(self.shape)


@attrs.frozen
class Header:
    """The tensors of a file by name, in file order, and the metadata stored with them."""

    tensors: dict[str, Tensor]
    metadata: dict[str, str]


class Index(msgspec.Struct, frozen=True):
    """The file of each tensor of a model, and the metadata of the index."""

    weight_map: dict[str, str]
    metadata: Mapping[str, object] | None = None


class _Shards(msgspec.Struct, frozen=True):
    """What counts of an index for the files: its other entries are not decoded."""

    weight_map: dict[str, str]


class _IndexMetadata(msgspec.Struct, frozen=True):
    """The metadata of an index, not decoded."""

    metadata: msgspec.Raw = msgspec.Raw(b"null")


def read_header(source: RangeReader, *, most: int = MAX_HEADER) -> Header:
    """Return the header of a file.

    Args:
        most: bytes of header to read at most.

    Raises:
        Malformed: it is not a safetensors file, its header is larger than ``most``, or its
            tensors lie outside the file or have impossible shapes.
    """
    prefix = source.read_at(0, _PREFIX)
    if len(prefix) < _PREFIX:
        raise Malformed(_FORMAT, f"it has only {len(prefix)} bytes")
    size = int.from_bytes(prefix, "little")
    if size > most:
        raise Malformed(_FORMAT, f"its header would have {size:,} bytes")
    if _PREFIX + size > source.size:
        raise Malformed(_FORMAT, "it ends within its header")
    header = parse_header(source.read_at(_PREFIX, size))
    data = source.size - _PREFIX - size
    for name, tensor in timed(header.tensors.items(), _FORMAT):
        start, end = tensor.data_offsets
        if not 0 <= start <= end <= data or min(tensor.shape, default=0) < 0:
            raise Malformed(_FORMAT, f"the tensor {name[:100]!r} lies outside the file")
        # In this order: the product of many dimensions takes hours.
        if len(tensor.shape) > _MAX_DIMENSIONS or tensor.parameters >= _MAX_PARAMETERS:
            raise Malformed(_FORMAT, f"the shape of the tensor {name[:100]!r} is impossible")
    return header


def parse_header(data: bytes) -> Header:
    """Parse the JSON of a header.

    Raises:
        Malformed: the JSON does not conform to the format.
    """
    tensors_told = data.count(b'"data_offsets"')
    if tensors_told > MAX_TENSORS or _texts(data) > 16 * tensors_told + 2 * _MAX_WORDS:
        raise Malformed(_FORMAT, f"it has more than {MAX_TENSORS:,} tensors, or {_MAX_WORDS:,} words beside them")
    try:
        entries = msgspec.json.decode(data, type=dict[str, msgspec.Raw])
        words = entries.pop("__metadata__", None)
        long = next((name for name, raw in entries.items() if len(memoryview(raw)) > _MAX_ENTRY), None)
        if long is not None:
            raise Malformed(_FORMAT, f"the shape of the tensor {long[:100]!r} is impossible")
        decode = msgspec.json.Decoder(Tensor).decode
        metadata = msgspec.json.decode(words, type=dict[str, str]) if words is not None else {}
        tensors = {name: decode(raw) for name, raw in timed(entries.items(), _FORMAT)}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(_FORMAT, str(error)) from error
    return Header(tensors, metadata)


def _texts(data: bytes) -> int:
    """Return how many texts some JSON has, before any of them takes memory."""
    return (data.count(b'"') - data.count(b'\\"')) // 2


def parse_shards(data: bytes) -> frozenset[str]:
    """Return the files that ``model.safetensors.index.json`` names.

    Raises:
        Malformed: the JSON does not conform to the format, or names too many tensors.
    """
    if _texts(data) > 2 * MAX_TENSORS + _MAX_WORDS:
        raise Malformed(_INDEX, f"it has more than {MAX_TENSORS:,} tensors")
    try:
        return frozenset(msgspec.json.decode(data, type=_Shards).weight_map.values())
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(_INDEX, str(error)) from error


def parse_index_metadata(data: bytes) -> Mapping[str, object] | None:
    """Return the metadata of ``model.safetensors.index.json``, as JSON values; None if it has none.

    Raises:
        Malformed: the JSON does not conform to the format, or the metadata have more than 256 KiB.
    """
    try:
        found = msgspec.json.decode(data, type=_IndexMetadata).metadata
        if len(memoryview(found)) > _MAX_METADATA:
            raise Malformed(_INDEX, f"its metadata have more than {_MAX_METADATA:,} bytes")
        return msgspec.json.decode(found, type=dict[str, object] | None)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(_INDEX, str(error)) from error


def parse_index(data: bytes) -> Index:
    """Parse ``model.safetensors.index.json``, which names the file of each tensor.

    Raises:
        Malformed: the JSON does not conform to the format.
    """
    try:
        return msgspec.json.decode(data, type=Index)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(_INDEX, str(error)) from error


def count_parameters(headers: Iterable[Header]) -> dict[str, int]:
    """Return the number of elements of all tensors by type, types in order of first use."""
    counts: Counter[str] = Counter()
    for header in headers:
        for tensor in header.tensors.values():
            counts[tensor.dtype] += tensor.parameters
    return dict(counts)

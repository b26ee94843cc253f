"""Headers of safetensors files, read without downloading the tensors.

Source: the safetensors format, "Format": eight bytes of length (little endian),
then that many bytes of JSON with one entry for each tensor and optionally
``__metadata__``.
"""

from __future__ import annotations

import math

import attrs
import msgspec

from entrepot.client.calls import files
from entrepot.client.hubs import Hub
from entrepot.errors import RangeNotSatisfiable, TensorsUnreadable
from entrepot.names import RepoRef

FIRST_READ = 100_000
"""Size of the first request in bytes, enough for nearly every header."""

MOST_HEADER = 100_000_000
"""Maximum size of a header in bytes, as defined by the format."""

MOST_INDEX = 100_000_000
"""Maximum size of an index in bytes."""

_PREFIX = 8


class Tensor(msgspec.Struct, frozen=True):
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
    metadata: dict[str, object] | None = None


def header_of(hub: Hub, ref: RepoRef, revision: str, path: str) -> Header:
    """Return the header of a file; one request in nearly every case.

    Raises:
        TensorsUnreadable: the file is not a safetensors file.
        EntryNotFound, RevisionNotFound, RepoNotFound, GatedRepo: the hub refuses the file.
    """
    data = _beginning(hub, ref, revision, path, FIRST_READ)
    if len(data) < _PREFIX:
        raise TensorsUnreadable(path, f"it has only {len(data)} bytes")
    size = int.from_bytes(data[:_PREFIX], "little")
    if size > MOST_HEADER:
        raise TensorsUnreadable(path, f"its header would have {size:,} bytes")
    if len(data) < _PREFIX + size:
        data = _beginning(hub, ref, revision, path, _PREFIX + size)
    if len(data) < _PREFIX + size:
        raise TensorsUnreadable(path, "it ends within its header")
    return parse_header(data[_PREFIX : _PREFIX + size], path)


def parse_header(data: bytes, path: str) -> Header:
    """Parse the JSON of a header; ``path`` is for messages.

    Raises:
        TensorsUnreadable: the JSON does not conform to the format.
    """
    try:
        entries = msgspec.json.decode(data, type=dict[str, msgspec.Raw])
        words = entries.pop("__metadata__", None)
        metadata = msgspec.json.decode(words, type=dict[str, str]) if words is not None else {}
        tensors = {name: msgspec.json.decode(raw, type=Tensor) for name, raw in entries.items()}
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise TensorsUnreadable(path, str(error)) from error
    return Header(tensors, metadata)


def index_of(hub: Hub, ref: RepoRef, revision: str, path: str) -> Index:
    """Return the index of a model in several files.

    Raises:
        TensorsUnreadable: the file is not an index.
        EntryNotFound, RevisionNotFound, RepoNotFound, GatedRepo: the hub refuses the file.
    """
    data = _beginning(hub, ref, revision, path, MOST_INDEX)
    try:
        return msgspec.json.decode(data, type=Index)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise TensorsUnreadable(path, str(error)) from error


def _beginning(hub: Hub, ref: RepoRef, revision: str, path: str, size: int) -> bytes:
    """Return at most the first ``size`` bytes of a file, even if the hub does not support ranges."""
    call = files.content(ref, revision, path)
    hub.need_network(call.subject)
    got = bytearray()
    try:
        with hub.transport.stream(call, start=0, end=size) as stream:
            for piece in stream.chunks():
                got += piece
                if len(got) >= size:
                    break
    except RangeNotSatisfiable:
        return b""  # no range is satisfiable for an empty file
    return bytes(got[:size])

"""What is in files of tensors, read from their first bytes without fetching them.

Source: the safetensors format, "Format": eight bytes of length (little endian),
then that many bytes of JSON, one entry for each tensor and perhaps
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
"""Bytes asked for at once: enough for nearly every header, so that one request does."""

MOST_HEADER = 100_000_000
"""The longest header that the format allows, in bytes."""

MOST_INDEX = 100_000_000
"""The longest index that is read, in bytes."""

_PREFIX = 8


class Tensor(msgspec.Struct, frozen=True):
    """A tensor: type, shape, and where it begins and ends among the data of its file."""

    dtype: str
    shape: tuple[int, ...]
    data_offsets: tuple[int, int]

    @property
    def parameters(self) -> int:
        """How many numbers it has."""
        return math.prod(self.shape)


@attrs.frozen
class Header:
    """The tensors of a file, by name and in its order, and the words that were stored with them."""

    tensors: dict[str, Tensor]
    metadata: dict[str, str]


class Index(msgspec.Struct, frozen=True):
    """Which file of a model has which tensor, and what else its index says."""

    weight_map: dict[str, str]
    metadata: dict[str, object] | None = None


def header_of(hub: Hub, ref: RepoRef, revision: str, path: str) -> Header:
    """What the header of a file says, by one request in nearly every case.

    Raises:
        TensorsUnreadable: the file is not of this format.
        EntryNotFound, RevisionNotFound, RepoNotFound, GatedRepo: as usual.
    """
    data = _beginning(hub, ref, revision, path, FIRST_READ)
    if len(data) < _PREFIX:
        raise TensorsUnreadable(path, f"it has {len(data)} bytes only")
    size = int.from_bytes(data[:_PREFIX], "little")
    if size > MOST_HEADER:
        raise TensorsUnreadable(path, f"its header would have {size:,} bytes")
    if len(data) < _PREFIX + size:
        data = _beginning(hub, ref, revision, path, _PREFIX + size)
    if len(data) < _PREFIX + size:
        raise TensorsUnreadable(path, "it ends within its header")
    return parse_header(data[_PREFIX : _PREFIX + size], path)


def parse_header(data: bytes, path: str) -> Header:
    """Read the JSON of a header; ``path`` is for messages.

    Raises:
        TensorsUnreadable: it is not what the format says.
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
    """What the index of a model in several files says.

    Raises:
        TensorsUnreadable: the file is no index.
        EntryNotFound, RevisionNotFound, RepoNotFound, GatedRepo: as usual.
    """
    data = _beginning(hub, ref, revision, path, MOST_INDEX)
    try:
        return msgspec.json.decode(data, type=Index)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise TensorsUnreadable(path, str(error)) from error


def _beginning(hub: Hub, ref: RepoRef, revision: str, path: str, size: int) -> bytes:
    """At most the first ``size`` bytes of a file, even of a hub that knows no ranges."""
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
        return b""  # an empty file has no first byte to ask for
    return bytes(got[:size])

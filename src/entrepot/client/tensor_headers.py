"""Headers of safetensors files of a hub, read without downloading the tensors."""

from __future__ import annotations

from entrepot.client.calls import files
from entrepot.client.hubs import Hub
from entrepot.errors import Malformed, RangeNotSatisfiable, TensorsUnreadable
from entrepot.names import RepoRef
from entrepot.previews import safetensors
from entrepot.previews.safetensors import MAX_HEADER, Header, Index

FIRST_READ = 100_000
"""Size of the first request in bytes, enough for nearly every header."""

MAX_INDEX = 100_000_000
"""Maximum size of an index in bytes."""

_PREFIX = 8


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
    if size > MAX_HEADER:
        raise TensorsUnreadable(path, f"its header would have {size:,} bytes")
    if len(data) < _PREFIX + size:
        data = _beginning(hub, ref, revision, path, _PREFIX + size)
    if len(data) < _PREFIX + size:
        raise TensorsUnreadable(path, "it ends within its header")
    try:
        return safetensors.parse_header(data[_PREFIX : _PREFIX + size])
    except Malformed as error:
        raise TensorsUnreadable(path, error.reason) from error


def index_of(hub: Hub, ref: RepoRef, revision: str, path: str) -> Index:
    """Return the index of a model in several files.

    Raises:
        TensorsUnreadable: the file is not an index.
        EntryNotFound, RevisionNotFound, RepoNotFound, GatedRepo: the hub refuses the file.
    """
    try:
        return safetensors.parse_index(_beginning(hub, ref, revision, path, MAX_INDEX))
    except Malformed as error:
        raise TensorsUnreadable(path, error.reason) from error


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

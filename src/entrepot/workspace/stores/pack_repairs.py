"""Packs made again: their chunks are found in files with known contents, or the pack itself in the outbox."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

import attrs

from entrepot.errors import ContentMismatch, Malformed
from entrepot.workspace.stores.formats.index_objects import Pack
from entrepot.workspace.stores.knowledge import Knowledge
from entrepot.workspace.stores.outbox import Outbox
from entrepot.xet import HASH_BYTES, Xorb, XorbBuilder, chunk_hash, verify_chunks

_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


@attrs.frozen
class _Place:
    """Where a chunk is in a file."""

    file_path: str
    offset: int
    length: int


def rebuild_packs(
    wanted: Iterable[Pack], known: Knowledge, outbox: Outbox | None, sources: Mapping[str, str]
) -> dict[Pack, Xorb]:
    """Return the xorbs of those packs whose chunks are all found; they may be compressed in another way.

    Args:
        known: which chunks the contents of ``sources`` have.
        sources: absolute paths of files by the SHA-256 of their content; a file that has changed is of no use.
    """
    wanted = tuple(wanted)
    rebuilt: dict[Pack, Xorb] = {}
    rest = []
    for pack in wanted:
        data = outbox.open_pack(pack.hash, pack.layout) if outbox else None
        if data is not None and is_intact(data, pack):
            rebuilt[pack] = Xorb(pack.hash, bytes(data), pack.index)
        else:
            rest.append(pack)
    places = _find_places(rest, known, sources)
    for pack in rest:
        xorb = _build(pack, places)
        if xorb is not None:
            rebuilt[pack] = xorb
    return rebuilt


def is_intact(data: bytes | bytearray | memoryview, pack: Pack) -> bool:
    """Return whether these bytes are those of a pack: every chunk is decompressed and hashed."""
    if len(data) != pack.index.size:
        return False
    try:
        verify_chunks(data, pack.index, 0, pack.index.count)
    except (Malformed, ContentMismatch):
        return False
    return True


def _find_places(packs: Iterable[Pack], known: Knowledge, sources: Mapping[str, str]) -> dict[bytes, _Place]:
    wanted = {raw_hash for pack in packs for raw_hash in _hashes(pack)}
    places: dict[bytes, _Place] = {}
    if not wanted:
        return places
    for sha256, (block, _) in known.files.items():
        path = sources.get(sha256)
        if path is None:
            continue
        offset = 0
        for term in block.terms:
            pack = known.find_pack(term.xorb)
            for number in range(term.start, term.end) if pack else ():
                assert pack is not None
                length = pack.index.raw_length(number, number + 1)
                raw_hash = pack.index.chunk_hashes(number, number + 1)
                if raw_hash in wanted:
                    places.setdefault(raw_hash, _Place(path, offset, length))
                offset += length
    return places


def _build(pack: Pack, places: Mapping[bytes, _Place]) -> Xorb | None:
    builder = XorbBuilder()
    for raw_hash in _hashes(pack):
        place = places.get(raw_hash)
        data = _read(place) if place else b""
        if not data or chunk_hash(data) != raw_hash:
            return None
        builder.add(data, raw_hash)
    return builder.finish()


def _read(place: _Place) -> bytes:
    try:
        # What was a file may be a pipe now, which would block the thread that opens it.
        with open(os.open(place.file_path, _FLAGS), "rb") as file:
            file.seek(place.offset)
            return file.read(place.length)
    except OSError:
        return b""


def _hashes(pack: Pack) -> list[bytes]:
    hashes = pack.index.hashes
    return [hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)]

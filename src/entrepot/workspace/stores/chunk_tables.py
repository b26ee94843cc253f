"""Tables of known chunks: in which pack a chunk with a given hash lies. They need 16 bytes a chunk."""

from __future__ import annotations

from collections.abc import Iterable

import attrs
import numpy as np
from numpy.typing import NDArray

from entrepot.workspace.stores.formats.index_objects import Pack
from entrepot.xet import HASH_BYTES

_CHUNK_BITS = 16
_MAX_LEVELS = 8


@attrs.frozen(eq=False)
class KnownChunk:
    """A chunk of a pack."""

    pack: Pack
    number: int


@attrs.frozen(eq=False)
class _Level:
    """Chunks in ascending order of the first 8 bytes of their hashes."""

    heads: NDArray[np.uint64]
    places: NDArray[np.uint64]


class ChunkTable:
    """The chunks of some packs, by hash; of equal chunks, one that was added first. Not thread-safe."""

    def __init__(self, packs: Iterable[Pack] = ()) -> None:
        self._packs: list[Pack] = []
        self._levels: list[_Level] = []
        self.add(packs)

    def add(self, packs: Iterable[Pack]) -> None:
        """Add the chunks of these packs."""
        heads: list[NDArray[np.uint64]] = []
        places: list[NDArray[np.uint64]] = []
        for pack in packs:
            heads.append(np.frombuffer(pack.index.hashes, np.uint64)[:: HASH_BYTES // 8])
            first = len(self._packs) << _CHUNK_BITS
            places.append(np.arange(first, first + pack.index.count, dtype=np.uint64))
            self._packs.append(pack)
        if heads:
            self._levels.append(_sorted(np.concatenate(heads), np.concatenate(places)))
        if len(self._levels) > _MAX_LEVELS:
            levels = self._levels
            self._levels = [
                _sorted(
                    np.concatenate([level.heads for level in levels]),
                    np.concatenate([level.places for level in levels]),
                )
            ]

    def find(self, hashes: bytes | bytearray) -> list[KnownChunk | None]:
        """Return where chunks are, or None for those that no pack has.

        Args:
            hashes: concatenated raw chunk hashes.
        """
        heads = np.frombuffer(hashes, np.uint64)[:: HASH_BYTES // 8]
        found: list[KnownChunk | None] = [None] * len(heads)
        for level in self._levels:
            starts = np.searchsorted(level.heads, heads)
            starts_inside = np.minimum(starts, len(level.heads) - 1)
            for number in np.flatnonzero(level.heads[starts_inside] == heads).tolist():
                if found[number] is None:
                    wanted = bytes(hashes[HASH_BYTES * number : HASH_BYTES * (number + 1)])
                    found[number] = self._verified(level, int(starts[number]), wanted)
        return found

    def _verified(self, level: _Level, at: int, wanted: bytes) -> KnownChunk | None:
        """Return the first chunk of a level from ``at`` on with the whole hash, among those that begin equally."""
        head = level.heads[at]
        while at < len(level.heads) and level.heads[at] == head:
            place = int(level.places[at])
            pack, number = self._packs[place >> _CHUNK_BITS], place & ((1 << _CHUNK_BITS) - 1)
            if pack.index.chunk_hashes(number, number + 1) == wanted:
                return KnownChunk(pack, number)
            at += 1
        return None


def _sorted(heads: NDArray[np.uint64], places: NDArray[np.uint64]) -> _Level:
    order = np.argsort(heads, kind="stable")
    return _Level(heads[order], places[order])

"""Grouping of bytes by their position modulo 4, so that the equal parts of numbers are together.

With the extra ``speed``, a process that ungroups many bytes uses machine code (:mod:`entrepot.xet.compiled_grouping`).
Grouping does not: one call for each chunk would cost as much as it saves.

Source: docs/protocols/xet.md, section 4.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from entrepot.xet.arrays import np
from entrepot.xet.compiled_grouping import GROUPS, MAX_CHUNKS, CompiledGrouping, compiled_grouping
from entrepot.xet.hashes import Buffer

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MAX_WORDS: Final = 64 * 1024
_SPARE = 4
_LIBRARY_PAYS_AFTER: Final = 64 << 20
"""Bytes after which a process loads the library: loading it takes as long as ungrouping so many bytes without it."""


class Grouped(NamedTuple):
    """The grouped bytes of a chunk, in pieces of any length, and their number, which is not 0."""

    pieces: Sequence[Buffer]
    length: int


def split_bytes(data: Buffer) -> list[memoryview]:
    """Return four groups of the bytes, by their position modulo 4."""
    whole, rest = divmod(len(data), GROUPS)
    groups = [np.empty(whole + (number < rest), np.uint8) for number in range(GROUPS)]
    # Halving twice is faster than four copies with a stride of 4.
    words = np.frombuffer(data, "<u2", 2 * whole)
    low, high = words.astype(np.uint8).view("<u2"), (words >> 8).astype(np.uint8).view("<u2")
    for group, half in zip(groups, (low, high, low >> 8, high >> 8), strict=True):
        np.copyto(group[:whole], half, casting="unsafe")
    for number in range(rest):
        groups[number][whole] = data[4 * whole + number]
    return [group.data for group in groups]


def ungroup_all(chunks: Sequence[Grouped]) -> list[memoryview]:
    """Return the bytes of chunks in their order; each chunk has at most 128 KiB."""
    compiled = _compiled(sum(chunk.length for chunk in chunks))
    if compiled is not None:
        return [found for run in _runs(chunks, compiled.most_words) for found in compiled.ungroup(run)]
    with contextlib.ExitStack() as after:
        workspace = _IDLE.pop() if _IDLE else _Workspace()
        after.callback(_IDLE.append, workspace)
        return [found for run in _runs(chunks, _MAX_WORDS) for found in workspace.ungroup(run)]


class _Usage:
    """Counts the bytes that this process has ungrouped with NumPy."""

    done = 0


def _compiled(length: int) -> CompiledGrouping | None:
    if _Usage.done < _LIBRARY_PAYS_AFTER:
        _Usage.done += length
        return None
    return compiled_grouping()


def _runs(chunks: Sequence[Grouped], most_words: int) -> Iterator[Sequence[Grouped]]:
    """Yield parts of a list of chunks that have at most ``most_words`` words each; incomplete words count."""
    start = words = 0
    for number, chunk in enumerate(chunks):
        count = -(-chunk.length // GROUPS)
        if words + count > most_words or number - start == MAX_CHUNKS:
            yield chunks[start:number]
            start, words = number, 0
        words += count
    if words:
        yield chunks[start:]


class _Workspace:
    """Memory for ungrouping with NumPy. Several chunks are processed at once: a call costs as much as 4 KiB."""

    def __init__(self) -> None:
        self._planes = np.empty((GROUPS, _MAX_WORDS), np.uint8)
        self._low, self._high, self._spare = np.empty((3, _MAX_WORDS), "<u2")
        self._spare_words = np.empty(_MAX_WORDS, "<u4")

    def ungroup(self, chunks: Sequence[Grouped]) -> list[memoryview]:
        """Return the bytes of chunks with at most :data:`_MAX_WORDS` words, incomplete ones included."""
        planes = [plane.data for plane in self._planes]
        spans: list[tuple[int, int]] = []
        at = 0
        for pieces, length in chunks:
            for plane, group in zip(planes, _groups(pieces, length), strict=True):
                plane[at : at + len(group)] = group
            spans.append((GROUPS * at, GROUPS * at + length))
            at += -(-length // GROUPS)
        joined = self._join(at).data.cast("B")
        return [joined[start:end] for start, end in spans]

    def _join(self, count: int) -> NDArray[np.uint32]:
        """Return the first words of the planes. Bytes that no chunk has written are in no result."""
        # Shifts over whole arrays are faster than four copies with a stride of 4, and operands of one type
        # faster than mixed ones, which NumPy converts in small steps.
        low, high, spare = self._low[:count], self._high[:count], self._spare[:count]
        for pairs, first, second in ((low, self._planes[0], self._planes[1]), (high, self._planes[2], self._planes[3])):
            np.copyto(pairs, second[:count])
            np.left_shift(pairs, 8, out=pairs)
            np.copyto(spare, first[:count])
            np.bitwise_or(pairs, spare, out=pairs)
        words, spare_words = high.astype("<u4"), self._spare_words[:count]
        np.left_shift(words, 16, out=words)
        np.copyto(spare_words, low)
        np.bitwise_or(words, spare_words, out=words)
        return words


def _groups(pieces: Sequence[Buffer], length: int) -> Sequence[Buffer]:
    whole, rest = divmod(length, GROUPS)
    lengths = [whole + (number < rest) for number in range(GROUPS)]
    if [len(piece) for piece in pieces] == lengths:
        return pieces
    view = memoryview(pieces[0] if len(pieces) == 1 else b"".join(pieces))
    groups, at = list[Buffer](), 0
    for size in lengths:
        groups.append(view[at : at + size])
        at += size
    return groups


_IDLE: Final = deque[_Workspace](maxlen=_SPARE)

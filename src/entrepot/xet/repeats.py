"""The hash of a file that repeats long runs of chunks, in time that depends on its distinct content.

A few megabytes can describe a file of one xorb repeated a hundred thousand
times, which has hundreds of millions of chunks. The nodes above a run of
children depend only on the run and on the few pending children before it, so
each combination is computed once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterable, Sequence
from typing import TYPE_CHECKING, TypeAlias

import attrs

from entrepot.errors import LimitExceeded
from entrepot.names import XetHash
from entrepot.xet.arrays import np
from entrepot.xet.hashes import HASH_BYTES, Buffer, fold, root_file_hash

if TYPE_CHECKING:
    from numpy.typing import NDArray

Run: TypeAlias = "tuple[Buffer, NDArray[np.int64]]"
"""Concatenated raw hashes, and the length of the content below each."""

_SMALL = 1 << 17
"""The number of nodes up to which a level is folded directly."""

_RUNS_A_STEP = 50

FEW_NODES = 1 << 22
"""The number of nodes that are joined in any case, which takes a few seconds."""


def repeated_file_hash(runs: Iterable[Run], most: int = FEW_NODES) -> Generator[None, None, XetHash]:
    """Return the id of the file whose chunks are these runs, one after the other; yields after each few of them.

    Raises:
        LimitExceeded: more than ``most`` nodes have to be joined, because many
            runs with different ends follow each other in many different ways.
    """
    left = most
    level = _Level()
    for number, (hashes, lengths) in enumerate(runs):
        level.append(bytes(hashes), lengths)
        if number % _RUNS_A_STEP == 0:
            yield
    level = level.with_rare_runs_joined()
    while level.count > _SMALL:
        level, left = yield from level.above(left)
    return root_file_hash(*level.joined())


@attrs.define
class _Level:
    """A level of the tree: distinct runs of nodes, and the order in which they occur."""

    runs: list[tuple[bytes, NDArray[np.int64]]] = attrs.field(factory=list)
    numbers: dict[tuple[bytes, bytes], int] = attrs.field(factory=dict)
    order: list[int] = attrs.field(factory=list)
    count: int = 0

    def append(self, hashes: bytes, lengths: NDArray[np.int64]) -> None:
        """Append a run."""
        self.order.append(self.number_of(hashes, lengths))
        self.count += len(lengths)

    def number_of(self, hashes: bytes, lengths: NDArray[np.int64]) -> int:
        """Return the number of a run; equal runs have the same number."""
        number = self.numbers.setdefault((hashes, lengths.tobytes()), len(self.runs))
        if number == len(self.runs):
            self.runs.append((hashes, lengths))
        return number

    def joined(self) -> tuple[bytes, NDArray[np.int64]]:
        """Return all nodes of the level as one run."""
        return _join([self.runs[number] for number in self.order])

    def with_rare_runs_joined(self) -> _Level:
        """Return the same level with adjacent runs that occur only once joined into one run."""
        often = Counter(self.order)
        found, waiting = _Level(), list[int]()
        for number in self.order:
            if often[number] == 1:
                waiting.append(number)
                continue
            if waiting:
                found.append(*_join([self.runs[rare] for rare in waiting]))
                waiting = []
            found.append(*self.runs[number])
        if waiting:
            found.append(*_join([self.runs[rare] for rare in waiting]))
        return found

    def above(self, most: int) -> Generator[None, None, tuple[_Level, int]]:
        """Return the level above, and how many of ``most`` nodes were not joined for it."""
        found = _Level()
        left = most
        known: dict[tuple[bytes, bytes, int], tuple[int, bytes, NDArray[np.int64]]] = {}
        hashes, lengths = b"", np.zeros(0, np.int64)
        for place, number in enumerate(self.order):
            if place % _RUNS_A_STEP == 0:
                yield
            key = hashes, lengths.tobytes(), number
            if key not in known:
                run_hashes, run_lengths = self.runs[number]
                left -= len(lengths) + len(run_lengths)
                if left < 0:
                    raise LimitExceeded(
                        "the number of nodes above the repeated chunks of a file", most, "split the file"
                    )
                all_hashes, all_lengths = hashes + run_hashes, np.concatenate((lengths, run_lengths))
                closed, nodes, sums = fold(all_hashes, all_lengths, complete=False)
                made = found.number_of(nodes, sums)
                known[key] = made, all_hashes[HASH_BYTES * closed :], all_lengths[closed:]
            made, hashes, lengths = known[key]
            if len(found.runs[made][1]):
                found.order.append(made)
                found.count += len(found.runs[made][1])
        if len(lengths):
            _, nodes, sums = fold(hashes, lengths, complete=True)
            found.append(nodes, sums)
        return found, left


def _join(runs: Sequence[tuple[bytes, NDArray[np.int64]]]) -> tuple[bytes, NDArray[np.int64]]:
    return b"".join(hashes for hashes, _ in runs), np.concatenate([lengths for _, lengths in runs])

"""How much work code does: counted, because a count is the same on every machine, and how long something took is not.

Where the work is done by C, which no count sees, inputs are chosen with which an implementation that is too slow takes
hours, and which the code reads in less than a second; :func:`ends_within_processor_seconds` tells the two apart on
any machine.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, Final

MOST_PROCESSOR_S: Final = 60.0
"""Processor time within which code ends that takes less than a second on an idle machine."""


@contextlib.contextmanager
def ends_within_processor_seconds(seconds: float = MOST_PROCESSOR_S) -> Iterator[None]:
    """Check that the block takes no more processor time than this, by all threads of the process.

    Use it only where a faulty implementation takes ten minutes or more: pytest ends such a test after five.

    Args:
        seconds: at least :data:`MOST_PROCESSOR_S`, so that no slow machine fails.
    """
    assert seconds >= MOST_PROCESSOR_S
    began = time.process_time()
    yield
    assert time.process_time() - began < seconds


def count_lines(work: Callable[[], object], most: int = sys.maxsize) -> int:
    """Return how many lines of Python this thread executes while it does some work; each resumed generator is one more.

    Args:
        most: work that executes more lines fails there, instead of taking hours.
    """
    counter = _LineCounter(most)
    counter.count(work)
    assert counter.lines <= most
    return counter.lines


def count_lines_of_steps(steps: Iterator[object], error: type[Exception] = StopIteration) -> list[int]:
    """Return how many lines each step of an iterator executes, with those after the last one.

    Args:
        error: what may end it too.
    """
    found = list[int]()
    is_ended = False
    while not is_ended:
        counter = _LineCounter(sys.maxsize)
        try:
            counter.count(lambda: next(steps))
        except (StopIteration, error):
            is_ended = True
        found.append(counter.lines)
    return found


def seconds_taken(work: Callable[[], object]) -> float:
    """Return how long some work takes here and now, in seconds: to choose moments within it, never to judge it."""
    began = time.monotonic()
    work()
    return time.monotonic() - began


class _LineCounter:
    def __init__(self, most: int) -> None:
        self.lines = 0
        self._most = most

    def count(self, work: Callable[[], object]) -> object:
        before = sys.gettrace()
        sys.settrace(self._trace)
        try:
            return work()
        finally:
            sys.settrace(before)

    def _trace(self, _frame: FrameType, event: str, _value: Any) -> Any:
        if event in ("call", "line"):
            self.lines += 1
            assert self.lines <= self._most, f"more than {self._most:,} lines were executed"
        return self._trace

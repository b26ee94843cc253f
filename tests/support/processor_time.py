"""A limit of processor time, for tests of work that must not grow without bound."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

LIMIT_S = 30
"""What an unbounded form of the work exceeds by far, and a bounded form does not reach on the slowest machine."""


@contextlib.contextmanager
def ending_soon(*, in_children: bool = False) -> Iterator[None]:
    """Fail if the block takes half a minute of processor time.

    This tells work that ends from work that takes minutes or years, not a fast machine from a slow one: use it where
    the bounded form takes at most a second or so. How fast something is, is measured in ``benchmarks/``.

    Args:
        in_children: Count the time of child processes that ended meanwhile instead of the time of this process.
    """
    before = _children_s() if in_children else time.process_time()
    yield
    spent = (_children_s() if in_children else time.process_time()) - before
    assert spent < LIMIT_S, f"took {spent:.0f} s of processor time; the limit of {LIMIT_S} s ends what is unbounded"


def lines_run(action: Callable[[], object]) -> int:
    """Return how many lines of Python code ``action`` runs, which is the same on every machine."""
    count = 0

    def trace(_frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    former = sys.gettrace()
    sys.settrace(trace)
    try:
        action()
    finally:
        sys.settrace(former)
    return count


def _children_s() -> float:
    times = os.times()
    return times.children_user + times.children_system

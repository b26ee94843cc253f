"""The limit of the processor time of a preview, wherever it is made: pages, the API and jobs.

Bytes alone bound no time: three megabytes of a pickle are three million operations. So every reader of this package
passes what it loops over through :func:`timed`. Calls of C within an iteration are bounded by bytes.
"""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from typing import TypeVar

from entrepot.errors import Malformed

MAX_CPU_S = 0.5
"""Seconds of processor time that a preview takes at most: ten times those of the largest files of known models."""

_ITEMS_PER_LOOK = 64

T = TypeVar("T")


_END_S: ContextVar[float | None] = ContextVar("_END_S", default=None)
"""The processor time of this thread at which the preview ends that it makes; None: it makes none."""


@contextlib.contextmanager
def time_limit(cpu_s: float | None = None) -> Iterator[None]:
    """Bound the processor time of what this thread reads within the block; of nested blocks, the first to end counts.

    Processes that read one file and can be killed have limits of their own, and need none.

    Args:
        cpu_s: seconds of processor time; None: :data:`MAX_CPU_S`.
    """
    before = _END_S.get()
    end_s = time.thread_time() + (MAX_CPU_S if cpu_s is None else cpu_s)
    _END_S.set(end_s if before is None else min(before, end_s))
    try:
        yield
    finally:
        _END_S.set(before)


def is_out_of_time() -> bool:
    """Return whether the time of the preview that this thread makes is spent."""
    end_s = _END_S.get()
    return end_s is not None and time.thread_time() >= end_s


def timed(items: Iterable[T], kind: str) -> Iterator[T]:
    """Yield items until the time of the preview is spent; looks at the clock for the first and for every 64th one.

    Args:
        kind: the format, for the message.

    Raises:
        Malformed: the time is spent.
    """
    for number, item in enumerate(items):
        if number % _ITEMS_PER_LOOK == 0 and is_out_of_time():
            raise Malformed(kind, "reading it takes too much time")
        yield item


def within_time(items: Iterable[T]) -> Iterator[T]:
    """Yield items; end early when the time of the preview is spent, which :func:`is_out_of_time` then says."""
    return itertools.takewhile(lambda _: not is_out_of_time(), items)

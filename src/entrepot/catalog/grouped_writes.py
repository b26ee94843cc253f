"""Concurrent writes of one kind, done together: many small uploads share a transaction instead of queueing for one."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

import attrs

from entrepot.errors import Busy, EntrepotError

Item = TypeVar("Item")
Result = TypeVar("Result")

MAX_ITEMS: Final = 64
"""Items in one group."""


@attrs.define(eq=False)
class _Waiting:
    """One thread's item, and later its result."""

    item: Any
    woken: threading.Event = attrs.field(factory=threading.Event)
    is_done: bool = False
    outcome: Any = None


@attrs.define(eq=False)
class _Queue:
    """The items that wait for the next group."""

    waiting: deque[_Waiting] = attrs.field(factory=deque)
    is_running: bool = False


class GroupedWrites:
    """Runs calls of the same kind in groups. Thread-safe.

    A call runs immediately if no other one of its kind is running. While one runs, others
    wait, and the first of them then takes all that wait with it. Nothing waits for a clock.
    """

    def __init__(self) -> None:
        """Create an empty queue."""
        self._guard = threading.Lock()
        self._queues: dict[str, _Queue] = {}

    def run(self, kind: str, write: Callable[[Sequence[Item]], Sequence[Result | Exception]], item: Item) -> Result:
        """Write an item, perhaps together with those of other threads, and return its result.

        Args:
            kind: items of one kind may be written together, by the same function.
            write: writes 1 to :data:`MAX_ITEMS` items, and returns for each one, in order, its result, or the
                error with which it alone was left out. It must return errors before it has written
                anything for their items. If it raises, it has written nothing.

        Raises:
            The error of this item, or the one that ``write`` raised. Of an unexpected one, only the thread that
                called ``write`` hears.
            Busy: an unexpected error has stopped the group; nothing was written, try again.
        """
        mine = _Waiting(item)
        with self._guard:
            queue = self._queues.setdefault(kind, _Queue())
            queue.waiting.append(mine)
            leads, queue.is_running = not queue.is_running, True
        if not leads:
            mine.woken.wait()
        if not mine.is_done:
            self._lead(queue, write)
        if isinstance(mine.outcome, Exception):
            raise mine.outcome
        result: Result = mine.outcome
        return result

    def _lead(self, queue: _Queue, write: Callable[[Sequence[Any]], Sequence[Any]]) -> None:
        """Write the items that wait now, hand the queue over to the next thread, and wake the others."""
        with self._guard:
            group = [queue.waiting.popleft() for _ in range(min(len(queue.waiting), MAX_ITEMS))]
        # Stays if this thread meets an unexpected error: any of the items may be the reason for it.
        outcomes: Sequence[Any] = [Busy("the database")] * len(group)
        try:
            outcomes = write([it.item for it in group])
        except EntrepotError as error:
            outcomes = [error] * len(group)
        finally:
            with self._guard:
                if queue.waiting:
                    queue.waiting[0].woken.set()
                else:
                    queue.is_running = False
            for it, outcome in zip(group, outcomes, strict=True):
                it.outcome, it.is_done = outcome, True
                it.woken.set()

"""How long a request may wait for its client: to accept a piece of the response, or to send one of the body."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import attrs


class WaitLimit:
    """Ends waits that last too long; all waits of a request share one timer.

    ``asyncio.timeout`` sets a timer for each wait, which took a tenth of the time of the event loop during transfers.

    Guarantees: as ``asyncio.timeout``, it raises TimeoutError in the task that waits, and passes on a cancellation
    by others. Close it when the request has ended.
    """

    def __init__(self) -> None:
        self._waits: dict[asyncio.Task[Any], _Wait] = {}
        self._timer: asyncio.TimerHandle | None = None

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Limit the time that the block may wait.

        Raises:
            TimeoutError: it is up, or :meth:`end_now` was called.
        """
        task = asyncio.current_task()
        assert task is not None
        wait = self._waits[task] = _Wait(task.get_loop().time() + seconds, task.cancelling())
        self._await(task.get_loop(), wait.until)
        try:
            yield
        except asyncio.CancelledError:
            if wait.is_over and task.uncancel() <= wait.cancelling:
                raise TimeoutError from None
            raise
        else:
            if wait.is_over:
                task.uncancel()
        finally:
            del self._waits[task]

    def end_now(self) -> bool:
        """End all waits; return False if there is none that has not ended already."""
        waits = [(task, wait) for task, wait in self._waits.items() if not wait.is_over]
        for task, wait in waits:
            wait.end(task)
        return bool(waits)

    def close(self) -> None:
        """Stop the timer; idempotent."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _await(self, loop: asyncio.AbstractEventLoop, until: float) -> None:
        """Look when this time has come, or before: a timer that is set already stays if it is early enough."""
        if self._timer is not None:
            if self._timer.when() <= until:
                return
            self._timer.cancel()
        self._timer = loop.call_at(until, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """End the waits whose time is up, and look again when that of the next one is."""
        self._timer, now = None, loop.time()
        for task, wait in self._waits.items():
            if wait.until <= now and not wait.is_over:
                wait.end(task)
        left = [wait.until for wait in self._waits.values() if not wait.is_over]
        if left:
            self._await(loop, min(left))


@attrs.define(eq=False)
class _Wait:
    """Until when a task may wait, how often others had cancelled it before, and whether its wait was ended."""

    until: float
    cancelling: int
    is_over: bool = False

    def end(self, task: asyncio.Task[Any]) -> None:
        self.is_over = True
        task.cancel()

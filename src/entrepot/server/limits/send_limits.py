"""How long a client may take to accept a piece of a response."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any

import attrs


class SendLimit:
    """Ends waits for a client that last too long; a context manager around each wait of a response.

    All waits share one timer. ``asyncio.timeout`` sets one for each, which took a tenth of the time of the event loop
    during downloads.

    Args:
        seconds: the longest wait.

    Guarantees: as ``asyncio.timeout``, it raises TimeoutError in the task that waits, and passes on a cancellation
    by others. Close it when the response has ended.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._waits: dict[asyncio.Task[Any], _Wait] = {}
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        loop = task.get_loop()
        self._waits[task] = _Wait(loop.time() + self._seconds, task.cancelling())
        if self._timer is None:
            self._timer = loop.call_later(self._seconds, self._look, loop)

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        task = asyncio.current_task()
        assert task is not None
        wait = self._waits.pop(task)
        if wait.is_over and task.uncancel() <= wait.cancelling and kind is asyncio.CancelledError:
            raise TimeoutError

    def close(self) -> None:
        """Stop the timer; idempotent."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """End the waits whose time is up, and look again when that of the next one is."""
        now = loop.time()
        for task, wait in self._waits.items():
            if wait.until <= now and not wait.is_over:
                wait.is_over = True
                task.cancel()
        left = [wait.until for wait in self._waits.values() if not wait.is_over]
        self._timer = loop.call_at(min(left), self._look, loop) if left else None


@attrs.define(eq=False)
class _Wait:
    """Until when a task may wait, how often others had cancelled it before, and whether its time was up."""

    until: float
    cancelling: int
    is_over: bool = False

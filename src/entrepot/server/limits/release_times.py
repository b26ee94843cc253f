"""Release times: answers that leave a fixed time after their requests arrived, however long the work took.

Looking up a thing that the caller may not see can take some microseconds longer than looking up one that does not
exist, and thousands of requests reveal the difference. An answer that always leaves at the same time reveals nothing.

Timers of event loops do not suffice: they wait whole milliseconds from the moment when the work has ended, so the
fraction of a millisecond that it took remains visible. The release times are those of a thread, which sleeps until
the exact time; it exists only while answers wait.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
import math
import threading
import time

_IDLE_S = 10.0
"""Seconds without waiting answers after which the thread ends."""

_Waiting = tuple[float, int, asyncio.AbstractEventLoop, asyncio.Future[None]]


class ReleaseTimes:
    """Lets answers wait until a whole number of periods has passed since their requests arrived.

    Guarantees: the time of a release depends on nothing that happened within the period before it. An answer that
    waits costs no thread of its own and no processor time.
    """

    def __init__(self, period_s: float) -> None:
        """Release after multiples of ``period_s``, which should be much longer than the work usually takes."""
        self._period_s = period_s
        self._changed = threading.Condition()
        self._waiting: list[_Waiting] = []
        self._numbers = itertools.count()
        self._is_running = False

    @staticmethod
    def now() -> float:
        """Return the time at which a request arrives, for :meth:`wait`."""
        return time.monotonic()

    async def wait(self, arrived_s: float) -> None:
        """Return at the next whole number of periods after ``arrived_s``."""
        loop = asyncio.get_running_loop()
        released: asyncio.Future[None] = loop.create_future()
        periods = math.floor((time.monotonic() - arrived_s) / self._period_s) + 1
        waiting = (arrived_s + periods * self._period_s, next(self._numbers), loop, released)
        with self._changed:
            heapq.heappush(self._waiting, waiting)
            if not self._is_running:
                self._is_running = True
                threading.Thread(target=self._run, name="release-times", daemon=True).start()
            elif self._waiting[0] is waiting:
                self._changed.notify()
        await released

    def _run(self) -> None:
        while True:
            with self._changed:
                if not self._waiting and not self._changed.wait(_IDLE_S) and not self._waiting:
                    self._is_running = False
                    return
                left_s = self._waiting[0][0] - time.monotonic() if self._waiting else 0.0
                if left_s > 0:
                    self._changed.wait(left_s)
                due = self._take_due()
            for _, _, loop, released in due:
                with contextlib.suppress(RuntimeError):  # the loop is closed: nothing waits
                    loop.call_soon_threadsafe(_release, released)

    def _take_due(self) -> list[_Waiting]:
        due: list[_Waiting] = []
        now_s = time.monotonic()
        while self._waiting and self._waiting[0][0] <= now_s:
            due.append(heapq.heappop(self._waiting))
        return due


def _release(released: asyncio.Future[None]) -> None:
    if not released.done():
        released.set_result(None)

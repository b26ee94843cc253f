"""A bounded number of slots, shared fairly between callers."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter, deque
from collections.abc import AsyncIterator


class FairSlots:
    """Slots that callers wait for in turns: one caller's long queue never stands in front of another's first request.

    Belongs to one event loop. Guarantees: callers that wait are served round
    robin, requests of one caller in their order; a cancelled request gives up
    its place or its slot.
    """

    def __init__(self, slots: int, *, per_caller: int | None = None) -> None:
        """Prepare the slots.

        Args:
            slots: how many requests hold one at the same time.
            per_caller: how many of them may be one caller's; None sets no limit.
        """
        self._free = slots
        self._most = slots if per_caller is None else per_caller
        self._held: Counter[str] = Counter()
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    @contextlib.asynccontextmanager
    async def hold(self, caller: str) -> AsyncIterator[None]:
        """Hold a slot on behalf of a caller, as soon as one is free and it is the caller's turn."""
        if self._free and not self._waiting and self._held[caller] < self._most:
            self._free -= 1
            self._held[caller] += 1
        else:
            await self._wait(caller)
        try:
            yield
        finally:
            self._release(caller)

    async def _wait(self, caller: str) -> None:
        """Wait until a slot is held."""
        place = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(caller, deque()).append(place)
        self._grant()
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self._release(caller)
            raise

    def _release(self, caller: str) -> None:
        self._free += 1
        self._held[caller] -= 1
        if not self._held[caller]:
            del self._held[caller]
        self._grant()

    def _grant(self) -> None:
        while self._free:
            caller = next((name for name in self._waiting if self._held[name] < self._most), None)
            if caller is None:
                return
            queue = self._waiting.pop(caller)
            place = queue.popleft()
            if queue:
                self._waiting[caller] = queue  # behind all others
            if not place.done():
                self._free -= 1
                self._held[caller] += 1
                place.set_result(None)

"""A bounded number of slots for CPU-heavy work, shared fairly between callers."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

from entrepot.errors import ClientGone
from entrepot.server.threads import settle


class FairSlots:
    """Slots assigned to callers in rotation: one caller's long queue never delays another's first request.

    Belongs to one event loop. Guarantees: waiting callers are served round
    robin, requests of one caller in order; a cancelled request gives up its
    place or its slot.
    """

    def __init__(self, slots: int, *, per_caller: int | None = None) -> None:
        """Prepare the slots.

        Args:
            slots: total number of slots.
            per_caller: maximum number of slots of one caller; None means no limit.
        """
        self._free = slots
        self._most = slots if per_caller is None else per_caller
        self._held: Counter[str] = Counter()
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    @contextlib.asynccontextmanager
    async def hold(
        self, caller: str, *, until_gone: Callable[[], Coroutine[Any, Any, None]] | None = None
    ) -> AsyncIterator[None]:
        """Wait for a slot in the caller's turn, and hold it inside the ``async with`` block.

        Args:
            until_gone: returns when the client has left, which gives up its place; called only if it has to wait.

        Raises:
            ClientGone: the client has left before its turn.
        """
        place = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(caller, deque()).append(place)
        self._grant()
        leaving = None if until_gone is None or place.done() else asyncio.create_task(until_gone())
        try:
            await _turn_of(place, leaving)
            yield
        finally:
            if place.done() and not place.cancelled():
                self._release(caller)

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
                self._waiting[caller] = queue  # to the end of the rotation
            if not place.done():
                self._free -= 1
                self._held[caller] += 1
                place.set_result(None)


async def _turn_of(place: asyncio.Future[None], leaving: asyncio.Task[None] | None) -> None:
    """Wait until a place has its turn; ``leaving``, which has ended afterwards, gives it up.

    Raises:
        ClientGone: it has.
    """
    if leaving is not None:
        leaving.add_done_callback(lambda _ended: place.cancel())  # which does nothing after its turn has come
    try:
        await place
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if leaving is not None and leaving.done() and task is not None and not task.cancelling():
            raise ClientGone from None
        raise
    finally:
        if leaving is not None:
            leaving.cancel()
            await settle(leaving)

"""Collects the calls of one kind that arrive while an earlier one runs, and runs them together in one thread.

A thread for each request would take the interpreter's lock from the others several times. Requests that need
little work, most of which they can share, are therefore collected on the event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, Generic, TypeVar

from entrepot.errors import Busy, EntrepotError
from entrepot.server.threads import Threads

Item = TypeVar("Item")

_PATIENCE_S: Final = 0.005
"""Maximum time that a batch waits to become as large as the last one."""


class BatchedCalls(Generic[Item]):
    """Gathers items on one event loop and works on them in batches, one after the other.

    Clients that send one thing after the other over several connections send the next ones at about the
    same time. A batch therefore waits a few milliseconds until it is as large as the last one was, together
    with what arrived meanwhile; a client with one connection never waits.
    """

    def __init__(
        self, threads: Threads, work: Callable[[Sequence[Item]], Sequence[Exception | None]], *, most: int
    ) -> None:
        """Prepare.

        Args:
            work: called in a transfer thread, never concurrently, with 1 to ``most`` items; returns for each one its
                error, or None. If it raises, all items have failed.
        """
        self._threads, self._work, self._most = threads, work, most
        self._waiting: deque[tuple[Item, asyncio.Future[None]]] = deque()
        self._running: asyncio.Task[None] | None = None
        self._expected = 1
        self._enough = asyncio.Event()

    async def run(self, item: Item) -> None:
        """Work on an item, perhaps together with others; if this is cancelled, the item may be worked on.

        Raises:
            The error of this item, or the one that ``work`` raised for the batch. If that is not an
            EntrepotError, only the caller of the first item gets it.
            Busy: an unexpected error has stopped the batch; try again.
        """
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((item, done))
        if len(self._waiting) >= self._expected:
            self._enough.set()
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        await done

    async def _run(self) -> None:
        batch: list[tuple[Item, asyncio.Future[None]]] = []
        try:
            while self._waiting:
                await self._gather()
                batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._most))]
                outcomes = await self._outcomes([item for item, _ in batch])
                self._expected = min(self._most, len(batch) + len(self._waiting))
                for (_, done), outcome in zip(batch, outcomes, strict=True):
                    _resolve(done, outcome)
        finally:
            self._running = None
            for _, done in (*batch, *self._waiting):
                _resolve(done, Busy("the server"))  # only if this task was cancelled
            self._waiting.clear()

    async def _gather(self) -> None:
        if len(self._waiting) >= self._expected:
            return
        self._enough.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE_S):
                await self._enough.wait()

    async def _outcomes(self, items: Sequence[Item]) -> Sequence[BaseException | None]:
        call = asyncio.ensure_future(self._threads.run_transfer(self._work, items))
        await asyncio.wait((call,))
        error = call.exception()
        if error is None:
            return call.result()
        # Only the request that began the batch gets an unexpected error, so it is logged once.
        others = error if isinstance(error, EntrepotError) else Busy("the server")
        return [error, *([others] * (len(items) - 1))]


def _resolve(done: asyncio.Future[None], outcome: BaseException | None) -> None:
    if done.done():
        return  # its request was cancelled
    if outcome is None:
        done.set_result(None)
    else:
        done.set_exception(outcome)

"""Blocking work off the event loop: short calls and transfers on separate threads.

A transfer (hashing and writing a megabyte) takes milliseconds, a short call
(one query) microseconds; with one pool, a few uploads would delay every small
request. The pools are plain executors: a call costs 17 µs of CPU under load
where anyio's costs 59, and their queues are fair.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar, TypeVarTuple, Unpack

Result = TypeVar("Result")
Args = TypeVarTuple("Args")


class Threads:
    """The two thread pools of one application.

    Guarantees: a call has ended when its ``await`` ends, even if the awaiting
    task is cancelled (a call that is still queued is then never started), so the
    awaiting code may release resources of the call.
    """

    def __init__(self, *, short: int = 16, transfers: int = 16) -> None:
        """Prepare the pools; threads start on demand.

        Args:
            short: threads for short calls.
            transfers: threads for pieces of bodies.
        """
        self._short = ThreadPoolExecutor(short, thread_name_prefix="short")
        self._transfers = ThreadPoolExecutor(transfers, thread_name_prefix="transfer")

    async def run_short(self, call: Callable[[Unpack[Args]], Result], *args: *Args) -> Result:
        """Run one use case or query in a thread and return its result or raise its error."""
        return await _finish(self._short.submit(call, *args))

    async def run_transfer(self, call: Callable[[Unpack[Args]], Result], *args: *Args) -> Result:
        """Run the blocking part of a transfer (one piece) in a thread and return its result or raise its error."""
        return await _finish(self._transfers.submit(call, *args))

    def close(self) -> None:
        """Wait for running calls and end the threads; later calls raise RuntimeError."""
        self._short.shutdown(wait=True, cancel_futures=True)
        self._transfers.shutdown(wait=True, cancel_futures=True)


async def settle(task: asyncio.Future[Any] | None) -> None:
    """Wait until a task has ended; its result or error is discarded.

    Guarantees: the task has ended when this ends. If the waiting task is
    cancelled meanwhile, CancelledError is raised afterwards, not instead.
    """
    if task is None:
        return
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait((task,))
        except asyncio.CancelledError as error:
            cancelled = error
    if not task.cancelled():
        task.exception()  # marks the exception as retrieved
    if cancelled is not None:
        raise cancelled


async def _finish(call: Future[Result]) -> Result:
    waiting = asyncio.wrap_future(call)
    try:
        return await asyncio.shield(waiting)
    except asyncio.CancelledError:
        call.cancel()  # only a queued call can be cancelled
        await settle(waiting)
        raise

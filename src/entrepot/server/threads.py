"""Blocking work off the event loop: short calls and transfers on separate threads.

A transfer (hashing and writing a megabyte) takes milliseconds, a short call
(one query) microseconds; with one pool, a few uploads would delay every small
request. The pools are plain executors: a call costs 17 µs of CPU under load
where anyio's costs 59. Calls wait in one queue for each address, and the
queues are served in rotation: a thousand requests of one address delay another
by one call. A transfer may take minutes, so one address never holds all threads
for them: another finds one free.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, MutableMapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Generic, TypeVar, TypeVarTuple, Unpack

Result = TypeVar("Result")
Args = TypeVarTuple("Args")

OWN_LINE = b""
"""The line of what the server does for itself, or for several clients together."""


class Threads:
    """The thread pools of one application.

    Guarantees: a call has ended when its ``await`` ends, even if the awaiting
    task is cancelled (a call that is still queued is then never started), so the
    awaiting code may release resources of the call.
    """

    def __init__(self, *, short: int = 16, transfers: int = 16) -> None:
        """Prepare the pools; threads start on demand.

        Args:
            short: threads for short calls.
            transfers: threads for pieces of bodies and for long work; one line has at most three quarters of them.
        """
        self._short = _FairQueue(ThreadPoolExecutor(short, thread_name_prefix="short"))
        most = max(transfers - -(-transfers // 4), 1)
        self._transfers = _BoundedQueue(ThreadPoolExecutor(transfers, thread_name_prefix="transfer"), most=most)
        self._checks = ThreadPoolExecutor(1, thread_name_prefix="check")

    async def run_short(self, call: Callable[[Unpack[Args]], Result], *args: *Args, line: bytes = OWN_LINE) -> Result:
        """Run one use case or query in a thread and return its result or raise its error.

        Args:
            line: the queue of the call; queues are served in rotation. From :func:`line_of` for a request.
        """
        return await _finish(self._short.submit(line, call, *args))

    async def run_transfer(
        self, call: Callable[[Unpack[Args]], Result], *args: *Args, line: bytes = OWN_LINE
    ) -> Result:
        """Run long work, or the blocking part of a transfer, in a thread and return its result or raise its error.

        The call must not wait for another one of its line: there may be no thread left for that.

        Args:
            line: as for :meth:`run_short`.
        """
        return await _finish(self._transfers.submit(line, call, *args))

    async def run_check(self, call: Callable[[], Result]) -> Result:
        """Run a call that says whether this server works, in a thread for such calls: the others may all be waiting."""
        return await _finish(self._checks.submit(call))

    def begin_transfer(
        self, call: Callable[[Unpack[Args]], Result], *args: *Args, line: bytes = OWN_LINE
    ) -> BegunCall[Result]:
        """Begin the blocking part of a transfer, whose result is awaited later; it must be ended or abandoned."""
        return BegunCall(self._transfers.submit(line, call, *args))

    def close(self) -> None:
        """Wait for running calls and end the threads; later calls raise RuntimeError."""
        self._short.close()
        self._checks.shutdown(wait=True, cancel_futures=True)
        self._transfers.close()


class BegunCall(Generic[Result]):
    """A call that runs in a thread. A call that has ended when it is awaited does not wake the event loop."""

    def __init__(self, call: Future[Result]) -> None:
        self._call = call

    async def result(self) -> Result:
        """Return the result of the call or raise its error; the call has ended then, even if this is cancelled."""
        return await _finish(self._call)

    async def abandon(self) -> None:
        """Wait until the call has ended; its result or error is discarded. A call that is still queued never starts."""
        if not self._call.cancel():
            await settle(asyncio.wrap_future(self._call))


class _FairQueue:
    """Queues in front of an executor, one for each client, served in rotation."""

    def __init__(self, executor: ThreadPoolExecutor) -> None:
        self._executor = executor
        self._lock = threading.Lock()
        self._lines: OrderedDict[bytes, deque[tuple[Future[Any], Callable[[], Any]]]] = OrderedDict()

    def submit(self, line: bytes, call: Callable[[Unpack[Args]], Result], *args: *Args) -> Future[Result]:
        """Queue a call behind those of its line."""
        future: Future[Result] = Future()
        with self._lock:
            self._lines.setdefault(line, deque()).append((future, lambda: call(*args)))
        self._executor.submit(self._run_next)  # once for each call
        return future

    def close(self) -> None:
        """Wait for running calls; those still queued are cancelled."""
        self._executor.shutdown(wait=True, cancel_futures=True)
        with self._lock:
            left = [future for line in self._lines.values() for future, _ in line]
            self._lines.clear()
        for future in left:
            future.cancel()

    def _run_next(self) -> None:
        with self._lock:
            future, call = self._pop(next(iter(self._lines)))
        _run(future, call)

    def _pop(self, name: bytes) -> tuple[Future[Any], Callable[[], Any]]:
        """Return the first call of a line, which goes behind all others."""
        line = self._lines.pop(name)
        first = line.popleft()
        if line:
            self._lines[name] = line
        return first


class _BoundedQueue(_FairQueue):
    """Queues as :class:`_FairQueue`, of each of which at most ``most`` calls run at the same time."""

    def __init__(self, executor: ThreadPoolExecutor, *, most: int) -> None:
        super().__init__(executor)
        self._most = most
        self._running: dict[bytes, int] = {}
        self._put_off = 0  # turns that found only lines with ``most`` running calls, and wait for one to end

    def _run_next(self) -> None:
        """Run one call, then those whose turns were put off meanwhile."""
        is_due = True
        while is_due:
            with self._lock:
                name = self._next_line()
                if name is None:
                    self._put_off += 1
                    return
                future, call = self._pop(name)
                self._running[name] = self._running.get(name, 0) + 1
            _run(future, call)
            with self._lock:
                if self._running[name] > 1:
                    self._running[name] -= 1
                else:
                    del self._running[name]
                is_due = self._put_off > 0
                self._put_off -= is_due

    def _next_line(self) -> bytes | None:
        """Return the first line with fewer than ``most`` running calls; at most a few others are before it."""
        for name in self._lines:
            if self._running.get(name, 0) < self._most:
                return name
        return None


def _run(future: Future[Any], call: Callable[[], Any]) -> None:
    """Run a call unless it was cancelled."""
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = call()
    except BaseException as error:  # noqa: BLE001 - carried to the one who waits
        future.set_exception(error)
    else:
        future.set_result(result)


def line_of(scope: MutableMapping[str, Any]) -> bytes:
    """Return the line in which the calls of a request wait: that of its client's address."""
    line: bytes = scope.get("state", {}).get("network", OWN_LINE)
    return line


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
    if call.done() and not call.cancelled():
        return call.result()
    # A plain future and one callback: asyncio.wrap_future and shield together take three of each.
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()

    def wake(_call: Future[Result]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nothing waits
            loop.call_soon_threadsafe(_end, ended)

    call.add_done_callback(wake)
    try:
        await ended
    except asyncio.CancelledError:
        call.cancel()  # only a queued call can be cancelled
        await settle(asyncio.wrap_future(call))
        raise
    if call.cancelled():  # by close(); the error of that has another type in threads
        raise asyncio.CancelledError
    return call.result()


def _end(ended: asyncio.Future[None]) -> None:
    if not ended.done():
        ended.set_result(None)

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Sequence

import pytest

from entrepot.errors import Busy, QuotaExceeded
from entrepot.server.dispatch.batched_calls import BatchedCalls
from entrepot.server.threads import Threads


class Work:
    """Notes its batches; waits in the first one until it may go on."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.began = threading.Event()
        self.may_end = threading.Event()

    def __call__(self, items: Sequence[int]) -> list[Exception | None]:
        self.batches.append(list(items))
        self.began.set()
        assert self.may_end.wait(60)
        return [QuotaExceeded("n", "too much") if item < 0 else None for item in items]


def run(main: Coroutine[object, object, None]) -> None:
    asyncio.run(asyncio.wait_for(main, 60))


async def begun(calls: BatchedCalls[int], work: Work, item: int) -> asyncio.Task[None]:
    """Return the task of an item that the work has begun with."""
    task = asyncio.create_task(calls.run(item))
    await asyncio.to_thread(work.began.wait, 60)
    return task


def test_what_arrives_while_a_batch_runs_is_the_next_batch() -> None:
    async def main() -> None:
        work, threads = Work(), Threads()
        calls = BatchedCalls(threads, work, most=3)
        first = await begun(calls, work, 0)
        others = [asyncio.create_task(calls.run(item)) for item in (1, 2, 3, 4)]
        await asyncio.sleep(0)
        work.may_end.set()
        await asyncio.gather(first, *others)
        assert work.batches == [[0], [1, 2, 3], [4]]
        threads.close()

    run(main())


def test_each_item_gets_its_own_error() -> None:
    async def main() -> None:
        work, threads = Work(), Threads()
        calls = BatchedCalls(threads, work, most=8)
        first = await begun(calls, work, 0)
        others = [asyncio.create_task(calls.run(item)) for item in (1, -2, 3)]
        await asyncio.sleep(0)
        work.may_end.set()
        found = await asyncio.gather(first, *others, return_exceptions=True)
        assert [type(outcome) for outcome in found] == [type(None), type(None), QuotaExceeded, type(None)]
        threads.close()

    run(main())


@pytest.mark.parametrize(
    ("error", "seen"), [(Busy("it"), [Busy, Busy]), (ZeroDivisionError(), [ZeroDivisionError, Busy])]
)
def test_an_error_of_the_work_reaches_all_and_the_next_batch_runs(
    error: Exception, seen: list[type[Exception]]
) -> None:
    async def main() -> None:
        threads = Threads()
        failures = [error]

        def work(items: Sequence[int]) -> list[Exception | None]:
            if failures:
                raise failures.pop()
            return [None] * len(items)

        calls = BatchedCalls(threads, work, most=8)
        calls._expected = 2
        found = await asyncio.gather(calls.run(1), calls.run(2), return_exceptions=True)
        assert [type(outcome) for outcome in found] == seen
        await calls.run(3)
        threads.close()

    run(main())


def test_a_cancelled_request_leaves_the_others_of_its_batch_alone() -> None:
    async def main() -> None:
        work, threads = Work(), Threads()
        calls = BatchedCalls(threads, work, most=8)
        first = await begun(calls, work, 0)
        others = [asyncio.create_task(calls.run(item)) for item in (1, 2)]
        await asyncio.sleep(0)
        first.cancel()
        others[0].cancel()
        await asyncio.sleep(0)
        work.may_end.set()
        await others[1]
        assert (first.cancelled(), others[0].cancelled()) == (True, True)
        threads.close()

    run(main())


def test_a_lone_call_waits_for_no_others_that_do_not_come() -> None:
    async def main() -> None:
        work, threads = Work(), Threads()
        work.may_end.set()
        calls = BatchedCalls(threads, work, most=8)
        calls._expected = 5
        await calls.run(1)
        await calls.run(2)
        assert work.batches == [[1], [2]]
        threads.close()

    run(main())

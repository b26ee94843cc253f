from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from concurrent.futures import Future

import pytest

from entrepot.server.threads import Threads, _finish, line_of, settle


def test_short_calls_and_transfers_run_in_pools_of_their_own(threads: Threads) -> None:
    async def names() -> tuple[str, str]:
        def name() -> str:
            return threading.current_thread().name

        return await threads.run_short(name), await threads.run_transfer(name)

    short, transfer = asyncio.run(names())
    assert short.startswith("short")
    assert transfer.startswith("transfer")


def test_an_error_of_the_call_is_raised(threads: Threads) -> None:
    with pytest.raises(ZeroDivisionError):
        asyncio.run(threads.run_short(divmod, 1, 0))


def test_short_calls_go_on_while_all_transfer_threads_are_busy(threads: Threads) -> None:
    async def main() -> int:
        release = threading.Event()
        busy = [asyncio.create_task(threads.run_transfer(release.wait, 10)) for _ in range(5)]
        try:
            return await threads.run_short(max, 1, 2)
        finally:
            release.set()
            await asyncio.gather(*busy)

    assert asyncio.run(main()) == 2


def test_checks_go_on_while_all_other_threads_are_busy(threads: Threads) -> None:
    release = threading.Event()

    async def scenario() -> int:
        busy = [asyncio.create_task(threads.run_short(release.wait, 10)) for _ in range(50)]
        busy += [asyncio.create_task(threads.run_transfer(release.wait, 10)) for _ in range(50)]
        try:
            return await threads.run_check(lambda: 2)
        finally:
            release.set()
            await asyncio.gather(*busy)

    assert asyncio.run(scenario()) == 2


def test_a_begun_call_runs_while_nobody_awaits_it(threads: Threads) -> None:
    async def main() -> int:
        done = threading.Event()

        def work() -> int:
            done.set()
            return 7

        begun = threads.begin_transfer(work)
        assert done.wait(60)
        return await begun.result()

    assert asyncio.run(main()) == 7


def test_an_abandoned_call_has_ended_and_its_error_is_dropped(threads: Threads) -> None:
    steps: list[str] = []

    async def main() -> None:
        started, release = threading.Event(), threading.Event()

        def work() -> None:
            started.set()
            assert release.wait(60)
            steps.append("worked")
            raise ZeroDivisionError

        begun = threads.begin_transfer(work)
        assert started.wait(60)
        release.set()
        await begun.abandon()
        assert steps == ["worked"]

    asyncio.run(main())


def test_an_abandoned_call_that_is_still_queued_never_starts() -> None:
    threads, release = Threads(transfers=1), threading.Event()

    async def main() -> None:
        first = threads.begin_transfer(release.wait, 60)
        second = threads.begin_transfer(lambda: pytest.fail("it was abandoned"))
        await second.abandon()
        release.set()
        assert await first.result()

    asyncio.run(main())
    threads.close()


def test_a_cancelled_call_has_ended_when_its_await_has(threads: Threads) -> None:
    steps: list[str] = []

    async def main() -> None:
        started, release = threading.Event(), threading.Event()

        def work() -> None:
            started.set()
            assert release.wait(60)
            steps.append("worked")

        task = asyncio.create_task(threads.run_transfer(work))
        await threads.run_short(started.wait, 10)
        task.cancel()
        await asyncio.sleep(0)
        task.cancel()
        release.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        steps.append("awaited")

    asyncio.run(main())
    assert steps == ["worked", "awaited"]


def test_a_call_that_is_cancelled_in_the_queue_never_starts() -> None:
    pools = Threads(short=1, transfers=1)
    ran: list[str] = []

    async def main() -> None:
        release = threading.Event()
        first = asyncio.create_task(pools.run_short(release.wait, 10))
        queued = asyncio.create_task(pools.run_short(ran.append, "queued"))
        await asyncio.sleep(0)
        queued.cancel()
        with pytest.raises(asyncio.CancelledError):
            await queued
        release.set()
        assert await first

    asyncio.run(main())
    pools.close()
    assert ran == []


def test_settling_takes_the_outcome_away() -> None:
    async def main() -> bool:
        async def fail() -> None:
            raise ZeroDivisionError

        task = asyncio.create_task(fail())
        await settle(task)
        await settle(None)
        return task.done()

    assert asyncio.run(main())


def test_lines_of_short_calls_take_turns() -> None:
    done: list[str] = []

    async def main() -> None:
        threads = Threads(short=1, transfers=1)
        started, release = threading.Event(), threading.Event()

        def hold() -> None:
            started.set()
            release.wait(60)

        calls = [asyncio.create_task(threads.run_short(hold, line=b"loud"))]
        await asyncio.to_thread(started.wait, 60)
        for name, line in [("a1", b"loud"), ("a2", b"loud"), ("a3", b"loud"), ("b1", b"quiet"), ("b2", b"quiet")]:
            calls.append(asyncio.create_task(threads.run_short(done.append, name, line=line)))
            await asyncio.sleep(0)
        calls[3].cancel()  # a3, still queued
        await asyncio.sleep(0)
        release.set()
        await asyncio.gather(*calls, return_exceptions=True)
        threads.close()

    asyncio.run(main())
    assert done == ["a1", "b1", "a2", "b2"]


def test_one_line_never_holds_all_threads_of_transfers() -> None:
    async def main() -> int:
        threads, release = Threads(transfers=4), threading.Event()
        started = threading.Semaphore(0)

        def hold() -> None:
            started.release()
            assert release.wait(240)

        loud = [asyncio.create_task(threads.run_transfer(hold, line=b"loud")) for _ in range(20)]
        for _ in range(3):
            assert await asyncio.to_thread(started.acquire, timeout=240)
        # It waits for nobody, although 17 calls were there before it.
        found = await asyncio.wait_for(threads.run_transfer(max, 1, 2, line=b"quiet"), 240)
        release.set()
        await asyncio.gather(*loud)
        threads.close()
        return found

    assert asyncio.run(main()) == 2


@pytest.mark.parametrize("threads_there", [1, 2, 4])
def test_transfers_of_many_lines_all_end(threads_there: int) -> None:
    """Threads that were put off because a line had its most are all used again; cancelled calls take none away."""
    running: Counter[bytes] = Counter()
    most, changing = Counter[bytes](), threading.Lock()

    def work(line: bytes) -> None:
        with changing:
            running[line] += 1
            most[line] = max(most[line], running[line])
        time.sleep(0.001)
        with changing:
            running[line] -= 1

    async def main() -> int:
        threads = Threads(transfers=threads_there)
        names = [b"a"] * 60 + [b"b"] * 30 + [b"c", b"d"] * 5
        calls = [asyncio.create_task(threads.run_transfer(work, name, line=name)) for name in names]
        await asyncio.sleep(0)
        for call in calls[5:60:5]:
            call.cancel()
        ended = await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), 240)
        assert await asyncio.wait_for(threads.run_transfer(max, 1, 2, line=b"e"), 240) == 2
        threads.close()
        return sum(1 for end in ended if end is None)

    assert asyncio.run(main()) >= 89
    assert max(most.values()) <= {1: 1, 2: 1, 4: 3}[threads_there]


def test_calls_that_are_queued_at_the_end_are_cancelled() -> None:
    async def main() -> tuple[bool, bool]:
        threads = Threads(short=1, transfers=1)
        started, release = threading.Event(), threading.Event()

        def hold() -> None:
            started.set()
            release.wait(60)

        running = asyncio.create_task(threads.run_short(hold))
        await asyncio.to_thread(started.wait, 60)
        queued = asyncio.create_task(threads.run_short(max, 1, 2))
        await asyncio.sleep(0)
        closing = asyncio.create_task(asyncio.to_thread(threads.close))
        release.set()
        await closing
        await asyncio.gather(running, queued, return_exceptions=True)
        return running.cancelled(), queued.cancelled() or queued.result() == 2

    assert asyncio.run(main()) == (False, True)


def test_a_call_that_was_cancelled_in_its_queue_cancels_who_awaits_it() -> None:
    async def main() -> bool:
        call = Future[int]()
        waiting = asyncio.create_task(_finish(call))
        await asyncio.sleep(0)
        call.cancel()
        await asyncio.wait([waiting])
        return waiting.cancelled()

    assert asyncio.run(main())


def test_a_request_waits_in_the_line_of_its_address() -> None:
    assert line_of({"state": {"network": b"net"}}) == b"net"
    assert line_of({"state": {}}) == b""

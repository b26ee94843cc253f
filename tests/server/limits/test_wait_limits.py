from __future__ import annotations

import asyncio

import pytest

from entrepot.server.limits.wait_limits import WaitLimit


def test_a_wait_that_lasts_too_long_ends() -> None:
    async def main() -> None:
        limit = WaitLimit()
        for _ in range(3):  # the timer is set again
            with pytest.raises(TimeoutError), limit.within(0.01):
                await asyncio.Event().wait()
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0
        limit.close()

    asyncio.run(main())


def test_short_waits_share_one_timer_and_never_add_up() -> None:
    class SteppedLoop(asyncio.SelectorEventLoop):
        now_s = 0.0

        def time(self) -> float:
            return self.now_s

    loop = SteppedLoop()

    async def main() -> None:
        limit, timers = WaitLimit(), list[asyncio.TimerHandle | None]()
        for _ in range(400):
            with limit.within(5):
                loop.now_s += 1
                await asyncio.sleep(0)
            if limit._timer not in timers:
                timers.append(limit._timer)
        assert 2 < len(timers) <= 400 / 5 + 1
        limit.close()
        limit.close()
        assert limit._timer is None

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(main())


def test_without_waits_the_timer_stops() -> None:
    async def main() -> None:
        limit = WaitLimit()
        with limit.within(0.01):
            pass
        while limit._timer is not None:
            await asyncio.sleep(0)

    asyncio.run(asyncio.wait_for(main(), 240))


def test_two_tasks_have_limits_of_their_own() -> None:
    async def main() -> None:
        limit, ended = WaitLimit(), asyncio.Event()

        async def wait_long() -> None:
            with pytest.raises(TimeoutError), limit.within(0.05):
                await asyncio.Event().wait()
            ended.set()

        waiting = asyncio.create_task(wait_long())
        while not ended.is_set():
            with limit.within(60):
                await asyncio.sleep(0)
        await waiting
        limit.close()

    asyncio.run(asyncio.wait_for(main(), 240))


def test_a_shorter_limit_comes_first_whatever_was_set_before() -> None:
    async def main() -> None:
        limit = WaitLimit()
        with limit.within(60):
            pass
        with pytest.raises(TimeoutError), limit.within(0.01):
            await asyncio.Event().wait()
        limit.close()

    asyncio.run(asyncio.wait_for(main(), 240))


def test_a_wait_can_be_ended_before() -> None:
    async def main() -> None:
        limit = WaitLimit()

        async def wait() -> None:
            with limit.within(60):
                await asyncio.Event().wait()

        assert not limit.end_now()
        task = asyncio.create_task(wait())
        await asyncio.sleep(0)
        assert limit.end_now()
        assert not limit.end_now(), "it has ended already"
        with pytest.raises(TimeoutError):
            await task
        limit.close()

    asyncio.run(asyncio.wait_for(main(), 240))


def test_a_cancellation_by_others_stays_one() -> None:
    async def main() -> None:
        limit = WaitLimit()

        async def wait() -> None:
            with limit.within(60):
                await asyncio.Event().wait()

        task = asyncio.create_task(wait())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        limit.close()

    asyncio.run(main())

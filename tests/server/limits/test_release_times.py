from __future__ import annotations

import asyncio
import contextlib
import math
import threading
import time

import pytest

from entrepot.server.hosting import run_in_new_loop
from entrepot.server.limits import release_times
from entrepot.server.limits.release_times import ReleaseTimes


class SteppedClock:
    """The clock of release times, at a time that a test sets."""

    begin_s = now_s = 1_000.0

    def monotonic(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SteppedClock:
    found = SteppedClock()
    monkeypatch.setattr(release_times, "time", found)
    return found


def due_after(clock: SteppedClock, work_s: float) -> float:
    """Return how long after its request an answer is due whose work took this long."""
    release, dues = ReleaseTimes(0.02), list[float]()
    clock.now_s = clock.begin_s

    async def answer() -> None:
        def no_timer(*_arguments: object) -> None:
            raise AssertionError("a timer of the loop waits whole milliseconds from now")

        loop = asyncio.get_running_loop()
        loop.call_at = loop.call_later = no_timer  # type: ignore[assignment]
        arrived = release.now()
        clock.now_s += work_s
        waiting = asyncio.create_task(release.wait(arrived))
        await asyncio.sleep(0)
        due = release._waiting[0][0]
        clock.now_s = math.nextafter(due, 0)
        assert release._take_due() == []
        clock.now_s = due
        dues.append(due - arrived)
        await waiting

    run_in_new_loop(answer)
    return dues[0]


@pytest.mark.parametrize("work_s", [0.0, 0.0002, 0.0005, 0.0008, 0.0199])
def test_an_answer_leaves_at_the_same_time_however_long_its_work_took(clock: SteppedClock, work_s: float) -> None:
    assert due_after(clock, work_s) == due_after(clock, 0.0)
    assert due_after(clock, work_s) == pytest.approx(0.02)


def test_longer_work_leaves_at_the_next_multiple(clock: SteppedClock) -> None:
    assert due_after(clock, 0.021) == pytest.approx(0.04)


def test_an_answer_does_not_leave_before() -> None:
    release = ReleaseTimes(0.02)

    async def answer() -> None:
        arrived = time.monotonic()
        await release.wait(arrived)
        assert time.monotonic() - arrived >= 0.02

    run_in_new_loop(answer)


def test_many_answers_wait_on_one_thread_and_a_cancelled_one_harms_no_other(clock: SteppedClock) -> None:
    release, ended, before = ReleaseTimes(0.05), list[int](), set(threading.enumerate())

    async def answer(number: int) -> None:
        await release.wait(release.now())
        ended.append(number)

    async def answers() -> None:
        tasks = [asyncio.create_task(answer(number)) for number in range(1000)]
        await asyncio.sleep(0)
        assert len(release._waiting) == 1000
        assert [thread.name for thread in set(threading.enumerate()) - before] == ["release-times"]
        tasks[7].cancel()
        clock.now_s += 0.05
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks, return_exceptions=True)

    run_in_new_loop(answers)
    assert sorted(ended) == [number for number in range(1000) if number != 7]


def test_a_loop_that_has_ended_harms_no_other() -> None:
    release = ReleaseTimes(0.02)

    async def leave() -> None:
        waiting = asyncio.create_task(release.wait(release.now()))
        await asyncio.sleep(0)
        waiting.cancel()

    run_in_new_loop(leave)
    run_in_new_loop(lambda: release.wait(release.now()))

"""Requests share a question for the version only if it is sent after all of them have arrived."""

from __future__ import annotations

import asyncio
import threading

import attrs

from entrepot.hub.versioned_cache import Version
from entrepot.server.dispatch.latest_version import LatestVersion


@attrs.define
class Counting:
    """A watch whose answers wait until they are released."""

    is_immediate: bool = False
    asked: int = 0
    is_closed: bool = False
    started: threading.Semaphore = attrs.field(factory=lambda: threading.Semaphore(0))
    released: threading.Semaphore = attrs.field(factory=lambda: threading.Semaphore(0))

    def version(self) -> Version | None:
        self.asked += 1
        number = self.asked
        if not self.is_immediate:
            self.started.release()
            assert self.released.acquire(timeout=240)
        return (1, number)

    def close(self) -> None:
        self.is_closed = True


def test_an_immediate_watch_is_asked_each_time() -> None:
    latest = LatestVersion(Counting(is_immediate=True))

    async def ask() -> list[Version | None]:
        return [await latest.ask(), await latest.ask()]

    assert asyncio.run(ask()) == [(1, 1), (1, 2)]
    latest.close()


def test_requests_that_arrive_during_a_question_share_the_next_one() -> None:
    watch = Counting()
    latest = LatestVersion(watch)

    async def ask() -> list[Version | None]:
        first = asyncio.create_task(latest.ask())
        await asyncio.to_thread(watch.started.acquire, timeout=240)
        later = [asyncio.create_task(latest.ask()) for _ in range(5)]
        await asyncio.sleep(0)
        watch.released.release()
        found = [await first]
        watch.released.release()
        return found + [await task for task in later]

    assert asyncio.run(ask()) == [(1, 1)] + [(1, 2)] * 5
    assert watch.asked == 2
    latest.close()
    assert watch.is_closed


def test_a_cancelled_request_leaves_the_question_to_the_others() -> None:
    watch = Counting()
    latest = LatestVersion(watch)

    async def ask() -> Version | None:
        first, second = asyncio.create_task(latest.ask()), asyncio.create_task(latest.ask())
        await asyncio.to_thread(watch.started.acquire, timeout=240)
        first.cancel()
        await asyncio.wait((first,))
        watch.released.release()
        return await second

    assert asyncio.run(ask()) == (1, 1)
    latest.close()

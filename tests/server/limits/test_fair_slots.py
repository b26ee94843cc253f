from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from entrepot.errors import ClientGone
from entrepot.server.limits.fair_slots import FairSlots


class Work:
    """Work of several callers, finished by the test; ``began`` is the order in which they got slots."""

    def __init__(self, slots: FairSlots) -> None:
        self.slots = slots
        self.began: list[str] = []
        self.ends: dict[str, asyncio.Event] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}

    def start(self, caller: str, name: str) -> None:
        self.ends[name] = asyncio.Event()
        self.tasks[name] = asyncio.create_task(self._run(caller, name))

    async def _run(self, caller: str, name: str) -> None:
        async with self.slots.hold(caller):
            self.began.append(name)
            await self.ends[name].wait()

    async def end(self, *names: str) -> None:
        for name in names:
            self.ends[name].set()
            await self.tasks[name]
        await self.rest()

    async def rest(self) -> None:
        for _ in range(20):
            await asyncio.sleep(0)


def in_a_loop(make: FairSlots, test: Callable[[Work], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(test(Work(make)))


def test_callers_are_served_in_turns() -> None:
    async def test(work: Work) -> None:
        for number in range(4):
            work.start("a", f"a{number}")
        for caller in "bc":
            work.start(caller, f"{caller}0")
        await work.rest()
        for name in ("a0", "a1", "b0", "c0", "a2"):
            assert work.began[-1] == name
            await work.end(name)
        assert work.began == ["a0", "a1", "b0", "c0", "a2", "a3"]
        await work.end("a3")

    in_a_loop(FairSlots(1), test)


def test_no_caller_holds_more_than_their_share() -> None:
    async def test(work: Work) -> None:
        work.start("a", "a0")
        work.start("a", "a1")
        await work.rest()
        assert work.began == ["a0"]
        work.start("b", "b0")
        await work.rest()
        assert work.began == ["a0", "b0"]
        await work.end("b0")
        assert work.began == ["a0", "b0"]
        await work.end("a0", "a1")
        assert work.began == ["a0", "b0", "a1"]

    in_a_loop(FairSlots(2, per_caller=1), test)


@pytest.mark.parametrize("cancelled", ["a0", "a1", "b0"])
def test_a_cancelled_request_keeps_no_one_waiting(cancelled: str) -> None:
    async def test(work: Work) -> None:
        for name in ("a0", "a1", "b0"):
            work.start(name[0], name)
        await work.rest()
        work.tasks[cancelled].cancel()
        await asyncio.gather(work.tasks[cancelled], return_exceptions=True)
        await work.rest()
        for name in ("a0", "a1", "b0"):
            if name != cancelled:
                await work.end(name)
        work.start("c", "c0")
        await work.rest()
        assert work.began[-1] == "c0"
        await work.end("c0")

    in_a_loop(FairSlots(1), test)


def test_a_slot_given_to_a_request_that_is_cancelled_in_the_same_moment_is_given_on() -> None:
    async def test(work: Work) -> None:
        work.start("a", "a0")
        await asyncio.sleep(0)
        work.start("b", "b0")
        await work.rest()
        work.ends["a0"].set()
        await asyncio.sleep(0)
        work.tasks["b0"].cancel()
        await asyncio.gather(work.tasks["a0"], work.tasks["b0"], return_exceptions=True)
        work.start("c", "c0")
        await work.rest()
        assert work.began[-1] == "c0"
        await work.end("c0")

    in_a_loop(FairSlots(1), test)


def test_a_caller_who_has_given_slots_back_holds_as_many_as_before() -> None:
    async def test(work: Work) -> None:
        for name in ("a0", "a1"):
            work.start("a", name)
        await work.rest()
        await work.end("a0")
        for name in ("a2", "a3"):
            work.start("a", name)
        await work.rest()
        assert work.began == ["a0", "a1", "a2"]
        await work.end("a1", "a2", "a3")
        for name in ("a4", "a5", "a6"):
            work.start("a", name)
        await work.rest()
        assert work.began[4:] == ["a4", "a5"]
        await work.end("a4", "a5", "a6")

    in_a_loop(FairSlots(4, per_caller=2), test)


def test_a_client_that_leaves_gives_up_its_place() -> None:
    async def run() -> None:
        slots, began = FairSlots(1), list[str]()
        ends, leaves = asyncio.Event(), asyncio.Event()

        async def leave() -> None:
            await leaves.wait()

        async def ask(name: str) -> None:
            async with slots.hold("a", until_gone=leave if name == "gone" else None):
                began.append(name)
                await ends.wait()

        running = asyncio.create_task(ask("first"))
        await asyncio.sleep(0)
        gone, last = asyncio.create_task(ask("gone")), asyncio.create_task(ask("last"))
        await asyncio.sleep(0)
        leaves.set()
        with pytest.raises(ClientGone):
            await gone
        ends.set()
        await asyncio.gather(running, last)
        assert began == ["first", "last"]
        async with asyncio.timeout(10), slots.hold("b"):
            pass

    asyncio.run(run())


def test_a_waiting_request_that_is_cancelled_is_not_one_that_left() -> None:
    async def run() -> None:
        slots = FairSlots(1)

        async def stay() -> None:
            await asyncio.Event().wait()

        async with slots.hold("a"):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01), slots.hold("a", until_gone=stay):
                    pass

    asyncio.run(run())


@pytest.mark.parametrize("steps", range(6))
def test_a_request_that_is_cancelled_around_its_turn_keeps_no_slot(steps: int) -> None:
    async def run() -> None:
        slots, ends = FairSlots(1), asyncio.Event()

        async def stay() -> None:
            try:
                await ends.wait()
            finally:
                await asyncio.sleep(0)  # it takes a moment to end

        async def ask() -> None:
            async with slots.hold("a", until_gone=stay):
                await ends.wait()

        async with slots.hold("a"):
            waiting = asyncio.create_task(ask())
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        for _ in range(steps):
            await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        async with asyncio.timeout(10), slots.hold("b"):
            pass

    asyncio.run(run())

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from entrepot.catalog.grouped_writes import MAX_ITEMS, GroupedWrites
from entrepot.errors import Busy

SOON_S = 30


class Held:
    """A write whose first group waits until it is released."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.has_begun = threading.Event()
        self.may_end = threading.Event()

    def write(self, items: Sequence[int]) -> list[str | Exception]:
        self.groups.append(list(items))
        if len(self.groups) == 1:
            self.has_begun.set()
            assert self.may_end.wait(SOON_S)
        return [Busy(str(item)) if item < 0 else str(item) for item in items]


def run_behind_first(held: Held, items: Sequence[int], pool: ThreadPoolExecutor) -> list[Future[str]]:
    """Run 0 alone, and the items while it runs."""
    groups = GroupedWrites()
    first = pool.submit(groups.run, "kind", held.write, 0)
    assert held.has_begun.wait(SOON_S)
    calls = [pool.submit(groups.run, "kind", held.write, item) for item in items]
    queue = groups._queues["kind"]
    while len(queue.waiting) < len(items):
        assert not any(call.done() for call in calls)
    held.may_end.set()
    assert first.result(SOON_S) == "0"
    return calls


def test_what_arrives_during_a_write_is_written_together() -> None:
    held = Held()
    with ThreadPoolExecutor(8) as pool:
        calls = run_behind_first(held, [1, 2, 3, 4], pool)
        assert [call.result(SOON_S) for call in calls] == ["1", "2", "3", "4"]
    assert [sorted(group) for group in held.groups] == [[0], [1, 2, 3, 4]]


def test_one_item_that_cannot_be_written_does_not_stop_the_others() -> None:
    held = Held()
    with ThreadPoolExecutor(8) as pool:
        good, bad, other = run_behind_first(held, [1, -2, 3], pool)
        assert (good.result(SOON_S), other.result(SOON_S)) == ("1", "3")
        with pytest.raises(Busy):
            bad.result(SOON_S)


def test_a_group_is_limited() -> None:
    held = Held()
    items = list(range(1, 2 * MAX_ITEMS + 3))
    with ThreadPoolExecutor(2 * MAX_ITEMS + 4) as pool:
        calls = run_behind_first(held, items, pool)
        assert [call.result(SOON_S) for call in calls] == [str(item) for item in items]
    assert max(map(len, held.groups)) == MAX_ITEMS
    assert sorted(item for group in held.groups for item in group) == [0, *items]


def test_an_error_of_the_database_is_shared_and_the_next_call_runs() -> None:
    groups = GroupedWrites()

    def fail(_items: Sequence[int]) -> list[int | Exception]:
        raise Busy("the database")

    with pytest.raises(Busy):
        groups.run("kind", fail, 1)
    assert groups.run("kind", list, 2) == 2


def test_an_unexpected_error_is_told_once_and_the_others_try_again() -> None:
    held = Held()

    def write(items: Sequence[int]) -> list[str | Exception]:
        if held.has_begun.is_set():
            raise ZeroDivisionError
        return held.write(items)

    groups = GroupedWrites()
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(groups.run, "kind", write, 0)
        assert held.has_begun.wait(SOON_S)
        calls = [pool.submit(groups.run, "kind", write, item) for item in (1, 2)]
        while len(groups._queues["kind"].waiting) < 2:
            assert not calls[0].done()
        held.may_end.set()
        assert first.result(SOON_S) == "0"
        assert {type(call.exception(SOON_S)) for call in calls} == {ZeroDivisionError, Busy}
    assert groups.run("kind", list, 3) == 3


def test_an_interrupted_thread_hands_the_queue_over() -> None:
    groups = GroupedWrites()

    def interrupt(_items: Sequence[int]) -> list[int | Exception]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        groups.run("kind", interrupt, 1)
    assert groups.run("kind", list, 2) == 2


def test_kinds_do_not_wait_for_each_other() -> None:
    held, groups = Held(), GroupedWrites()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(groups.run, "slow", held.write, 0)
        assert held.has_begun.wait(SOON_S)
        assert groups.run("quick", list, 7) == 7
        held.may_end.set()
        assert first.result(SOON_S) == "0"

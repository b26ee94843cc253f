from __future__ import annotations

import threading

from entrepot.storage.store import ImmutableCache


def test_the_least_recently_used_value_is_evicted_first() -> None:
    held = ImmutableCache[str, bytes](10, len)
    held.put("a", b"1234")
    held.put("b", b"1234")
    assert held.find("a") == b"1234"
    held.put("c", b"1234")
    assert (held.find("a"), held.find("b"), held.find("c")) == (b"1234", None, b"1234")


def test_a_value_above_the_limit_is_not_cached_and_evicts_nothing() -> None:
    held = ImmutableCache[str, bytes](10, len)
    held.put("a", b"12")
    held.put("b", b"123456")
    assert (held.find("a"), held.find("b")) == (b"12", None)


def test_putting_a_value_again_does_not_count_it_twice() -> None:
    held = ImmutableCache[str, bytes](10, len)
    for _ in range(100):
        held.put("a", b"12345")
    held.put("b", b"12345")
    assert (held.find("a"), held.find("b")) == (b"12345", b"12345")


def test_threads_never_make_it_hold_too_much() -> None:
    held = ImmutableCache[int, bytes](1000, len)

    def work(start: int) -> None:
        for number in range(start, start + 2000):
            held.put(number % 500, b"x" * (number % 50))
            held.find(number % 300)

    threads = [threading.Thread(target=work, args=(start,)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    kept = [value for number in range(500) if (value := held.find(number)) is not None]
    assert kept
    assert sum(map(len, kept)) == held._weight <= 1000


def test_a_dropped_value_is_absent_and_weighs_nothing() -> None:
    held = ImmutableCache[str, bytes](10, len)
    held.put("a", b"12345")
    held.drop("a")
    held.drop("never held")
    assert held.find("a") is None
    held.put("b", b"12345")
    held.put("a", b"54321")
    assert (held.find("a"), held.find("b")) == (b"54321", b"12345")

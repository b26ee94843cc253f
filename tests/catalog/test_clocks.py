from __future__ import annotations

import time

import pytest

from entrepot.catalog import Catalog
from entrepot.catalog.clocks import DatabaseClock
from entrepot.errors import DatabaseUnavailable

HOUR_MS = 3_600_000


def test_machines_whose_clocks_differ_have_one_time(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    is_shared = catalog.clock_ms() is not None
    right = DatabaseClock(catalog)
    count = time.monotonic_ns
    with monkeypatch.context() as patch:
        patch.setattr(time, "time_ns", lambda: 0)
        patch.setattr(time, "monotonic_ns", lambda: count() + 10**15)
        elsewhere = DatabaseClock(catalog)()
    assert (abs(elsewhere - right()) < HOUR_MS) is is_shared


def test_a_clock_that_was_wrong_is_adjusted_and_one_that_was_right_is_left(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, told = DatabaseClock(catalog), time.time_ns() // 1_000_000
    monkeypatch.setattr(catalog, "clock_ms", lambda: told + 5 * HOUR_MS)
    clock.adjust()
    first = clock()
    assert first - told >= 4 * HOUR_MS
    monkeypatch.setattr(catalog, "clock_ms", lambda: None)
    clock.adjust()
    assert clock() >= first


def test_a_clock_goes_on_without_the_database(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = DatabaseClock(catalog)
    before = clock()

    def fail() -> None:
        raise DatabaseUnavailable("away")

    monkeypatch.setattr(catalog, "clock_ms", fail)
    with pytest.raises(DatabaseUnavailable):
        clock.adjust()
    assert clock() >= before

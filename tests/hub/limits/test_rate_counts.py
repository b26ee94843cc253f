from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from entrepot.catalog import limit_counts
from entrepot.errors import DatabaseUnavailable
from entrepot.hub.limits import rate_counts
from entrepot.hub.limits.rate_counts import RateCounts
from tests.support.worlds import World

WINDOW = 300_000


def test_processes_learn_each_others_counts_when_they_share_them(world: World) -> None:
    one, two = RateCounts(WINDOW), RateCounts(WINDOW)
    now = world.clock.now_ms
    for _ in range(3):
        one.count("api", b"sender", now)
    two.count("api", b"sender", now)
    two.count("api", b"other", now)
    two.count("resolve", b"sender", now)
    one.flush(world.hub)
    two.flush(world.hub)
    assert two.count("api", b"sender", now)[0] == 5
    assert one.count("api", b"sender", now)[0] == 4  # told with its next count what the other one has counted
    one.flush(world.hub)
    two.flush(world.hub)
    assert two.count("api", b"sender", now)[0] == 7
    assert two.count("api", b"other", now)[0] == two.count("resolve", b"sender", now)[0] == 2


def test_a_new_window_begins_at_one_and_old_rows_go(world: World) -> None:
    counts = RateCounts(WINDOW)
    world.clock.now_ms -= world.clock.now_ms % WINDOW
    assert counts.count("api", b"a", world.clock.now_ms) == (1, WINDOW)
    counts.flush(world.hub)
    world.clock.advance(WINDOW - 1)
    assert counts.count("api", b"a", world.clock.now_ms) == (2, 1)
    world.clock.advance(1)
    assert counts.count("api", b"a", world.clock.now_ms) == (1, WINDOW)
    assert len(counts._totals) == 1
    counts.flush(world.hub)
    world.clock.advance(2 * WINDOW)
    counts.count("api", b"b", world.clock.now_ms)
    counts.flush(world.hub)
    with world.hub.read() as tx:
        assert tx.sql.exec_driver_sql("SELECT count(*) FROM limit_counts").scalar_one() <= 2


def test_counts_are_kept_while_the_database_is_away(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    counts, other = RateCounts(WINDOW), RateCounts(WINDOW)
    now = world.clock.now_ms

    def fail(*_: object, **_more: object) -> None:
        raise DatabaseUnavailable("away")

    counts.count("api", b"a", now)
    with monkeypatch.context() as patch:
        patch.setattr(type(world.hub.catalog), "write", fail)
        with pytest.raises(DatabaseUnavailable):
            counts.flush(world.hub)
    counts.count("api", b"a", now)
    counts.flush(world.hub)
    other.count("api", b"a", now)
    other.flush(world.hub)
    assert other.count("api", b"a", now)[0] == 4


def test_requests_that_come_during_the_exchange_count(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    counts, now, add = RateCounts(WINDOW), world.clock.now_ms, limit_counts.add

    def slowly(*args: Any) -> Mapping[str, int]:
        counts.count("api", b"a", now)
        return add(*args)

    counts.count("api", b"a", now)
    with monkeypatch.context() as patch:
        patch.setattr(limit_counts, "add", slowly)
        counts.flush(world.hub)
    assert counts.count("api", b"a", now)[0] == 3
    counts.flush(world.hub)
    assert counts.count("api", b"a", now)[0] == 4


def test_counts_that_cannot_be_written_take_bounded_memory(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_counts, "MAX_SENDERS", 10)
    counts, now = RateCounts(WINDOW), world.clock.now_ms

    def fail(*_: object, **_more: object) -> None:
        for number in range(4):
            counts.count("api", b"later%d" % number, now)
        raise DatabaseUnavailable("away")

    for number in range(10):
        counts.count("api", b"%d" % number, now)
    monkeypatch.setattr(type(world.hub.catalog), "write", fail)
    with pytest.raises(DatabaseUnavailable):
        counts.flush(world.hub)
    assert len(counts._unsent) == 10


def test_many_senders_are_shared_in_several_transactions(world: World) -> None:
    counts = RateCounts(WINDOW)
    for number in range(1_200):
        counts.count("api", str(number).encode(), world.clock.now_ms)
    counts.flush(world.hub)
    counts.flush(world.hub)
    with world.hub.read() as tx:
        assert tx.sql.exec_driver_sql("SELECT sum(count) FROM limit_counts").scalar_one() == 1_200


def test_many_senders_take_bounded_memory(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_counts, "MAX_SENDERS", 10)
    counts, now = RateCounts(WINDOW), world.clock.now_ms
    counts.count("api", b"a", now)
    counts.flush(world.hub)
    for number in range(25):
        assert counts.count("api", b"%d" % number, now)[0] == 1
        assert max(len(counts._totals), len(counts._unsent)) <= 10
    counts.count("api", b"a", now)
    counts.flush(world.hub)
    assert counts.count("api", b"a", now)[0] == 3  # what was forgotten is learnt again

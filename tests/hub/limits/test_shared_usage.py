from __future__ import annotations

import attrs
import pytest

from entrepot.catalog import Lock, limit_counts
from entrepot.errors import DatabaseUnavailable, QuotaExceeded
from entrepot.hub.accounts import quotas
from entrepot.hub.context import HubContext
from entrepot.hub.limits import shared_usage
from entrepot.hub.usage_cache import UsageCache
from tests.support.worlds import World


def slow_cache() -> UsageCache:
    """Return a cache that keeps every sum, as if it took long."""
    steps = iter(range(1_000_000))
    return UsageCache(lambda: next(steps))


def spend(hub: HubContext, world: World, size: int) -> None:
    with hub.read() as tx:
        quotas.allowance_of(hub, tx, world.alice.account.id, "alice").spend(size)


def test_two_servers_together_stay_below_a_quota(world: World) -> None:
    quotas.change(world.hub, "alice", {"max_bytes": 1_000})
    one, two = (attrs.evolve(world.hub, usage_cache=slow_cache()) for _ in range(2))
    for hub in (one, two):
        spend(hub, world, 100)
        shared_usage.share(hub)
    shared_usage.share(one)
    shared_usage.share(two)
    spend(two, world, 600)
    shared_usage.share(two)
    shared_usage.share(one)
    with pytest.raises(QuotaExceeded):
        spend(one, world, 400)
    spend(one, world, 200)


def test_additions_wait_for_the_database(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    quotas.change(world.hub, "alice", {"max_bytes": 1_000})
    one, two = (attrs.evolve(world.hub, usage_cache=slow_cache()) for _ in range(2))
    spend(one, world, 1)
    spend(two, world, 1)
    shared_usage.share(one)

    def fail(*_: object, **_more: object) -> None:
        raise DatabaseUnavailable("away")

    spend(two, world, 700)
    with monkeypatch.context() as patch:
        patch.setattr(type(world.hub.catalog), "write", fail)
        with pytest.raises(DatabaseUnavailable):
            shared_usage.share(two)
    shared_usage.share(two)
    shared_usage.share(one)
    with pytest.raises(QuotaExceeded):
        spend(one, world, 400)


def test_counts_that_have_expired_are_deleted(world: World) -> None:
    quotas.change(world.hub, "alice", {"max_bytes": 1_000})
    with world.hub.write(Lock.job("usage")) as tx:
        limit_counts.add(tx, {"f" * 32: 5}, world.clock.now_ms, world.clock.now_ms + 1)
    world.clock.advance(2)
    hub = attrs.evolve(world.hub, usage_cache=slow_cache())
    for _ in range(2):
        spend(hub, world, 100)
        shared_usage.share(hub)
    with world.hub.read() as tx:
        assert limit_counts.find(tx, "f" * 32) is None


def test_without_additions_nothing_is_written(world: World) -> None:
    shared_usage.share(world.hub)
    with world.hub.read() as tx:
        assert tx.sql.exec_driver_sql("SELECT count(*) FROM limit_counts").scalar_one() == 0

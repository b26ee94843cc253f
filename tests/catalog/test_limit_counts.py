from __future__ import annotations

import contextlib

from entrepot.catalog import Catalog, Lock, limit_counts, open_catalog
from entrepot.catalog.limit_counts import LimitCount
from tests.support.postgres import PostgresServer

KEYS = [f"{number:032x}" for number in range(1_100)]
LOCK = Lock.job("counts")


def test_counts_add_up_and_expire(catalog: Catalog) -> None:
    with catalog.write(LOCK) as tx:
        assert limit_counts.add(tx, {}, 1, 10) == {}
        assert limit_counts.add(tx, dict.fromkeys(KEYS, 2), 1, 10) == dict.fromkeys(KEYS, 2)
        assert limit_counts.add(tx, {KEYS[0]: 3, KEYS[1]: 1}, 2, 20) == {KEYS[0]: 5, KEYS[1]: 3}
    with catalog.write(LOCK) as tx:
        assert limit_counts.find(tx, KEYS[0]) == LimitCount(5, 2)
        assert limit_counts.forget(tx, 10) == 0
        assert limit_counts.forget(tx, 11) == len(KEYS) - 2
        assert limit_counts.find(tx, KEYS[2]) is None
        assert limit_counts.forget(tx, 21) == 2
        assert limit_counts.find(tx, KEYS[0]) is None


def test_a_count_is_replaced_and_removed(catalog: Catalog) -> None:
    with catalog.write(LOCK) as tx:
        for count in (LimitCount(1, 5), LimitCount(2, 6, 99)):
            limit_counts.put(tx, KEYS[0], count, 1_000)
            assert limit_counts.find(tx, KEYS[0]) == count
        limit_counts.remove(tx, KEYS[:2])
        assert limit_counts.find(tx, KEYS[0]) is None


def test_deleting_old_counts_waits_for_nobody_and_takes_bounded_time(catalog: Catalog) -> None:
    many = [f"{number:032x}" for number in range(limit_counts.MAX_FORGOTTEN + 1)]
    with catalog.write(LOCK) as tx:
        limit_counts.add(tx, dict.fromkeys(many, 1), 1, 10)
    with catalog.write(LOCK) as tx:
        assert limit_counts.forget(tx, 11) == limit_counts.MAX_FORGOTTEN
        assert limit_counts.forget(tx, 11) == 1


def test_rows_that_another_server_deletes_are_left_to_it(postgres: PostgresServer) -> None:
    url = postgres.create_with_tables()
    with contextlib.closing(open_catalog(url)) as here, contextlib.closing(open_catalog(url)) as there:
        with here.write(LOCK) as tx:
            limit_counts.add(tx, dict.fromkeys(KEYS[:3], 1), 1, 10)
        with here.write(Lock.job("one")) as one, there.write(Lock.job("other")) as other:
            limit_counts.remove(one, KEYS[:1])
            other.sql.exec_driver_sql("SET LOCAL lock_timeout = '5s'")
            assert limit_counts.forget(other, 11) == 2
    postgres.drop(url)

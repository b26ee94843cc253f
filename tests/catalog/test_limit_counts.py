from __future__ import annotations

from entrepot.catalog import Catalog, Lock, limit_counts
from entrepot.catalog.limit_counts import LimitCount

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

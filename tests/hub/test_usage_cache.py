from entrepot.hub.usage_cache import KEPT_MS, UsageCache


class VersionWatch:
    """A clock that advances by one step with each reading."""

    def __init__(self, step_s: float) -> None:
        self.step_s = step_s
        self.now_s = 0.0

    def __call__(self) -> float:
        self.now_s += self.step_s
        return self.now_s


def test_a_fast_sum_is_computed_every_time() -> None:
    usage_cache = UsageCache(VersionWatch(0.001))
    sizes = iter((5, 6))
    assert [usage_cache.used(1, 0, lambda: next(sizes)) for _ in range(2)] == [5, 6]


def test_a_slow_sum_is_cached_and_includes_accepted_bytes() -> None:
    usage_cache = UsageCache(VersionWatch(1.0))
    assert usage_cache.used(1, 0, lambda: 5) == 5
    usage_cache.add(1, 10)
    assert usage_cache.used(1, KEPT_MS - 1, lambda: 99) == 15
    assert usage_cache.used(1, KEPT_MS, lambda: 99) == 99


def test_namespaces_are_counted_apart() -> None:
    usage_cache = UsageCache(VersionWatch(1.0))
    usage_cache.used(1, 0, lambda: 5)
    usage_cache.add(2, 10)
    assert (usage_cache.used(1, 1, lambda: 0), usage_cache.used(2, 1, lambda: 7)) == (5, 7)


def test_what_other_processes_add_counts_once_it_is_shared() -> None:
    usage_cache = UsageCache(VersionWatch(1.0))
    usage_cache.used(1, 0, lambda: 100)
    usage_cache.add(1, 5)
    usage_cache.add(2, 7)
    assert usage_cache.take_unsent(1) == {1: 5, 2: 7}
    usage_cache.learn({1: 5, 2: 7}, {1: 50, 2: 7})  # the first look: how much of it the sum contains is not known
    assert usage_cache.used(1, 1, lambda: 0) == 105
    usage_cache.add(1, 1)
    sent = usage_cache.take_unsent(1)
    assert sent == {1: 1}
    usage_cache.learn(sent, {1: 50 + 1 + 30})
    assert usage_cache.used(1, 1, lambda: 0) == 136
    assert usage_cache.take_unsent(1) == {1: 0}  # to learn from the others while the sum is in use
    assert usage_cache.take_unsent(KEPT_MS) == {}


def test_what_could_not_be_shared_is_shared_later() -> None:
    usage_cache = UsageCache(VersionWatch(1.0))
    usage_cache.add(1, 5)
    usage_cache.put_back(usage_cache.take_unsent(0))
    usage_cache.add(1, 6)
    assert usage_cache.take_unsent(0) == {1: 11}


def test_bytes_are_taken_back_from_the_sum_that_they_were_added_to_only() -> None:
    usage_cache = UsageCache(VersionWatch(1.0))
    usage_cache.take_back(1, 10, usage_cache.add(1, 10))  # no sum was cached
    assert usage_cache.used(1, 0, lambda: 5) == 5
    added_to = usage_cache.add(1, 10)
    usage_cache.take_back(1, 4, added_to)
    assert usage_cache.used(1, 1, lambda: 99) == 11
    assert usage_cache.used(1, KEPT_MS, lambda: 5) == 5  # without what is not stored yet
    usage_cache.take_back(1, 6, added_to)
    assert usage_cache.used(1, KEPT_MS + 1, lambda: 99) == 5
    assert usage_cache.take_unsent(KEPT_MS) == {1: 10 + 10 - 4}

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from entrepot.errors import Busy
from entrepot.hub.branch_locks import BranchLocks


def test_one_key_has_one_holder_at_a_time() -> None:
    branch_locks, inside, most = BranchLocks(), [0], [0]

    def work(_number: int) -> None:
        for _ in range(50):
            with branch_locks.take("branch"):
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                inside[0] -= 1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert most == [1]
    assert branch_locks._queues == {}


def test_different_keys_do_not_wait_for_each_other() -> None:
    branch_locks = BranchLocks()
    with branch_locks.take("a"), branch_locks.take("b", timeout_s=0.0):
        assert len(branch_locks._queues) == 2


def test_only_a_wait_is_announced() -> None:
    branch_locks, announced = BranchLocks(), []
    with branch_locks.take("a", before_waiting=lambda: announced.append("first")):
        assert announced == []
        with pytest.raises(Busy), branch_locks.take("a", 0.0, before_waiting=lambda: announced.append("second")):
            pass
    assert announced == ["second"]


def test_a_wait_that_times_out_raises_busy_and_leaves_no_trace() -> None:
    branch_locks, errors = BranchLocks(), []

    def wait() -> None:
        try:
            with branch_locks.take("a", timeout_s=0.0):
                raise AssertionError("the key is held")
        except Busy as error:
            errors.append(error)

    with branch_locks.take("a"):
        thread = threading.Thread(target=wait)
        thread.start()
        thread.join()
        assert len(branch_locks._queues) == 1
    assert len(errors) == 1
    assert branch_locks._queues == {}


def test_an_error_releases_the_lock() -> None:
    branch_locks = BranchLocks()
    with pytest.raises(KeyError), branch_locks.take("a"):
        raise KeyError
    with branch_locks.take("a", timeout_s=0.0):
        pass

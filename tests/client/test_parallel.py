import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from entrepot.client.parallel import run_parallel


def test_results_have_the_order_of_the_items() -> None:
    assert list(run_parallel(lambda number: number * 2, range(100), 4)) == list(range(0, 200, 2))
    assert list(run_parallel(lambda number: number * 2, range(1), 4)) == [0]
    assert list(run_parallel(lambda number: number * 2, [], 4)) == []


def test_several_items_are_worked_on_at_the_same_time() -> None:
    both = threading.Barrier(2, timeout=240)
    assert len(list(run_parallel(lambda _item: both.wait(), range(2), 2))) == 2


def test_items_are_read_only_slightly_ahead() -> None:
    taken = 0

    def count() -> "iter":  # type: ignore[valid-type]
        nonlocal taken
        for number in range(1000):
            taken += 1
            yield number

    results: Iterator[int] = run_parallel(lambda number: number, count(), 2)
    assert next(results) == 0
    assert taken < 20
    results.close()  # type: ignore[attr-defined]


def test_after_a_failure_no_further_calls_start() -> None:
    begun = []

    def fail(number: int) -> None:
        begun.append(number)
        raise KeyError(number)

    with pytest.raises(KeyError):
        list(run_parallel(fail, range(1000), 2))
    assert len(begun) < 20


def test_a_failure_does_not_wait_for_running_calls() -> None:
    release = threading.Event()

    def work(number: int) -> None:
        if number == 0:
            raise KeyError(number)
        release.wait(30)

    with pytest.raises(KeyError):
        list(run_parallel(work, range(2), 2))
    release.set()


def test_work_is_done_even_while_the_interpreter_shuts_down() -> None:
    program = (
        "import atexit\n"
        "from entrepot.client.parallel import run_parallel\n"
        "list(run_parallel(str, range(4), 2))\n"
        "atexit.register(lambda: print(sum(run_parallel(lambda n: n, range(10), 4))))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=240)
    assert (done.stdout, done.stderr) == ("45\n", "")

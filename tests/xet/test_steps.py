from __future__ import annotations

from collections.abc import Generator

from entrepot.xet.steps import run_steps


def test_the_result_of_steps_is_returned_after_the_last_one() -> None:
    done = list[int]()

    def work() -> Generator[None, None, str]:
        for number in range(3):
            done.append(number)
            yield
        return "result"

    assert (run_steps(work()), done) == ("result", [0, 1, 2])

from __future__ import annotations

from collections.abc import Generator

from entrepot.xet.steps import end_of


def test_the_result_of_steps_is_returned_after_the_last_one() -> None:
    done = list[int]()

    def work() -> Generator[None, None, str]:
        for number in range(3):
            done.append(number)
            yield
        return "result"

    assert (end_of(work()), done) == ("result", [0, 1, 2])

from __future__ import annotations

import attrs

from entrepot.server.xet.guesses import AT_ONCE, REFILL_S, Guesses


@attrs.define
class Clock:
    now_s: float = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_each_upload_has_one_guess() -> None:
    guesses = Guesses(Clock())
    assert [guesses.take(1, name) for name in ("a", "a", "b", None, "", "x" * 101)] == [
        True,
        False,
        True,
        *[False] * 3,
    ]
    assert guesses.take(2, "a")


def test_new_names_bring_no_more_guesses_than_their_account_has() -> None:
    clock = Clock()
    guesses = Guesses(clock)
    assert sum(guesses.take(1, f"upload {number}") for number in range(10 * AT_ONCE)) == AT_ONCE
    assert guesses.take(2, "another account")
    clock.now_s += REFILL_S
    assert [guesses.take(1, name) for name in ("later", "and later")] == [True, False]
    clock.now_s += 10 * AT_ONCE * REFILL_S
    assert sum(guesses.take(1, f"next {number}") for number in range(10 * AT_ONCE)) == AT_ONCE

from __future__ import annotations

from entrepot.server.limits import sign_ins
from entrepot.server.limits.sign_ins import SignInLimits

HERE, THERE = b"\x7f\0\0\1", b"\x0a\0\0\1"


class Seconds:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_sixth_attempt_waits_and_the_wait_doubles_up_to_an_hour() -> None:
    clock = Seconds()
    limits = SignInLimits(clock)
    for _ in range(sign_ins.PER_ACCOUNT):
        assert limits.begin("alice", HERE) == 0
    waits = [limits.begin("ALICE", HERE)]
    for _ in range(8):
        clock.now += waits[-1]
        assert limits.begin("alice", HERE) == 0
        waits.append(limits.begin("alice", HERE))
    assert waits == [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]


def test_another_address_and_another_account_do_not_wait() -> None:
    limits = SignInLimits(Seconds())
    for _ in range(sign_ins.PER_ACCOUNT):
        limits.begin("alice", HERE)
    assert (limits.begin("alice", THERE), limits.begin("bob", HERE)) == (0, 0)


def test_an_address_that_tries_many_accounts_waits() -> None:
    limits = SignInLimits(Seconds())
    for number in range(sign_ins.PER_ADDRESS):
        limits.begin(f"user{number}", HERE)
    assert limits.begin("alice", HERE) == 60
    assert limits.begin("alice", THERE) == 0


def test_failures_are_forgotten_after_a_minute_and_after_success() -> None:
    clock = Seconds()
    limits = SignInLimits(clock)
    for _ in range(sign_ins.PER_ACCOUNT - 1):
        limits.begin("alice", HERE)
    clock.now += 61
    for _ in range(2):
        for _ in range(sign_ins.PER_ACCOUNT):
            assert limits.begin("alice", HERE) == 0
        limits.note_success("alice", HERE)


def test_sign_ins_that_succeed_do_not_add_up() -> None:
    limits = SignInLimits(Seconds())
    for number in range(3 * sign_ins.PER_ADDRESS):
        assert limits.begin(f"user{number}", HERE) == 0
        limits.note_success(f"user{number}", HERE)


def test_memory_is_bounded() -> None:
    limits = SignInLimits(Seconds())
    for number in range(sign_ins._REMEMBERED + 10):
        limits.begin("x" * 1000, number.to_bytes(4, "big"))
    assert len(limits._failures) <= sign_ins._REMEMBERED

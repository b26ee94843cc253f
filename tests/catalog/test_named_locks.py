from entrepot.catalog import Lock
from entrepot.catalog.named_locks import in_order


def test_locks_are_taken_in_one_order_and_each_once() -> None:
    named = [Lock.audit(), Lock.repo(7), Lock.hub(), Lock.repo(3), Lock.repo(7), Lock.namespace(9)]
    assert in_order(named) == (Lock.hub(), Lock.namespace(9), Lock.repo(3), Lock.repo(7), Lock.audit())


def test_locks_of_different_kinds_differ_although_their_numbers_are_equal() -> None:
    assert Lock.repo(7) != Lock.namespace(7)
    assert Lock.file("0" * 64) != Lock.xorb("0" * 64)


def test_many_files_need_few_locks() -> None:
    locks = in_order(Lock.file(f"{number:08x}{'0' * 56}") for number in range(10_000))
    assert len(locks) == 256  # as many as there are numbers


def test_a_lock_of_a_key_has_a_number_that_every_process_computes_alike() -> None:
    assert Lock.job("deliver:1:2") == Lock.job("deliver:1:2") != Lock.job("deliver:1:3")
    assert all(0 <= Lock.job(str(number)).number < 2**31 for number in range(100))


def test_locks_of_what_nobody_else_can_know_are_not_taken() -> None:
    assert in_order([Lock.new_repo(), Lock.nothing(), Lock.repo(3)]) == (Lock.repo(3),)


def test_every_xorb_has_one_of_all_the_locks_of_xorbs() -> None:
    every = Lock.all_xorbs()
    assert len(set(every)) == 256
    assert all(Lock.xorb(f"{number:08x}{'0' * 56}") in every for number in range(0, 2**32, 2**26))

from __future__ import annotations

import pytest

from entrepot.xet.machine_code import Program, if_possible

pytest.importorskip("wasmtime", reason="the extra 'speed' is not installed")
ADD = """(module (memory (export "memory") 1 1)
  (func (export "add") (param $a i32) (param $b i32) (result i32) (i32.add (local.get $a) (local.get $b)))
  (func (export "keep") (param $a i32) (i32.store8 (i32.const 7) (local.get $a))))"""


def test_functions_are_called_by_name() -> None:
    with Program(ADD).borrow() as instance:
        assert instance.call("add", 40, 2) == 42
        assert instance.call("keep", 9) is None
        assert (len(instance.memory), instance.memory[7]) == (65_536, 9)


def test_two_users_at_a_time_have_memories_of_their_own_and_the_next_one_inherits_one() -> None:
    program = Program(ADD, lambda memory: memory.__setitem__(0, 5))
    with program.borrow() as first, program.borrow() as second:
        first.call("keep", 1)
        second.call("keep", 2)
        assert [(one.memory[0], one.memory[7]) for one in (first, second)] == [(5, 1), (5, 2)]
    with program.borrow() as again:
        assert again in (first, second)


def test_an_instance_whose_user_failed_is_not_used_again() -> None:
    program = Program(ADD)
    with pytest.raises(ZeroDivisionError), program.borrow() as failed:
        raise ZeroDivisionError
    with program.borrow() as other:
        assert other is not failed


def test_code_that_cannot_be_compiled_here_is_none_and_is_not_tried_again() -> None:
    tries: list[int] = []

    def make() -> Program:
        tries.append(1)
        raise OSError("no memory may be executed here")

    made = if_possible(make)
    assert (made(), made(), len(tries)) == (None, None, 1)


def test_what_was_compiled_is_kept() -> None:
    made = if_possible(lambda: Program(ADD))
    assert made() is made() is not None

from __future__ import annotations

import io
import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from entrepot.errors import XorbDamaged
from entrepot.hub.tables.child_pipes import FAILED, LENGTH, NUMBER, PIECE, READ
from entrepot.hub.tables.exchanges import Exchange, ProcessEnded, end_process, start_process
from entrepot.previews.tables.footer_indexes import MAX_INDEX


def exchange(said: bytes, read: Callable[[int, int, int], bytes]) -> tuple[Exchange, io.BytesIO]:
    """Return an exchange with a process that says what is given, whatever it is asked."""
    to: Any = io.BytesIO()
    process: Any = SimpleNamespace(stdin=to, stdout=io.BytesIO(said))
    return Exchange(process, read, 100), to


def zeros(_number: int, _offset: int, length: int) -> bytes:
    return bytes(length)


def test_ranges_are_served_until_there_is_a_result() -> None:
    found, to = exchange(b"SR" + READ.pack(0, 7, 3) + b"A" + LENGTH.pack(2) + b"ok", zeros)
    assert found.run({"a": 1}) == (b"A", b"ok")
    request = json.dumps({"a": 1}).encode()
    assert to.getvalue() == LENGTH.pack(len(request)) + request + LENGTH.pack(3) + bytes(3)


def test_a_range_that_fails_is_said_to_have_failed_and_its_error_kept() -> None:
    def fail(_number: int, _offset: int, _length: int) -> bytes:
        raise XorbDamaged("x" * 64)

    found, to = exchange(b"SR" + READ.pack(0, 0, 1) + b"E" + LENGTH.pack(1) + b"x", fail)
    assert found.run({}) == (b"E", b"x")
    assert isinstance(found.failure, XorbDamaged)
    assert to.getvalue().endswith(LENGTH.pack(FAILED))


def test_a_range_that_is_too_long_is_not_read() -> None:
    found, to = exchange(b"R" + READ.pack(0, 0, PIECE + 1) + b"A" + LENGTH.pack(0), zeros)
    assert found.run({}) == (b"A", b"")
    assert to.getvalue().endswith(LENGTH.pack(FAILED))


@pytest.mark.parametrize(("said", "is_idle"), [(b"", True), (b"S", False), (b"SA" + LENGTH.pack(101), False)])
def test_a_process_without_a_result_has_ended(said: bytes, is_idle: bool) -> None:
    with pytest.raises(ProcessEnded) as caught:
        exchange(said, zeros)[0].run({})
    assert caught.value.is_idle is is_idle


def test_a_process_is_ended_with_its_pipes() -> None:
    process = start_process("os")  # has no function main: it ends
    assert process.wait(60) == 1
    end_process(process)
    assert process.stdin is not None
    assert process.stdin.closed


def test_indexes_are_kept_and_bounded() -> None:
    kept: list[tuple[int, bytes]] = []
    index = b"I" + LENGTH.pack(6) + NUMBER.pack(1) + b"ab"
    to: Any = io.BytesIO()
    process: Any = SimpleNamespace(stdin=to, stdout=io.BytesIO(b"S" + index + b"A" + LENGTH.pack(2) + b"ok"))
    found = Exchange(process, zeros, 100, lambda number, data: kept.append((number, data)))
    assert (found.run({}), kept) == ((b"A", b"ok"), [(1, b"ab")])
    for length in (3, MAX_INDEX + 5):
        ended, _ = exchange(b"SI" + LENGTH.pack(length) + bytes(length), zeros)
        with pytest.raises(ProcessEnded):
            ended.run({})

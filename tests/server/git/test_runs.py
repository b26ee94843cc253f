from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

import pytest

from entrepot.errors import ClientGone, StoreUnavailable
from entrepot.server.git.runs import Run, running

T = TypeVar("T")
ECHO = "import sys, shutil; shutil.copyfileobj(sys.stdin.buffer, sys.stdout.buffer)"
STUCK = "import time; time.sleep(1000)"


async def pieces(*data: bytes | BaseException) -> AsyncIterator[bytes]:
    for piece in data:
        if isinstance(piece, BaseException):
            raise piece
        yield piece


def run(script: str, given: AsyncIterator[bytes], use: Callable[[Run], Awaitable[T]]) -> T:
    async def go() -> T:
        async with running([sys.executable, "-c", script], os.environ, given) as program:
            return await use(program)

    return asyncio.run(go())


async def everything(program: Run) -> bytes:
    data = b""
    while piece := await program.read():
        data += piece
    return data


def test_the_request_goes_in_and_the_answer_comes_out() -> None:
    big = os.urandom(5 << 20)
    assert run(ECHO, pieces(big, b"end"), everything) == big + b"end"


def test_the_exit_code_and_the_complaint_are_known_at_the_end() -> None:
    async def end(program: Run) -> tuple[int, bytes]:
        await program.read()
        return await program.finish(), program.stderr

    assert run("import sys; sys.exit('oh no')", pieces(b"x" * 100_000), end) == (1, b"oh no\n")


def test_a_program_that_is_left_is_killed() -> None:
    async def leave(program: Run) -> int:
        return program._process.pid

    pid = run(STUCK, pieces(), leave)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_an_error_of_the_request_kills_the_program_and_is_told() -> None:
    with pytest.raises(ClientGone):
        run(STUCK, pieces(b"a", ClientGone()), everything)


def test_a_program_that_is_not_there_is_a_failure_of_ours() -> None:
    async def go() -> None:
        async with running(["no-such-program"], {}, pieces()):
            pass

    with pytest.raises(StoreUnavailable):
        asyncio.run(go())

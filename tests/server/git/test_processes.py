from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

import pytest

from entrepot.errors import ClientGone, StoreUnavailable
from entrepot.server.git.processes import RunningProgram, running

T = TypeVar("T")
ECHO = "import sys, shutil; shutil.copyfileobj(sys.stdin.buffer, sys.stdout.buffer)"
STUCK = "import time; time.sleep(1000)"


async def pieces(*data: bytes | BaseException) -> AsyncIterator[bytes]:
    for piece in data:
        if isinstance(piece, BaseException):
            raise piece
        yield piece


def run(script: str, given: AsyncIterator[bytes], use: Callable[[RunningProgram], Awaitable[T]]) -> T:
    async def go() -> T:
        async with running([sys.executable, "-c", script], os.environ, given) as program:
            return await use(program)

    return asyncio.run(go())


async def everything(program: RunningProgram) -> bytes:
    data = b""
    while piece := await program.read():
        data += piece
    return data


def test_the_request_goes_in_and_the_response_comes_out() -> None:
    big = os.urandom(5 << 20)
    assert run(ECHO, pieces(big, b"end"), everything) == big + b"end"


def test_the_exit_code_and_the_complaint_are_known_at_the_end() -> None:
    async def end(program: RunningProgram) -> tuple[int, bytes]:
        await program.read()
        return await program.finish(), program.stderr

    assert run("import sys; sys.exit('oh no')", pieces(b"x" * 100_000), end) == (1, b"oh no\n")


def test_a_program_that_is_left_is_killed() -> None:
    async def leave(program: RunningProgram) -> int:
        return program._process.pid

    pid = run(STUCK, pieces(), leave)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_an_error_of_the_request_kills_the_program_and_is_reported() -> None:
    with pytest.raises(ClientGone):
        run(STUCK, pieces(b"a", ClientGone()), everything)


def test_a_program_that_is_not_there_is_a_failure_of_ours() -> None:
    async def go() -> None:
        async with running(["no-such-program"], {}, pieces()):
            pass

    with pytest.raises(StoreUnavailable):
        asyncio.run(go())


def test_a_program_that_prints_little_by_little_is_read_in_larger_pieces() -> None:
    async def count(program: RunningProgram) -> tuple[int, int]:
        lengths = []
        while piece := await program.read():
            lengths.append(len(piece))
        return len(lengths), sum(lengths)

    pieces_read, total = run("import os\nfor _ in range(3000): os.write(1, b'x' * 1000)", pieces(), count)
    assert total == 3_000_000
    assert pieces_read < 1000


def test_a_program_that_reads_nothing_does_not_hold_up_the_request() -> None:
    async def end(program: RunningProgram) -> int:
        await program.fed()
        await everything(program)
        return await program.finish()

    assert run("import os; os.close(0); print('no')", pieces(*[os.urandom(1 << 20)] * 4), end) == 0


def test_nothing_of_a_program_is_left_open() -> None:
    async def go() -> list[str]:
        before = set(os.listdir("/dev/fd"))
        for _ in range(3):
            async with running([sys.executable, "-c", ECHO], os.environ, pieces(b"a")) as program:
                assert await everything(program) == b"a"
        return sorted(set(os.listdir("/dev/fd")) - before)

    assert len(asyncio.run(go())) == 0

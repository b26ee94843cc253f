"""Child processes that read a request body from standard input and write the response to standard output.

The pipes are read directly and not through asyncio's streams, which copy
every byte twice, return 64 KiB at a time, and start a program in a way that
copies the page tables of the whole server.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import subprocess
import sys
import termios
from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping, Sequence

from entrepot.errors import StoreUnavailable
from entrepot.server.threads import settle

PIECE = 1 << 20
"""Maximum size of one piece of output, in bytes."""

_WORTHWHILE = 256 * 1024
_GATHER_S = 0.002
_MAX_STDERR = 64 * 1024


class RunningProgram:
    """A running program. Use :func:`running`."""

    def __init__(self, process: subprocess.Popen[bytes], given: AsyncIterable[bytes]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        self._process = process
        self._stdin, self._stdout, self._stderr = process.stdin, process.stdout, process.stderr
        for pipe in (self._stdin, self._stdout, self._stderr):
            os.set_blocking(pipe.fileno(), False)
        _widen(self._stdout.fileno())
        self._has_begun = False
        self._feeding = asyncio.create_task(self._feed(given))
        self._complaining = asyncio.create_task(self._listen())
        self.stderr = b""

    async def read(self) -> bytes:
        """Return the next bytes of the output, at most :data:`PIECE`; empty at the end.

        Raises:
            Any error from reading the request; the program has then been killed.
        """
        fd = self._stdout.fileno()
        if not _waiting(fd):
            await _readable(fd)
        if self._has_begun and 0 < _waiting(fd) < _WORTHWHILE:
            # Passing on a piece has a fixed cost: wait for more bytes.
            await asyncio.sleep(_GATHER_S)
        self._has_begun = True  # send the first bytes immediately
        data = os.read(fd, PIECE)
        if not data and self._feeding.done():
            self._feeding.result()
        return data

    async def fed(self) -> None:
        """Wait until reading the request has ended, successfully or not."""
        await asyncio.wait((self._feeding,))

    async def finish(self) -> int:
        """Wait for the end of the program and of the request, and return the exit code.

        Raises:
            Any error from reading the request.
        """
        await self._feeding
        await self._complaining
        return await self._ended()

    async def close(self) -> None:
        """Kill the program if it is still running, and release all resources."""
        self.kill()
        for task in (self._feeding, self._complaining):
            task.cancel()
            await settle(task)
        for pipe in (self._stdin, self._stdout, self._stderr):
            pipe.close()
        await self._ended()

    def kill(self) -> None:
        """Kill the program."""
        self._process.kill()  # no effect on a program that has ended

    async def _ended(self) -> int:
        code = self._process.poll()
        if code is None:
            code = await asyncio.get_running_loop().run_in_executor(None, self._process.wait)
        return code

    async def _feed(self, given: AsyncIterable[bytes]) -> None:
        is_open = True
        try:
            async for piece in given:
                # A program that needs no more input closes the pipe; the rest of the request is read and discarded.
                is_open = is_open and await self._write(piece)
        except BaseException:
            self.kill()
            raise
        finally:
            self._stdin.close()

    async def _write(self, piece: bytes) -> bool:
        """Write the whole piece; return False if the program has closed the pipe."""
        fd, left = self._stdin.fileno(), memoryview(piece)
        while left:
            try:
                left = left[os.write(fd, left) :]
            except BlockingIOError:
                await _writable(fd)
            except BrokenPipeError:
                return False
        return True

    async def _listen(self) -> None:
        fd = self._stderr.fileno()
        await _readable(fd)
        while data := os.read(fd, 4096):
            self.stderr = (self.stderr + data)[-_MAX_STDERR:]
            await _readable(fd)


@contextlib.asynccontextmanager
async def running(
    argv: Sequence[str], environ: Mapping[str, str], given: AsyncIterable[bytes]
) -> AsyncIterator[RunningProgram]:
    """Run a program inside the ``with`` block; it is killed if the block ends first.

    Args:
        given: its standard input in pieces; read only as fast as the program consumes it.

    Raises:
        StoreUnavailable: the program is not installed.
    """
    run = RunningProgram(_start(argv, environ), given)
    try:
        yield run
    finally:
        await run.close()


def _start(argv: Sequence[str], environ: Mapping[str, str]) -> subprocess.Popen[bytes]:
    pipe = subprocess.PIPE
    try:
        # Not in a thread: starting holds the interpreter lock until the program has been loaded.
        return subprocess.Popen(  # noqa: S603 - fixed arguments, no shell
            argv,
            env=dict(environ),
            bufsize=0,
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            start_new_session=True,
        )
    except FileNotFoundError as error:
        raise StoreUnavailable(argv[0], "the program is not installed on the hub") from error


def _widen(fd: int) -> None:
    """Enlarge a pipe to hold a whole piece, where the system supports and permits it."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, PIECE)


def _waiting(fd: int) -> int:
    """Return the number of bytes waiting in a pipe."""
    return int.from_bytes(fcntl.ioctl(fd, termios.FIONREAD, bytes(4)), "little")


async def _readable(fd: int) -> None:
    loop = asyncio.get_running_loop()
    await _event(lambda call: loop.add_reader(fd, call), lambda: loop.remove_reader(fd))


async def _writable(fd: int) -> None:
    loop = asyncio.get_running_loop()
    await _event(lambda call: loop.add_writer(fd, call), lambda: loop.remove_writer(fd))


async def _event(begin: Callable[[Callable[[], None]], object], end: Callable[[], object]) -> None:
    happened = asyncio.Event()
    begin(happened.set)
    try:
        await happened.wait()
    finally:
        end()

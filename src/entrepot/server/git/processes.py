"""A program between two streams: the request goes into it, and the answer comes out of it.

The pipes are read here and not through the event loop's own streams, which
copy every byte twice and hand on 64 KiB at a time, and whose way to start a
program copies the page tables of the whole server.
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
"""Longest piece of an answer that is handed on, in bytes."""

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
        """The next bytes that the program prints, at most :data:`PIECE`; empty at the end.

        Raises:
            What reading the request raised; the program has been killed then.
        """
        fd = self._stdout.fileno()
        if not _waiting(fd):
            await _readable(fd)
        if self._has_begun and 0 < _waiting(fd) < _WORTHWHILE:
            # Handing on a piece costs more than its bytes: let some more come together.
            await asyncio.sleep(_GATHER_S)
        self._has_begun = True  # the first bytes go out at once
        data = os.read(fd, PIECE)
        if not data and self._feeding.done():
            self._feeding.result()
        return data

    async def fed(self) -> None:
        """Wait until the whole request has been read, however that ends."""
        await asyncio.wait((self._feeding,))

    async def finish(self) -> int:
        """Wait for the end of the program and of the request; its exit code.

        Raises:
            What reading the request raised.
        """
        await self._feeding
        await self._complaining
        return await self._ended()

    async def close(self) -> None:
        """Kill the program if it still runs, and let everything go."""
        self.kill()
        for task in (self._feeding, self._complaining):
            task.cancel()
            await settle(task)
        for pipe in (self._stdin, self._stdout, self._stderr):
            pipe.close()
        await self._ended()

    def kill(self) -> None:
        """End the program now."""
        self._process.kill()  # does nothing to one that has ended

    async def _ended(self) -> int:
        code = self._process.poll()
        if code is None:
            code = await asyncio.get_running_loop().run_in_executor(None, self._process.wait)
        return code

    async def _feed(self, given: AsyncIterable[bytes]) -> None:
        is_open = True
        try:
            async for piece in given:
                # A program that has seen enough closes its side; the rest is read and dropped.
                is_open = is_open and await self._write(piece)
        except BaseException:
            self.kill()
            raise
        finally:
            self._stdin.close()

    async def _write(self, piece: bytes) -> bool:
        """Write all of it; False when nobody reads it any more."""
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
    """A program that runs inside the ``with`` and is killed when that is left before its end.

    Args:
        given: what it reads, piece by piece; asked for only as fast as the program takes it.

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
        # No thread for this: it takes the interpreter lock until the program has been loaded.
        return subprocess.Popen(  # noqa: S603 - the words are ours, never a shell's
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
    """Let a pipe hold a whole piece, where the system knows how and this user may."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, PIECE)


def _waiting(fd: int) -> int:
    """How many bytes a pipe holds."""
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

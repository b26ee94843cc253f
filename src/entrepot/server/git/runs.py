"""A program between two streams: the request goes into it, and the answer comes out of it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterable, AsyncIterator, Mapping, Sequence

from entrepot.errors import StoreUnavailable
from entrepot.server.threads import settle

PIECE = 256 * 1024
_MAX_STDERR = 64 * 1024


class Run:
    """A running program. Use :func:`running`."""

    def __init__(self, process: asyncio.subprocess.Process, given: AsyncIterable[bytes]) -> None:
        self._process = process
        self._feeding = asyncio.create_task(self._feed(given))
        self._complaining = asyncio.create_task(self._listen())
        self.stderr = b""

    async def read(self) -> bytes:
        """The next bytes that the program prints; empty at the end.

        Raises:
            What reading the request raised; the program has been killed then.
        """
        assert self._process.stdout is not None
        data = await self._process.stdout.read(PIECE)
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
        return await self._process.wait()

    async def close(self) -> None:
        """Kill the program if it still runs, and let everything go."""
        self.kill()
        for task in (self._feeding, self._complaining):
            task.cancel()
            await settle(task)
        await self._process.wait()

    def kill(self) -> None:
        """End the program now."""
        with contextlib.suppress(ProcessLookupError):
            if self._process.returncode is None:
                self._process.kill()

    async def _feed(self, given: AsyncIterable[bytes]) -> None:
        stdin = self._process.stdin
        assert stdin is not None
        try:
            async for piece in given:
                # A program that has seen enough closes its side (uvloop: RuntimeError); the rest is read and dropped.
                with contextlib.suppress(BrokenPipeError, ConnectionResetError, RuntimeError):
                    if piece and not stdin.is_closing():
                        stdin.write(piece)
                        await stdin.drain()
        except BaseException:
            self.kill()
            raise
        finally:
            stdin.close()

    async def _listen(self) -> None:
        assert self._process.stderr is not None
        while data := await self._process.stderr.read(4096):
            self.stderr = (self.stderr + data)[-_MAX_STDERR:]


@contextlib.asynccontextmanager
async def running(argv: Sequence[str], environ: Mapping[str, str], given: AsyncIterable[bytes]) -> AsyncIterator[Run]:
    """A program that runs inside the ``with`` and is killed when that is left before its end.

    Args:
        given: what it reads, piece by piece; asked for only as fast as the program takes it.

    Raises:
        StoreUnavailable: the program is not installed.
    """
    pipe = asyncio.subprocess.PIPE
    try:
        process = await asyncio.create_subprocess_exec(
            *argv, env=dict(environ), stdin=pipe, stdout=pipe, stderr=pipe, limit=PIECE, start_new_session=True
        )
    except FileNotFoundError as error:
        raise StoreUnavailable(argv[0], "the program is not installed on the hub") from error
    run = Run(process, given)
    try:
        yield run
    finally:
        await run.close()

"""Counters of all worker processes of a server, exchanged over Unix sockets when one of them is scraped.

Each worker listens on a socket in a private folder of the supervising process
(mode 0700). A scrape reaches one worker, which requests the counters of the
others. Nothing is kept on disk, so a restart leaves no stale series. Without
Unix sockets (Windows), each worker reports its own counters.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import attrs

from entrepot.server.log_format import render

_PATIENCE_S = 2.0

_log = logging.getLogger("entrepot.server")


@attrs.frozen
class WorkerGroup:
    """The workers of one server: this process is ``number`` of ``count``."""

    folder: Path
    number: int
    count: int

    def socket_of(self, number: int) -> Path:
        """Return the path of a worker's socket."""
        return self.folder / f"{number}.sock"


_group: WorkerGroup | None = None


def join_group(group: WorkerGroup | None) -> None:
    """Make this process a member of a group; None leaves it."""
    global _group  # noqa: PLW0603 - a process is at most one worker
    _group = group


@contextlib.asynccontextmanager
async def answering(snapshot: Callable[[], bytes]) -> AsyncIterator[None]:
    """Serve this worker's counters to the others inside the ``async with`` block; outside a group, do nothing."""
    if _group is None or sys.platform == "win32":
        yield
        return

    async def respond(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            writer.write(snapshot())
            await writer.drain()
        writer.close()

    own = _group.socket_of(_group.number)
    try:
        own.unlink(missing_ok=True)  # left by a worker that died
        server = await asyncio.start_unix_server(respond, own)
    except OSError as error:
        _log.warning(render("metrics.alone", worker=_group.number, error=str(error)))
        yield
        return
    try:
        yield
    finally:
        server.close()


async def ask_others() -> list[bytes]:
    """Return the snapshots of the other workers, without those that do not respond within two seconds."""
    if _group is None or sys.platform == "win32":
        return []
    others = [number for number in range(_group.count) if number != _group.number]
    found = await asyncio.gather(*(_ask(_group.socket_of(number)) for number in others))
    return [snapshot for snapshot in found if snapshot]


async def _ask(socket: Path) -> bytes:
    try:
        async with asyncio.timeout(_PATIENCE_S):
            reader, writer = await asyncio.open_unix_connection(socket)
            try:
                return await reader.read()
            finally:
                writer.close()
    except OSError:  # includes TimeoutError
        return b""

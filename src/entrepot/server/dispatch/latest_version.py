"""The current version of the database, read for every request that may be answered from memory."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from entrepot.hub.versioned_cache import Version, VersionWatch

_PATIENCE_S = 2.0


class LatestVersion:
    """Reads a watch on behalf of requests. Belongs to one event loop.

    A watch that has to wait for a server is read in its own thread. Requests share one
    reading if all of them arrived before it began.
    """

    def __init__(self, watch: VersionWatch) -> None:
        """Set up the reader; nothing is read yet.

        Args:
            watch: closed with this object.
        """
        self._watch = watch
        self._thread = None if watch.is_immediate else ThreadPoolExecutor(1, thread_name_prefix="version")
        self._asked: asyncio.Task[Version | None] | None = None
        self._next: asyncio.Task[Version | None] | None = None

    async def ask(self) -> Version | None:
        """Return the version at some moment after the call; None if it is not known within two seconds."""
        if self._thread is None:
            return self._watch.version()
        if self._next is None:
            self._next = asyncio.create_task(self._ask_after(self._asked))
        try:
            async with asyncio.timeout(_PATIENCE_S):
                return await asyncio.shield(self._next)
        except TimeoutError:
            return None

    def close(self) -> None:
        """Close the watch. Blocks."""
        if self._thread is not None:
            self._thread.shutdown(wait=True, cancel_futures=True)
        self._watch.close()

    async def _ask_after(self, earlier: asyncio.Task[Version | None] | None) -> Version | None:
        if earlier is not None and not earlier.done():
            await asyncio.wait((earlier,))
        self._asked, self._next = self._next, None  # who comes now needs a later question
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._watch.version)

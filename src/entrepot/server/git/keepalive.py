"""Keepalives: progress messages while a push is processed.

Checking and storing a push of many objects takes minutes after its last byte
has arrived; a proxy or a client that receives nothing for so long gives up.
Source: git, Documentation/gitprotocol-pack.adoc, "Packfile Data" (side-bands);
``builtin/receive-pack.c`` (keepalives).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

import attrs
from starlette.types import Send

from entrepot.git.commands import KEEPALIVE, PushRequest, render_progress
from entrepot.server.threads import settle

T = TypeVar("T")

_LOOK_S: Final = 1.0
_SILENT_LOOKS: Final = 5


@attrs.define(eq=False)
class KeepaliveResponse:
    """The response to a push: streamed with progress if the push is slow, sent whole if it is fast.

    Used by one task, after the whole request has been read: until then the
    client is sending, and many proxies do not forward a response.
    """

    _send: Send
    _headers: list[tuple[bytes, bytes]]
    _asked: PushRequest
    _look_s: float = _LOOK_S
    _is_begun: bool = False
    _silent: int = 0
    _shown: str = ""

    async def during(self, work: Coroutine[Any, Any, T], progress: Callable[[], str]) -> T:
        """Wait for some work and return its result, while sending progress.

        Args:
            progress: returns the current progress; called every second.
        """
        task = asyncio.ensure_future(work)
        try:
            while not task.done():
                await asyncio.wait((task,), timeout=self._look_s)
                if not task.done() and self._asked.is_patient:
                    await self._show(progress())
            return task.result()
        finally:
            task.cancel()
            await settle(task)

    async def conclude(self, report: bytes) -> None:
        """Send the report of the push and end the response."""
        if not self._is_begun:
            length = (b"content-length", str(len(report)).encode())
            await self._send({"type": "http.response.start", "status": 200, "headers": [*self._headers, length]})
        end = render_progress("\n") if self._shown else b""
        await self._send({"type": "http.response.body", "body": end + report})

    async def _show(self, text: str) -> None:
        if text and text != self._shown and not self._asked.is_quiet:
            is_same_line = text.partition(":")[0] == self._shown.partition(":")[0]
            await self._send_progress(render_progress(("" if is_same_line or not self._shown else "\n") + text + "\r"))
            self._shown = text
            self._silent = 0
            return
        self._silent += 1
        if self._silent >= _SILENT_LOOKS:
            await self._send_progress(KEEPALIVE)
            self._silent = 0

    async def _send_progress(self, data: bytes) -> None:
        if not self._is_begun:
            self._is_begun = True
            await self._send({"type": "http.response.start", "status": 200, "headers": self._headers})
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

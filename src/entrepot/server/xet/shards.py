"""Shards: the files of an upload, registered after complete verification.

Old clients wait for one JSON response. New ones read lines, keep waiting as
long as lines arrive, and show only the message of the last one.
Source: docs/protocols/xet.md, section 7.7.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Generator, Iterator

import attrs
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from entrepot.errors import Busy, ClientGone, Damaged, EntrepotError, Unavailable, XorbMissing
from entrepot.hub.files import shards
from entrepot.hub.files.shards import MAX_SHARD_BODY
from entrepot.hub.files.xet_tokens import XetToken
from entrepot.server.bodies import read_small
from entrepot.server.handlers import app_state, json_response, wait_until_gone
from entrepot.server.limits.fair_slots import FairSlots
from entrepot.server.limits.release_times import ReleaseTimes
from entrepot.server.log_format import render
from entrepot.server.threads import line_of, settle
from entrepot.server.xet.auth import authorised_call, require_writer
from entrepot.wire.errors import lasting_status
from entrepot.wire.files.xet import Registered, ShardFailure, ShardLine, ShardResponse, Validating, encode_line

LINE_EVERY_S = 15.0
"""Seconds between lines; clients give up after five minutes without a line, proxies often after one."""

SLICE_S = 0.1
"""Seconds that a shard is verified before another caller's has its turn."""

MAX_WAITING = 2 * MAX_SHARD_BODY
MAX_WAITING_IN_ALL = 8 * MAX_SHARD_BODY
"""Maximum bytes of shards in memory, for one account and for all accounts together."""

MISSING_S = 0.05
"""The failure of a shard that names chunks which are not available leaves at multiples of these seconds: whether they
are stored or not, for others, takes a little time."""

LINES = "application/x-ndjson"

_EVERYONE = 1 << 30

_log = logging.getLogger("entrepot.server")


class ShardHandler:
    """Registers shards, those of each account one after the other, and those of several accounts in time slices."""

    def __init__(self, slots: FairSlots) -> None:
        """Verify while holding one of the slots, for a slice at a time."""
        self._slots = slots
        self._accounts = FairSlots(_EVERYONE, per_caller=1)
        self._waiting: Counter[str] = Counter()
        self._missing = ReleaseTimes(MISSING_S)

    async def register(self, request: Request) -> Response:
        """Handle ``POST shards``: register a shard and return one JSON object, or the usual error."""
        given = await authorised_call(request, require_writer)
        await self._register(request, given, await read_small(request, MAX_SHARD_BODY))
        return json_response(ShardResponse())

    async def register_streaming(self, request: Request) -> ProgressResponse:
        """Handle ``POST /v2/shards``: stream progress lines; only a bad token or body gets the usual error response."""
        given = await authorised_call(request, require_writer)
        data = await read_small(request, MAX_SHARD_BODY)
        return ProgressResponse(lambda: self._register(request, given, data), request.scope["state"]["request_id"])

    async def _register(self, request: Request, given: XetToken, data: bytes) -> None:
        state, account, arrived = app_state(request), str(given.user_id), self._missing.now()
        with self._counted(account, len(data)):
            async with self._accounts.hold(account):
                try:
                    await self._run(request, account, shards.register_steps(state.hub, given, data))
                except XorbMissing:
                    await self._missing.wait(arrived)
                    raise

    async def _run(self, request: Request, account: str, steps: Generator[None, None, None]) -> None:
        threads, line = app_state(request).threads, line_of(request.scope)
        watching: asyncio.Task[None] | None = None
        try:
            while True:
                async with self._slots.hold(account):
                    if not await threads.run_transfer(_run_slice, steps, line=line):
                        return
                watching = watching or asyncio.create_task(wait_until_gone(request))
                if watching.done():
                    raise ClientGone
        finally:
            steps.close()
            if watching is not None:
                watching.cancel()
                await settle(watching)

    @contextlib.contextmanager
    def _counted(self, account: str, size: int) -> Iterator[None]:
        """Count the bytes of a shard inside the block.

        Raises:
            Busy: too many bytes of shards are waiting already.
        """
        if self._waiting[account] + size > MAX_WAITING or self._waiting.total() + size > MAX_WAITING_IN_ALL:
            raise Busy("the verification of shards")
        self._waiting[account] += size
        try:
            yield
        finally:
            self._waiting[account] -= size
            if not self._waiting[account]:
                del self._waiting[account]


def _run_slice(steps: Generator[None, None, None]) -> bool:
    """Run the next steps of a shard; return whether some are left."""
    ends = time.monotonic() + SLICE_S
    return any(time.monotonic() > ends for _step in steps)


@attrs.frozen
class ProgressResponse:
    """A response that streams the progress of some work as lines; the last line is its result.

    Guarantees: the work has ended when the response ends. An unexpected error
    is left to the middleware, which responds 500 or closes the connection; the
    client then retries.
    """

    work: Callable[[], Awaitable[None]]
    request_id: str
    every_s: float = LINE_EVERY_S

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the work and send its progress."""
        working = asyncio.create_task(self._ended())
        started = False
        try:
            while not (await asyncio.wait({working}, timeout=self.every_s))[0]:
                await self._send(send, Validating(verified=0, total=1), begins=not started, ends=False)
                started = True
            await self._send(send, working.result(), begins=not started, ends=True)
        finally:
            await settle(working)

    async def _ended(self) -> Registered | ShardFailure:
        try:
            await self.work()
        except EntrepotError as error:
            if isinstance(error, Damaged):
                _log.error(render("shard.failed", id=self.request_id), exc_info=error)
            is_retryable = isinstance(error, Unavailable) and lasting_status(error) is None
            return ShardFailure(message=error.public_message, retryable=is_retryable)
        return Registered()

    async def _send(self, send: Send, line: ShardLine, *, begins: bool, ends: bool) -> None:
        if begins:
            headers = [
                (b"content-type", LINES.encode()),
                (b"cache-control", b"no-store"),
                (b"x-accel-buffering", b"no"),
            ]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": encode_line(line), "more_body": not ends})

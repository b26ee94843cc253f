"""Fetches: the response of a git process is streamed to the client while the request is streamed into it."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Callable

import attrs
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from entrepot.errors import ClientGone, Damaged, EntrepotError
from entrepot.git.listings import COMMAND, parse_question, render_listing
from entrepot.hub.context import HubContext
from entrepot.hub.git import git_wire
from entrepot.hub.git.git_wire import GitCommand
from entrepot.names import RepoRef
from entrepot.server.git.git_errors import text_error_response
from entrepot.server.git.inflation import inflated
from entrepot.server.git.packets import PacketStream
from entrepot.server.git.processes import RunningProgram, running
from entrepot.server.handlers import app_state, call_hub, call_hub_slow, sender_of
from entrepot.server.threads import line_of, settle

MAX_REQUEST = 256 << 20
"""Maximum size of the list of wanted and known commits, in bytes."""

NO_CACHE = {"cache-control": "no-cache, max-age=0, must-revalidate", "vary": "Authorization"}
_REFUSAL = re.compile(rb"[0-9a-f]{4}ERR ")
_RESULT = "application/x-git-upload-pack-result"


async def fetch(request: Request, ref: RepoRef) -> ASGIApp:
    """Handle ``POST …/git-upload-pack``."""
    protocol = request.headers.get("git-protocol", "")
    stream = PacketStream(inflated(request.scope, request.receive, limit=MAX_REQUEST))
    if git_wire.uses_protocol_v2(protocol) and (await stream.peek(4 + len(COMMAND)))[4:] == COMMAND:
        # Every clone begins with this request; reading rows is faster than starting a process.
        packets = await stream.message()

        def answer(hub: HubContext, caller: git_wire.MaybeCaller) -> bytes:
            return render_listing(parse_question(packets), git_wire.list_refs(hub, caller, ref))

        return Response(await call_hub(request, answer), headers=NO_CACHE, media_type=_RESULT)
    sender = await sender_of(request)
    command = await fetch_command(request, lambda hub, caller: git_wire.serve_uploads(hub, caller, ref, protocol))
    return ProgramResponse(request, command, stream.rest(), b"", _RESULT.encode(), sender)


async def fetch_command(request: Request, find: Callable[[HubContext, git_wire.MaybeCaller], GitCommand]) -> GitCommand:
    """Prepare a git command in a thread; release it if the request is cancelled meanwhile."""
    prepared: list[GitCommand] = []
    try:
        await call_hub_slow(request, lambda hub, caller: prepared.append(find(hub, caller)))
    except BaseException:
        for command in prepared:
            command.release()
        raise
    return prepared[0]


class _NotBegun(Exception):
    """The request failed before the first byte of the output, so an error response can still be sent."""

    def __init__(self, reason: EntrepotError) -> None:
        super().__init__(reason)
        self.reason = reason


@attrs.frozen(eq=False)
class ProgramResponse:
    """A response with the output of a program, preceded by ``lead``; it begins in the turn of its ``sender``."""

    request: Request
    command: GitCommand
    body: AsyncIterator[bytes]
    lead: bytes
    media_type: bytes
    sender: str

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the program; the response starts at its first byte, so an earlier failure becomes an error response."""
        try:
            async with (
                app_state(self.request).fetches.hold(self.sender),
                running(self.command.argv, self.command.environ, self.body) as run,
            ):
                watching = asyncio.create_task(_kill_when_gone(run, receive))
                try:
                    first = await self._begin(run, watching)
                    await self._pass_on(run, first, send, watching)
                finally:
                    watching.cancel()
                    await settle(watching)
        except _NotBegun as failure:
            await text_error_response(self.request, failure.reason)(scope, receive, send)
        finally:
            self.command.release()

    async def _begin(self, run: RunningProgram, watching: asyncio.Task[None]) -> bytes:
        """Return the first bytes of the output."""
        try:
            first = await run.read()
            if not first:
                await self._conclude(run, watching)
        except (ClientGone, Damaged):
            raise
        except EntrepotError as error:
            raise _NotBegun(error) from None
        return first

    async def _pass_on(self, run: RunningProgram, first: bytes, send: Send, watching: asyncio.Task[None]) -> None:
        headers = [(name.encode(), value.encode()) for name, value in NO_CACHE.items()]
        headers.append((b"content-type", self.media_type))
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        data = self.lead + first
        while data:
            await send({"type": "http.response.body", "body": data, "more_body": True})
            data = await run.read()
        # Git reports what it refuses in a packet, and fails then: the response is complete all the same.
        if not _REFUSAL.match(first):
            await self._conclude(run, watching)
        await send({"type": "http.response.body", "body": b""})

    async def _conclude(self, run: RunningProgram, watching: asyncio.Task[None]) -> None:
        """Raise unless the program has succeeded."""
        code = await run.finish()
        if watching.done():
            raise ClientGone
        if code:
            state, line = app_state(self.request), line_of(self.request.scope)
            await state.threads.run_transfer(git_wire.check_mirror, state.hub, self.command, run.stderr, line=line)
            raise git_wire.fetch_failure(run.stderr)


async def _kill_when_gone(run: RunningProgram, receive: Receive) -> None:
    """Kill the program when the peer disconnects, which sending does not reveal; starts after the request is read."""
    await run.fed()
    with contextlib.suppress(ClientGone):
        while (await receive())["type"] != "http.disconnect":
            pass
    run.kill()

"""Pushes: the pack is streamed into quarantine; then one use case checks and publishes it.

Failures are reported in a response with status 200: of any other status, git
shows only the number.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import attrs
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from entrepot.errors import ClientGone, Damaged, EntrepotError, LimitExceeded, Malformed, RepoNotFound
from entrepot.git import FLUSH, pkt_line
from entrepot.git.commands import CommandStatus, parse_request, render_advertisement, render_report
from entrepot.git.commands import PushRequest as Asked
from entrepot.git.packs import HEADER_BYTES
from entrepot.hub.git import push_publishing, pushes
from entrepot.hub.git.pushes import Push
from entrepot.names import RepoRef
from entrepot.server.git.git_errors import text_error_response
from entrepot.server.git.inflation import inflated
from entrepot.server.git.keepalive import KeepaliveResponse
from entrepot.server.git.packets import PacketStream
from entrepot.server.git.processes import RunningProgram, running
from entrepot.server.handlers import AppState, app_state, call_hub, call_hub_slow
from entrepot.server.hf.repos.reservation_waits import call_hub_before_push
from entrepot.server.threads import line_of

_HEADERS = {"cache-control": "no-cache, max-age=0, must-revalidate", "vary": "Authorization"}
_RESULT = [(name.encode(), value.encode()) for name, value in _HEADERS.items()]
_RESULT.append((b"content-type", b"application/x-git-receive-pack-result"))
_CHECK_S = 900.0
_SPARE = 1 << 30


async def advertise(request: Request, ref: RepoRef) -> ASGIApp:
    """Handle ``GET …/info/refs?service=git-receive-pack``."""
    try:
        refs = await call_hub_before_push(
            request, lambda hub, caller, waiter: pushes.advertise(hub, caller, ref, waiter)
        )
    except RepoNotFound as error:
        cure = f"; to push to it, create it first: hf repo create {ref.id} --repo-type {ref.type.value}"
        return text_error_response(request, error, cure=cure if ref.id.name and not error.anonymous else "")
    lead = pkt_line(b"# service=git-receive-pack\n") + FLUSH
    return _response(lead + render_advertisement(refs), "advertisement")


async def receive(request: Request, ref: RepoRef) -> ASGIApp:
    """Handle ``POST …/git-receive-pack``."""
    limit = app_state(request).hub.settings.max_pack + _SPARE  # git itself reports a pack that is slightly too long
    stream = PacketStream(inflated(request.scope, request.receive, limit=limit))
    lines = await stream.section()
    if not lines:
        await call_hub(request, pushes.list_refs, ref)
        return _response(b"", "result")  # git tests its credentials before it sends a large body
    # In a thread: there may be a hundred thousand lines.
    asked = await app_state(request).threads.run_transfer(parse_request, lines, line=line_of(request.scope))
    if "push-options" in asked.capabilities:
        await stream.section()
    try:
        push = await _begin(request, ref, asked)
    except (RepoNotFound, LimitExceeded) as error:
        if isinstance(error, RepoNotFound) and error.anonymous:
            raise  # the response asks for credentials
        # The repository existed, and could be pushed to, when git requested its refs.
        await _drain(stream.rest())
        return _response(_refusal(asked, error), "result")
    return PushResponse(app_state(request), push, stream)


@attrs.frozen(eq=False)
class PushResponse:
    """A response that receives the pack, publishes the push and reports the result."""

    state: AppState
    push: Push
    stream: PacketStream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Process the push and send progress to the client."""
        wait = KeepaliveResponse(send, _RESULT, self.push.request)
        try:
            report = await _receive(self.state, self.push, self.stream, wait, line_of(scope))
        finally:
            await self.state.threads.run_transfer(self.push.close, line=line_of(scope))
        await wait.conclude(report)


async def _begin(request: Request, ref: RepoRef, asked: Asked) -> Push:
    begun: list[Push] = []
    try:
        await call_hub_slow(request, lambda hub, caller: begun.append(pushes.begin(hub, caller, ref, asked)))
    except BaseException:
        for push in begun:
            push.close()
        raise
    return begun[0]


async def _receive(state: AppState, push: Push, stream: PacketStream, wait: KeepaliveResponse, line: bytes) -> bytes:
    """Receive the pack and publish it; return the report of success or failure."""
    asked = push.request
    try:
        if asked.has_pack:
            await _take_in(push, stream, wait)
    except (ClientGone, Damaged):
        raise
    except EntrepotError as error:
        return _refusal(asked, error)
    try:
        work = state.threads.run_transfer(push_publishing.finish, push, line=line)
        verdicts = await wait.during(work, lambda: push.progress.text)
    except Damaged:
        raise
    except EntrepotError as error:
        verdicts = [CommandStatus(command.ref, error.message) for command in asked.commands]
        return render_report(asked, verdicts, said=f"{error.message}\n")
    return render_report(asked, verdicts, said=push.progress.warnings)


def _refusal(asked: Asked, error: EntrepotError) -> bytes:
    verdicts = [CommandStatus(command.ref, "the pack was refused") for command in asked.commands]
    return render_report(asked, verdicts, unpacked=error.message, said=f"{error.message}\n")


async def _take_in(push: Push, stream: PacketStream, wait: KeepaliveResponse) -> None:
    """Let git check and store the pack in quarantine.

    Raises:
        Malformed, LimitExceeded: git refused the pack, or checking it took too long.
    """
    head = await stream.peek(HEADER_BYTES)
    try:
        number = pushes.check_pack(head)
    except EntrepotError:
        await _drain(stream.rest())
        raise
    if not number:
        await _drain(stream.rest())
        return
    receiver = push.receiver(number)
    async with running(receiver.argv, receiver.environ, stream.rest()) as run:
        await run.fed()  # git prints one line, and only at its end
        try:
            async with asyncio.timeout(_CHECK_S):
                code = await wait.during(_end_of(run), lambda: _newest_line(run.stderr))
        except TimeoutError:
            raise Malformed("pack", f"checking it took more than {_CHECK_S:.0f} s") from None
    if code:
        raise pushes.why_refused(push, number, run.stderr)


async def _end_of(run: RunningProgram) -> int:
    while await run.read():
        pass
    return await run.finish()


def _newest_line(stderr: bytes) -> str:
    """Return git's latest progress line, as shown on a terminal."""
    lines = stderr.decode("utf-8", "replace").splitlines()
    return next((line.strip() for line in reversed(lines) if "%" in line), "Indexing objects")


async def _drain(rest: AsyncIterator[bytes]) -> None:
    async for _ in rest:
        pass


def _response(body: bytes, what: str) -> Response:
    return Response(body, headers=_HEADERS, media_type=f"application/x-git-receive-pack-{what}")

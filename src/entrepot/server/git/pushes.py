"""Pushes: the pack streams into quarantine, then one use case decides and publishes.

A failure is told inside an answer of status 200: of any other one git shows
only the number.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from entrepot.errors import ClientGone, Damaged, EntrepotError, Malformed, RepoNotFound
from entrepot.git import FLUSH, pkt_line
from entrepot.git.commands import Request as Asked
from entrepot.git.commands import Verdict, parse_request, render_advertisement, render_report
from entrepot.git.packs import HEADER_BYTES
from entrepot.hub import git_wire, pushes
from entrepot.hub.pushes import Push
from entrepot.names import RepoRef
from entrepot.server.doors import ask, ask_slowly, house_of
from entrepot.server.git.failures import explain
from entrepot.server.git.inflation import inflated
from entrepot.server.git.packets import PacketStream
from entrepot.server.git.runs import running

_HEADERS = {"cache-control": "no-cache, max-age=0, must-revalidate", "vary": "Authorization"}
_CHECK_S = 900.0
_SPARE = 1 << 30


async def advertise(request: Request, ref: RepoRef) -> ASGIApp:
    """GET …/info/refs?service=git-receive-pack."""
    try:
        refs = await ask(request, pushes.list_refs, ref)
    except RepoNotFound as error:
        cure = f"; to push to it, create it first: hf repo create {ref.id} --repo-type {ref.type.value}"
        return explain(request, error, cure="" if error.anonymous else cure)
    lead = pkt_line(b"# service=git-receive-pack\n") + FLUSH
    return _answer(lead + render_advertisement(refs), "advertisement")


async def receive(request: Request, ref: RepoRef) -> ASGIApp:
    """POST …/git-receive-pack."""
    limit = house_of(request).hub.settings.max_pack + _SPARE  # a pack a little too long is told so by git
    stream = PacketStream(inflated(request.scope, request.receive, limit=limit))
    lines = await stream.section()
    if not lines:
        await ask(request, pushes.list_refs, ref)
        return _answer(b"", "result")  # git tries its credentials before it sends something long
    asked = parse_request(lines)
    if "push-options" in asked.capabilities:
        await stream.section()
    push = await _begin(request, ref, asked)
    try:
        return _answer(await _settle(request, push, stream), "result")
    finally:
        await house_of(request).threads.run_transfer(push.close)


async def _begin(request: Request, ref: RepoRef, asked: Asked) -> Push:
    begun: list[Push] = []
    try:
        await ask_slowly(request, lambda hub, caller: begun.append(pushes.begin(hub, caller, ref, asked)))
    except BaseException:
        for push in begun:
            push.close()
        raise
    return begun[0]


async def _settle(request: Request, push: Push, stream: PacketStream) -> bytes:
    """Take the pack in and publish it; the report, whatever it says."""
    asked = push.request
    try:
        problem = await _take_in(push, stream) if asked.has_pack else ""
    except (ClientGone, Damaged):
        raise
    except EntrepotError as error:
        problem = error.message
    if problem:
        verdicts = [Verdict(command.ref, "the pack was refused") for command in asked.commands]
        return render_report(asked, verdicts, unpacked=problem, said=f"{problem}\n")
    try:
        verdicts = await house_of(request).threads.run_transfer(pushes.finish, push)
    except Damaged:
        raise
    except EntrepotError as error:
        verdicts = [Verdict(command.ref, error.message) for command in asked.commands]
        return render_report(asked, verdicts, said=f"{error.message}\n")
    return render_report(asked, verdicts)


async def _take_in(push: Push, stream: PacketStream) -> str:
    """Let git check and keep the pack; what it complains about, or nothing."""
    head = await stream.peek(HEADER_BYTES)
    try:
        number = pushes.check_pack(head)
    except EntrepotError as error:
        await _drain(stream.rest())
        return error.message
    if not number:
        await _drain(stream.rest())
        return ""
    async with running(push.argv, push.environ, stream.rest()) as run:
        while await run.read():
            pass
        await run.fed()
        try:
            async with asyncio.timeout(_CHECK_S):
                code = await run.finish()
        except TimeoutError:
            raise Malformed("pack", f"checking it took more than {_CHECK_S:.0f} s") from None
    return git_wire.reason(run.stderr) if code else ""


async def _drain(rest: AsyncIterator[bytes]) -> None:
    async for _ in rest:
        pass


def _answer(body: bytes, what: str) -> Response:
    return Response(body, headers=_HEADERS, media_type=f"application/x-git-receive-pack-{what}")

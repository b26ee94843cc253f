"""The ref advertisement: the first request of every git client, answered with refs and capabilities."""

from __future__ import annotations

from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from entrepot.errors import Malformed
from entrepot.git import FLUSH, pkt_line
from entrepot.git.listings import render_capabilities
from entrepot.hub.git import git_wire
from entrepot.names import RepoRef
from entrepot.server.git import pushes
from entrepot.server.git.fetches import NO_CACHE, ProgramResponse, fetch_command
from entrepot.server.handlers import call_hub, sender_of

_UPLOADS = "git-upload-pack"
_PUSHES = "git-receive-pack"


async def advertise(request: Request, ref: RepoRef) -> ASGIApp:
    """Handle ``GET …/info/refs?service=…``."""
    service = request.query_params.get("service", "")
    if service == _PUSHES:
        return await pushes.advertise(request, ref)
    if service != _UPLOADS:
        raise Malformed("parameter 'service'", "this hub speaks git's smart protocol only; use git 1.6.6 or newer")
    protocol = request.headers.get("git-protocol", "")
    media_type = f"application/x-{service}-advertisement"
    if git_wire.uses_protocol_v2(protocol):
        await call_hub(request, git_wire.check_fetch, ref)
        return Response(render_capabilities(), headers=NO_CACHE, media_type=media_type)
    sender = await sender_of(request)
    command = await fetch_command(request, lambda hub, caller: git_wire.advertise_uploads(hub, caller, ref, protocol))
    lead = pkt_line(f"# service={service}\n".encode()) + FLUSH  # source: git, http-backend.c (get_info_refs)
    return ProgramResponse(request, command, _nothing(), lead, media_type.encode(), sender)


async def _nothing() -> AsyncIterator[bytes]:
    for piece in (b"",):
        yield piece

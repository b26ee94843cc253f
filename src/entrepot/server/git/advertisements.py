"""The first question of every client: which refs are there, and what can be asked."""

from __future__ import annotations

from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.types import ASGIApp

from entrepot.errors import Malformed
from entrepot.git import FLUSH, pkt_line
from entrepot.hub import git_wire
from entrepot.names import RepoRef
from entrepot.server.doors import house_of
from entrepot.server.git import pushes
from entrepot.server.git.fetches import Streamed, errand_of

_UPLOADS = "git-upload-pack"
_PUSHES = "git-receive-pack"


async def advertise(request: Request, ref: RepoRef) -> ASGIApp:
    """GET …/info/refs?service=…"""
    service = request.query_params.get("service", "")
    if service == _PUSHES:
        return await pushes.advertise(request, ref)
    if service != _UPLOADS:
        raise Malformed("parameter 'service'", "this hub speaks git's smart protocol only; use git 1.6.6 or newer")
    protocol = request.headers.get("git-protocol", "")
    errand = await errand_of(request, lambda hub, caller: git_wire.advertise_uploads(hub, caller, ref, protocol))
    # Version 2 has no such line. Source: git, http-backend.c (get_info_refs).
    lead = b"" if "version=2" in protocol.split(":") else pkt_line(f"# service={service}\n".encode()) + FLUSH
    return Streamed(house_of(request), errand, _nothing(), lead, f"application/x-{service}-advertisement".encode())


async def _nothing() -> AsyncIterator[bytes]:
    for piece in (b"",):
        yield piece

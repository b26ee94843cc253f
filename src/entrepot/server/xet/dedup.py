"""Deduplication queries before an upload: chunks and xorbs that need not be sent.

Source: docs/protocols/xet.md, sections 7.4, 7.6 and 7.8.
"""

from __future__ import annotations

from collections import OrderedDict

from starlette.requests import Request
from starlette.responses import Response

from entrepot.errors import InvalidName, LimitExceeded, ThingNotFound
from entrepot.hub.files import chunk_answers, chunks
from entrepot.server.bodies import read_small
from entrepot.server.files import BINARY
from entrepot.server.handlers import json_response
from entrepot.server.xet.auth import authorised_call, hash_of

_SESSION = "x-xet-session-id"
_LONGEST_SESSION = 100
_REMEMBERED = 10_000

MAX_QUERY = 64 * 1024
"""Maximum body of a query, in bytes."""


class ChunkHandler:
    """Finds chunks; the first miss of each upload is answered with the latest chunks of its repository."""

    def __init__(self) -> None:
        """Start without uploads."""
        self._begun: OrderedDict[str, None] = OrderedDict()

    async def find(self, request: Request) -> Response:
        """Serve ``GET chunks/default/{hash}``: a shard with the xorbs that hold a chunk and its neighbours."""
        chunk = hash_of(request)
        found = await authorised_call(request, chunk_answers.find_chunk, chunk)
        if found is None and self._begins(request.headers.get(_SESSION)):
            found = await authorised_call(request, chunk_answers.find_latest)
        if found is None:
            raise ThingNotFound("chunk", chunk)
        return Response(found, media_type=BINARY)

    def _begins(self, session: str | None) -> bool:
        """Return whether this is the first miss of an upload; clients name their uploads."""
        if not session or len(session) > _LONGEST_SESSION or session in self._begun:
            return False
        self._begun[session] = None
        if len(self._begun) > _REMEMBERED:
            self._begun.popitem(last=False)
        return True


async def find_xorb(request: Request) -> Response:
    """Handle ``POST xorb-grants/default/{hash}``: 200 if a xorb need not be sent, else 404.

    Clients upload the xorb after 404, skip it after 200, and abort the upload
    after any other 4xx; so an invalid query also gets 404. The body, a length
    and a checksum, is not needed.
    """
    try:
        xorb = hash_of(request)
        await read_small(request, MAX_QUERY)
    except (InvalidName, LimitExceeded):
        raise ThingNotFound("grant", request.path_params["hash"]) from None
    if not await authorised_call(request, chunks.has_xorb, xorb):
        raise ThingNotFound("xorb", xorb)
    return json_response({})


async def ignore(request: Request) -> Response:
    """Handle ``POST telemetry``: discard the body."""
    await read_small(request, MAX_QUERY)
    return json_response({})

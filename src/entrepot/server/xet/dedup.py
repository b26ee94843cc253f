"""Questions before an upload: what need not be sent, because it is here already.

Source: docs/protocols/xet.md, sections 7.4, 7.6 and 7.8.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from entrepot.errors import InvalidName, LimitExceeded, ThingNotFound
from entrepot.hub.files import chunks
from entrepot.server.bodies import read_small
from entrepot.server.files import BINARY
from entrepot.server.handlers import json_response
from entrepot.server.xet.auth import authorised_call, hash_of

MAX_QUESTION = 64 * 1024
"""Largest body of a question, in bytes."""


async def find_chunk(request: Request) -> Response:
    """``GET chunks/default/{hash}``: a shard with the xorbs that hold a chunk and its neighbours."""
    chunk = hash_of(request)
    found = await authorised_call(request, chunks.find_chunk, chunk)
    if found is None:
        raise ThingNotFound("chunk", chunk)
    return Response(found, media_type=BINARY)


async def find_xorb(request: Request) -> Response:
    """``POST xorb-grants/default/{hash}``: 200 when a xorb need not be sent, and else 404.

    404 means "send it the usual way". Clients take 200 for "it is stored", any
    other 4xx ends their upload; so a question that cannot be understood is
    answered 404 too. The body, a length and a checksum, tells nothing new.
    """
    try:
        xorb = hash_of(request)
        await read_small(request, MAX_QUESTION)
    except (InvalidName, LimitExceeded):
        raise ThingNotFound("grant", request.path_params["hash"]) from None
    if not await authorised_call(request, chunks.has_xorb, xorb):
        raise ThingNotFound("xorb", xorb)
    return json_response({})


async def ignore(request: Request) -> Response:
    """``POST telemetry``: taken, and kept never."""
    await read_small(request, MAX_QUESTION)
    return json_response({})

"""Deduplication queries before an upload: chunks and xorbs that need not be sent.

A miss leaves a fixed time after its request arrived: a chunk or xorb that the caller may not use takes a little longer
to be looked up than one that was never stored. Source: docs/protocols/xet.md, sections 7.4, 7.6, 7.8 and 9.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from entrepot.errors import InvalidName, LimitExceeded, ThingNotFound
from entrepot.hub.context import HubContext
from entrepot.hub.files import chunk_answers, chunks
from entrepot.hub.files.xet_tokens import XetToken
from entrepot.names import XetHash
from entrepot.server.bodies import read_small
from entrepot.server.files import BINARY
from entrepot.server.handlers import json_response
from entrepot.server.limits.fair_slots import FairSlots
from entrepot.server.limits.release_times import ReleaseTimes
from entrepot.server.xet.auth import authorised_call, hash_of
from entrepot.server.xet.guesses import Guesses

_SESSION = "x-xet-session-id"

MAX_QUERY = 64 * 1024
"""Maximum body of a query, in bytes."""

MISS_S = 0.005
"""Seconds after the arrival of a query at which a miss leaves: some times longer than a query takes."""


class QueryHandler:
    """Finds chunks and xorbs; the first miss of each upload is answered with the latest chunks of its repository."""

    def __init__(self) -> None:
        """Start without uploads."""
        self._misses = ReleaseTimes(MISS_S)
        self._guesses = Guesses()
        self._turns = FairSlots(2, per_caller=1)

    async def find_chunk(self, request: Request) -> Response:
        """Serve ``GET chunks/default/{hash}``: a shard with the xorbs that hold a chunk and its neighbours."""
        arrived = self._misses.now()
        chunk = hash_of(request)
        given, found = await authorised_call(request, _find_chunk, chunk)
        if found is None:
            await self._misses.wait(arrived)
            found = await self._guess(request, given)
        if found is None:
            raise ThingNotFound("chunk", chunk)
        return Response(found, media_type=BINARY)

    async def _guess(self, request: Request, given: XetToken) -> bytes | None:
        account = given.user_id
        if account is None or not given.may_write:
            return None
        if not self._guesses.take(account, request.headers.get(_SESSION)):
            return None
        async with self._turns.hold(str(account)):
            return await authorised_call(request, chunk_answers.find_latest)

    async def find_xorb(self, request: Request) -> Response:
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
        arrived = self._misses.now()
        if not await authorised_call(request, chunks.has_xorb, xorb):
            await self._misses.wait(arrived)
            raise ThingNotFound("xorb", xorb)
        return json_response({})


def _find_chunk(hub: HubContext, given: XetToken, chunk: XetHash) -> tuple[XetToken, bytes | None]:
    return given, chunk_answers.find_chunk(hub, given, chunk)


async def ignore(request: Request) -> Response:
    """Handle ``POST telemetry``: discard the body."""
    await read_small(request, MAX_QUERY)
    return json_response({})

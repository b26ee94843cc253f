"""Uploads of xorbs. Source: docs/protocols/xet.md, sections 5, 7.5 and 8."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from entrepot.hub.files import chunks
from entrepot.hub.files.chunks import MAX_XORB_BODY, ReceivingXorb
from entrepot.names import XetHash
from entrepot.server.bodies import announced_size, receive_into
from entrepot.server.handlers import app_state, json_response
from entrepot.server.limits.fair_slots import FairSlots
from entrepot.server.threads import line_of
from entrepot.server.xet.auth import hash_of, token_of
from entrepot.wire.files.xet import XorbResponse


class XorbHandler:
    """Receives xorbs; a client may send dozens concurrently, so callers take turns in having them verified."""

    def __init__(self, slots: FairSlots) -> None:
        """Verify while holding one of the slots, as many as there are cores."""
        self._slots = slots

    async def receive(self, request: Request) -> Response:
        """Handle ``POST xorbs/default/{hash}``: store a xorb completely or not at all.

        The body is written to disk as it arrives; the token and the announced
        size are checked before any of it is read.
        """
        xorb, size = hash_of(request), announced_size(request.scope, None)
        threads, line = app_state(request).threads, line_of(request.scope)
        begun: list[ReceivingXorb] = []
        try:
            await threads.run_transfer(lambda: begun.append(_begin(request, xorb, size)), line=line)
            receiving = begun[0]
            await receive_into(
                request.receive, receiving.write, limit=MAX_XORB_BODY, expected=size, threads=threads, line=line
            )
            async with self._slots.hold(receiving.account):
                was_inserted = await threads.run_transfer(receiving.finish, line=line)
        finally:
            for receiving in begun:
                await threads.run_transfer(receiving.discard, line=line)
        return json_response(XorbResponse(was_inserted=was_inserted))


def _begin(request: Request, xorb: XetHash, size: int | None) -> ReceivingXorb:
    return chunks.receive_xorb(app_state(request).hub, token_of(request), xorb, size)

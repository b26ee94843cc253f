"""Xorbs on their way in. Source: xet, sections 5, 7.5 and 8."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from entrepot.hub import chunks
from entrepot.hub.chunks import MAX_XORB_BODY, ReceivingXorb
from entrepot.names import XetHash
from entrepot.server.bodies import announced_size, receive_into
from entrepot.server.doors import house_of, json_answer
from entrepot.server.xet.fair_slots import FairSlots
from entrepot.server.xet.holders import hash_of, pass_of
from entrepot.wire.xet import XorbAnswer


class XorbDoor:
    """Takes xorbs; a client may send dozens at the same time, so callers take turns in having them verified."""

    def __init__(self, slots: FairSlots) -> None:
        """Verify while holding one of the slots, as many as there are cores."""
        self._slots = slots

    async def receive(self, request: Request) -> Response:
        """``POST xorbs/default/{hash}``: keep a xorb, all of it or nothing.

        The body goes to disk as it arrives; the pass and the announced size
        are looked at before any of it is asked for.
        """
        xorb, size = hash_of(request), announced_size(request.scope, None)
        threads = house_of(request).threads
        begun: list[ReceivingXorb] = []
        try:
            await threads.run_transfer(lambda: begun.append(_begin(request, xorb, size)))
            receiving = begun[0]
            await receive_into(request.receive, receiving.write, limit=MAX_XORB_BODY, expected=size, threads=threads)
            async with self._slots.hold(receiving.holder):
                was_inserted = await threads.run_transfer(receiving.finish)
        finally:
            for receiving in begun:
                await threads.run_transfer(receiving.discard)
        return json_answer(XorbAnswer(was_inserted=was_inserted))


def _begin(request: Request, xorb: XetHash, size: int | None) -> ReceivingXorb:
    return chunks.receive_xorb(house_of(request).hub, pass_of(request), xorb, size)

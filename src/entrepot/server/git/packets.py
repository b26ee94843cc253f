"""The head of a push, read packet by packet from a body in which a pack follows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from entrepot.errors import LimitExceeded, Malformed
from entrepot.git import FLUSH, Signal, read_pkt_lines

MAX_HEAD = 16 << 20
"""Maximum size of the list of commands, in bytes."""

LEAST_COUNTED = 64
"""Bytes that a packet counts as at least: reading many small ones takes time, and a command has more."""

_TOGETHER = 500  # packets that are read before other requests have their turn


class PacketStream:
    """A body that begins with packets."""

    def __init__(self, pieces: AsyncIterator[bytes]) -> None:
        self._pieces = pieces
        self._waiting = bytearray()
        self._seen = 0

    async def section(self) -> list[bytes]:
        """Return the payloads up to the next flush packet.

        Raises:
            Malformed: the body ends before the flush, or holds another special packet.
            LimitExceeded: the packets have more than 16 MiB in total.
        """
        found: list[bytes] = []
        for packet in await self.message():
            if isinstance(packet, Signal):
                raise Malformed("git packets", f"unexpected {packet.value.decode()} before the flush")
            found.append(packet)
        return found

    async def message(self) -> list[bytes | Signal]:
        """Return the packets up to the next flush, including delimiter packets.

        Raises:
            Malformed: the body ends before the flush.
            LimitExceeded: the packets have more than 16 MiB in total.
        """
        found: list[bytes | Signal] = []
        while True:
            head = await self._take(4)
            if head == FLUSH:
                return found
            [packet] = read_pkt_lines(head + await self._take(_length(head) - 4))
            found.append(packet)
            self._seen += max(LEAST_COUNTED, 4 + (len(packet) if isinstance(packet, bytes) else 0))
            if self._seen > MAX_HEAD:
                raise LimitExceeded("the size of the list of refs in bytes", MAX_HEAD, "push in smaller steps")
            if len(found) % _TOGETHER == 0:
                await asyncio.sleep(0)

    async def peek(self, count: int) -> bytes:
        """Return the next bytes without consuming them; fewer at the end of the body."""
        await self._gather(count)
        return bytes(self._waiting[:count])

    async def rest(self) -> AsyncIterator[bytes]:
        """Yield the rest of the body."""
        if self._waiting:
            yield bytes(self._waiting)
            self._waiting.clear()
        async for piece in self._pieces:
            yield piece

    async def _take(self, count: int) -> bytes:
        await self._gather(count)
        if len(self._waiting) < count:
            raise Malformed("git packets", "the body is truncated")
        data = bytes(self._waiting[:count])
        del self._waiting[:count]
        return data

    async def _gather(self, count: int) -> None:
        while len(self._waiting) < count:
            piece = await anext(self._pieces, None)
            if piece is None:
                return
            self._waiting += piece


def _length(head: bytes) -> int:
    """Return the length of a packet, at least that of its head; the reader of the packet reports an invalid head."""
    try:
        return max(4, int(head, 16))
    except ValueError:
        return 4

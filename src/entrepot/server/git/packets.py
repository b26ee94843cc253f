"""The head of a push, read packet by packet from a body that goes on with a pack."""

from __future__ import annotations

from collections.abc import AsyncIterator

from entrepot.errors import LimitExceeded, Malformed
from entrepot.git import FLUSH, Signal, read_pkt_lines

MAX_HEAD = 16 << 20
"""Longest list of commands, in bytes."""


class PacketStream:
    """A body that begins with packets."""

    def __init__(self, pieces: AsyncIterator[bytes]) -> None:
        self._pieces = pieces
        self._waiting = bytearray()
        self._seen = 0

    async def section(self) -> list[bytes]:
        """The payloads up to the next flush.

        Raises:
            Malformed: the body ends before it, or holds something else.
            LimitExceeded: the packets are longer than 16 MiB in sum.
        """
        found: list[bytes] = []
        for packet in await self.message():
            if isinstance(packet, Signal):
                raise Malformed("git packets", f"unexpected {packet.value.decode()} before the flush")
            found.append(packet)
        return found

    async def message(self) -> list[bytes | Signal]:
        """The packets up to the next flush, with what divides them into sections.

        Raises:
            Malformed: the body ends before it.
            LimitExceeded: the packets are longer than 16 MiB in sum.
        """
        found: list[bytes | Signal] = []
        while True:
            head = await self._take(4)
            if head == FLUSH:
                return found
            [packet] = read_pkt_lines(head + await self._take(_length(head) - 4))
            found.append(packet)
            self._seen += 4 + (len(packet) if isinstance(packet, bytes) else 0)
            if self._seen > MAX_HEAD:
                raise LimitExceeded("the list of refs in bytes", MAX_HEAD, "push in smaller steps")

    async def peek(self, count: int) -> bytes:
        """The next bytes, which are read again later; fewer at the end of the body."""
        await self._gather(count)
        return bytes(self._waiting[:count])

    async def rest(self) -> AsyncIterator[bytes]:
        """All that follows."""
        if self._waiting:
            yield bytes(self._waiting)
            self._waiting.clear()
        async for piece in self._pieces:
            yield piece

    async def _take(self, count: int) -> bytes:
        await self._gather(count)
        if len(self._waiting) < count:
            raise Malformed("git packets", "the body is cut short")
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
    """How long a packet is, at least its own head; a head that is none is told by who reads the packet."""
    try:
        return max(4, int(head, 16))
    except ValueError:
        return 4

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest

from entrepot.errors import LimitExceeded, Malformed
from entrepot.git import DELIM, FLUSH, pkt_line
from entrepot.server.git import packets
from entrepot.server.git.packets import PacketStream


def read(data: bytes, use: Callable[[PacketStream], Coroutine[Any, Any, Any]], step: int = 3) -> Any:
    async def pieces() -> AsyncIterator[bytes]:
        for at in range(0, len(data), step):
            yield data[at : at + step]

    return asyncio.run(use(PacketStream(pieces())))


@pytest.mark.parametrize("step", [1, 3, 1000])
def test_a_body_is_split_into_packets_and_the_rest(step: int) -> None:
    async def use(stream: PacketStream) -> Any:
        section = await stream.section()
        peeked = await stream.peek(4)
        return section, peeked, b"".join([piece async for piece in stream.rest()])

    data = pkt_line(b"one") + pkt_line(b"") + FLUSH + b"PACK and more"
    assert read(data, use, step) == ([b"one", b""], b"PACK", b"PACK and more")


@pytest.mark.parametrize("data", [b"", b"00", pkt_line(b"one"), pkt_line(b"one")[:-1], b"zzzz", DELIM + FLUSH])
def test_a_head_that_is_none_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed):
        read(data, PacketStream.section)


def test_a_head_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packets, "MAX_HEAD", 1000)
    with pytest.raises(LimitExceeded):
        read(pkt_line(b"x" * 100) * 50, PacketStream.section)


def test_many_small_packets_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packets, "MAX_HEAD", 1000)
    assert read(pkt_line(b"") * 10 + FLUSH, PacketStream.section, 1000) == [b""] * 10
    with pytest.raises(LimitExceeded):
        read(pkt_line(b"") * 50 + FLUSH, PacketStream.section, 1000)


def test_other_requests_have_their_turn_while_packets_are_read() -> None:
    async def use(stream: PacketStream) -> tuple[int, int]:
        turns = 0

        async def take_turns() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        other = asyncio.create_task(take_turns())
        found = await stream.section()
        other.cancel()
        return len(found), turns

    number, turns = read(pkt_line(b"x") * 5_000 + FLUSH, use, 1 << 20)
    assert number == 5_000
    assert turns >= 10

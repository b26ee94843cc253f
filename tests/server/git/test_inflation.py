from __future__ import annotations

import asyncio
import gzip
from typing import Any

import pytest

from entrepot.errors import ClientGone, LimitExceeded, Malformed
from entrepot.server.git.inflation import PIECE, inflated


def unpacked(*messages: dict[str, Any], coding: bytes = b"", limit: int = 1 << 30) -> list[bytes]:
    waiting = list(messages)

    async def receive() -> dict[str, Any]:
        return waiting.pop(0)

    async def collect() -> list[bytes]:
        headers = [(b"content-encoding", coding)] if coding else []
        return [piece async for piece in inflated({"headers": headers}, receive, limit=limit)]

    return asyncio.run(collect())


def piece(body: bytes, more: bool = False) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


def test_a_plain_body_passes_in_short_pieces() -> None:
    data = bytes(PIECE + 5)
    found = unpacked(piece(data, True), piece(b"end"))
    assert b"".join(found) == data + b"end"
    assert max(map(len, found)) <= PIECE


@pytest.mark.parametrize("coding", [b"gzip", b"x-gzip", b"GZIP"])
def test_a_gzipped_body_is_unpacked_however_it_was_cut(coding: bytes) -> None:
    packed = gzip.compress(bytes(3 * PIECE) + b"end")
    found = unpacked(
        *(piece(packed[at : at + 7], at + 7 < len(packed)) for at in range(0, len(packed), 7)), coding=coding
    )
    assert b"".join(found) == bytes(3 * PIECE) + b"end"
    assert max(map(len, found)) <= PIECE


def test_a_small_gzip_cannot_become_a_large_body() -> None:
    with pytest.raises(LimitExceeded):
        unpacked(piece(gzip.compress(bytes(50 << 20))), coding=b"gzip", limit=1 << 20)


@pytest.mark.parametrize("body", [b"no gzip", gzip.compress(b"cut short", mtime=0)[:-9]], ids=["none", "cut"])
def test_a_body_that_is_no_gzip_is_refused(body: bytes) -> None:
    with pytest.raises(Malformed):
        unpacked(piece(body), coding=b"gzip")


def test_other_codings_are_refused() -> None:
    with pytest.raises(Malformed):
        unpacked(piece(b""), coding=b"br")


def test_a_client_that_leaves_is_noticed() -> None:
    with pytest.raises(ClientGone):
        unpacked(piece(b"a", True), {"type": "http.disconnect"})

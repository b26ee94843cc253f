from __future__ import annotations

import asyncio
from typing import Any

import pytest

from entrepot.git.commands import KEEPALIVE, PushRequest
from entrepot.server.git.keepalive import KeepaliveResponse

PATIENT = frozenset({"side-band-64k", "report-status"})


class Peer:
    """Records sent messages."""

    def __init__(self) -> None:
        self.messages: list[Any] = []

    async def send(self, message: Any) -> None:
        self.messages.append(message)

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.messages)


def wait_of(peer: Peer, words: frozenset[str] = PATIENT) -> KeepaliveResponse:
    return KeepaliveResponse(peer.send, [(b"content-type", b"x")], PushRequest((), words), look_s=0.001)


class Work:
    """Slow work that ends after a number of progress checks."""

    def __init__(self, *texts: str, result: object = "done") -> None:
        self._texts = list(texts)
        self._result = result
        self._seen = asyncio.Event()

    def glance(self) -> str:
        text = self._texts.pop(0)
        if not self._texts:
            self._seen.set()
            self._texts.append(text)
        return text

    async def run(self) -> object:
        await self._seen.wait()
        if isinstance(self._result, Exception):
            raise self._result
        return self._result


def test_a_fast_push_is_answered_in_one_piece() -> None:
    async def push() -> Peer:
        peer = Peer()
        wait = wait_of(peer)
        assert await wait.during(asyncio.sleep(0, "done"), lambda: "Checking") == "done"
        await wait.conclude(b"report")
        return peer

    start, body = asyncio.run(push()).messages
    assert (b"content-length", b"6") in start["headers"]
    assert body == {"type": "http.response.body", "body": b"report"}


def told(words: frozenset[str], *texts: str) -> bytes:
    async def push() -> Peer:
        peer = Peer()
        wait, work = wait_of(peer, words), Work(*texts)
        assert await wait.during(work.run(), work.glance) == "done"
        await wait.conclude(b"report")
        return peer

    return asyncio.run(push()).body


def test_progress_is_sent_while_the_client_waits() -> None:
    body = told(PATIENT, "Indexing: 1%", "Indexing: 1%", "Indexing: 2%", "Checking 5 objects")
    assert body.startswith(b"0012\x02Indexing: 1%\r0012\x02Indexing: 2%\r0019\x02\nChecking 5 objects\r")
    assert body.endswith(b"0006\x02\nreport")


def test_silence_is_broken_by_packets_without_content() -> None:
    body = told(PATIENT, *["Indexing: 1%"] * 12)
    assert body.count(KEEPALIVE) == 2
    assert body.count(b"Indexing") == 1


def test_people_who_want_quiet_get_no_more_than_that() -> None:
    assert told(PATIENT | {"quiet"}, *(f"Indexing: {n}%" for n in range(7))) == KEEPALIVE + b"report"


def test_a_client_without_side_bands_hears_only_the_report() -> None:
    async def push() -> Peer:
        peer = Peer()
        wait = wait_of(peer, frozenset({"report-status"}))
        await wait.during(asyncio.sleep(0.02), lambda: "Checking")
        await wait.conclude(b"report")
        return peer

    assert asyncio.run(push()).body == b"report"


def test_an_error_of_the_work_is_raised() -> None:
    async def push() -> None:
        work = Work("a", result=ValueError("broken"))
        await wait_of(Peer()).during(work.run(), work.glance)

    with pytest.raises(ValueError, match="broken"):
        asyncio.run(push())


def test_the_work_has_ended_when_the_waiting_is_cancelled() -> None:
    ended = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    async def push() -> None:
        await asyncio.wait_for(wait_of(Peer()).during(work(), lambda: ""), 0.01)

    with pytest.raises(TimeoutError):
        asyncio.run(push())
    assert ended == [True]

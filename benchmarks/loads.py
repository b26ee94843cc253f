"""A load generator with low overhead: it sends prepared bytes over raw sockets, one request at a time on each."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Sequence

import attrs

from benchmarks.meters import Cost, Meter

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@attrs.frozen
class Load:
    """The result of a load: latencies in seconds, ascending, and the cost."""

    latencies_s: Sequence[float]
    cost: Cost

    @property
    def per_second(self) -> float:
        """Return the number of responses per second of wall time."""
        return len(self.latencies_s) / self.cost.wall_s

    @property
    def cpu_ms(self) -> float:
        """Return the server CPU per request, in milliseconds."""
        return 1000 * self.cost.server_cpu_s / len(self.latencies_s)

    def quantile_ms(self, share: float) -> float:
        """Return the latency that this share of the requests did not exceed, in milliseconds."""
        return 1000 * self.latencies_s[min(len(self.latencies_s) - 1, int(share * len(self.latencies_s)))]


def request(method: str, path: str, token: str, *, body: bytes = b"", headers: Sequence[str] = ()) -> bytes:
    """Return the bytes of one HTTP/1.1 request."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {token}", *headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii") + body


def run(
    meter: Meter, url: str, work: Sequence[Sequence[bytes]], *, status: int, beside: Sequence[Sequence[bytes]] = ()
) -> Load:
    """Send each list of requests in order over its own connection, all connections in parallel.

    Args:
        beside: lists of requests that are sent in the same way, and not counted, until the others have ended.

    Raises:
        RuntimeError: a response had another status.
    """
    host, _, port = url.removeprefix("http://").rpartition(":")
    latencies: list[float] = []
    with meter.measure() as cost:
        asyncio.run(_send_all((host.strip("[]"), int(port)), work, beside, f" {status} ".encode(), latencies))
    return Load(sorted(latencies), cost)


async def _send_all(
    address: tuple[str, int],
    work: Sequence[Sequence[bytes]],
    beside: Sequence[Sequence[bytes]],
    status: bytes,
    latencies: list[float],
) -> None:
    loop = asyncio.get_running_loop()

    async def one(requests: Sequence[bytes], latencies: list[float]) -> None:
        transport, client = await loop.create_connection(_Client, *address)
        try:
            for payload in requests:
                started = time.perf_counter()
                head = await client.ask(payload)
                latencies.append(time.perf_counter() - started)
                if status not in head[:16]:
                    raise RuntimeError(head.decode("latin-1"))
        finally:
            transport.close()

    others = [asyncio.create_task(one(requests, [])) for requests in beside]
    await asyncio.gather(*(one(requests, latencies) for requests in work))
    for other in others:
        other.cancel()
    for outcome in await asyncio.gather(*others, return_exceptions=True):
        if isinstance(outcome, Exception):
            raise outcome


class _Client(asyncio.Protocol):
    """Reads responses with a Content-Length and skips their bodies."""

    def __init__(self) -> None:
        self._head = b""
        self._left = -1
        self._is_head = False
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[bytes] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Store the connection."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def ask(self, payload: bytes) -> asyncio.Future[bytes]:
        """Send a request; the future returns the head of the response once its body has arrived."""
        assert self._transport is not None
        self._answer = asyncio.get_running_loop().create_future()
        self._head, self._left, self._is_head = b"", -1, payload.startswith(b"HEAD ")
        self._transport.write(payload)
        return self._answer

    def data_received(self, data: bytes) -> None:
        """Process bytes of the response."""
        if self._left < 0:
            self._head += data
            end = self._head.find(b"\r\n\r\n")
            if end < 0:
                return
            found = _LENGTH.search(self._head, 0, end)
            length = int(found[1]) if found and not self._is_head else 0
            self._left = length - (len(self._head) - end - 4)
            self._head = self._head[:end]
        else:
            self._left -= len(data)
        if self._left <= 0 and self._answer is not None and not self._answer.done():
            self._answer.set_result(self._head)

    def connection_lost(self, error: Exception | None) -> None:
        """Fail the pending request."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error or ConnectionResetError("the server closed the connection"))

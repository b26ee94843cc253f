"""Limits on unfinished request bodies: their minimum rate and their number.

A body must arrive at ``min_body_rate`` bytes a second, on average over each
``body_timeout_s`` that the server spends waiting for it. Time in which the
server itself is busy (a slow disk, a full queue) is not counted.

If there are too many bodies, from one address or in total, a new one replaces
the one that has been silent longest, if that is a second or more; otherwise the
new one is refused. A client that holds a thousand connections open therefore
does not prevent uploads from the same address.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from starlette.types import Message, Receive

from entrepot.errors import BodyTooSlow, TooManyBodies
from entrepot.server.limits.wait_limits import WaitLimit
from entrepot.settings import Settings

SILENT_S = 1.0
"""Seconds that a body must have been silent before a newer one may replace it."""


class BodyLimits:
    """The unfinished bodies of one process. Belongs to one event loop."""

    def __init__(self, settings: Settings, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.period_s = float(settings.body_timeout_s)
        self.period_bytes = max(1, settings.min_body_rate * settings.body_timeout_s)
        self.clock = clock
        self._total = settings.max_bodies
        self._per_address = settings.max_bodies_per_address
        self._all: dict[LimitedBody, None] = {}
        self._by_address: dict[bytes, dict[LimitedBody, None]] = {}

    def admit(self, address: bytes, receive: Receive) -> LimitedBody:
        """Return the body of a new request, counted until it is released.

        Args:
            address: the address that the limit counts.
            receive: the server's ASGI function, from which the body is read.

        Raises:
            TooManyBodies: there are too many unfinished bodies, and none has been silent for a second.
        """
        same = self._by_address.setdefault(address, {})
        if len(same) >= self._per_address and not self._evict(same):
            raise TooManyBodies("from one address", self._per_address)
        if len(self._all) >= self._total and not self._evict(self._all):
            if not same:
                del self._by_address[address]
            raise TooManyBodies("in all", self._total)
        body = LimitedBody(self, address, receive)
        # Evicting the last body of an address forgets the address.
        self._by_address.setdefault(address, {})[body] = None
        self._all[body] = None
        return body

    def release(self, body: LimitedBody) -> None:
        """Stop counting a body; a second call does nothing."""
        self._all.pop(body, None)
        same = self._by_address.get(body.address)
        if same is not None:
            same.pop(body, None)
            if not same:
                del self._by_address[body.address]

    def touch(self, body: LimitedBody) -> None:
        """Move a body that has received bytes to the end of the queue, which is ordered by length of silence."""
        if body in self._all:
            self._all[body] = self._all.pop(body)
            same = self._by_address[body.address]
            same[body] = same.pop(body)

    @property
    def count(self) -> int:
        """Number of unfinished bodies."""
        return len(self._all)

    def _evict(self, bodies: dict[LimitedBody, None]) -> bool:
        """Evict the body that has been silent longest; return False if none has been silent long enough."""
        latest = self.clock() - SILENT_S
        for body in bodies:
            if body.heard_at > latest:
                return False
            if body.evict():
                self.release(body)
                return True
        return False


class LimitedBody:
    """The body of one request; :meth:`receive` replaces the server's ASGI function."""

    def __init__(self, limits: BodyLimits, address: bytes, receive: Receive) -> None:
        self.address = address
        self.heard_at = limits.clock()
        self._limits = limits
        self._receive = receive
        self._waited_s = 0.0
        self._brought = 0
        self._waiting = WaitLimit()
        self._is_over = False
        self._is_complete = False

    async def receive(self) -> Message:
        """Return the next message; after the last one of the body, wait without limit for the peer to disconnect.

        Raises:
            BodyTooSlow: the peer sends nothing or too little, or the body was evicted for another request.
        """
        if self._is_complete:
            return await self._receive()
        limits = self._limits
        started = limits.clock()
        if self._is_over:
            raise BodyTooSlow
        try:
            with self._waiting.within(max(0.0, limits.period_s - self._waited_s)):
                message = await self._receive()
        except TimeoutError:
            self._end()
            raise BodyTooSlow from None
        self.heard_at = limits.clock()
        self._waited_s += self.heard_at - started
        self._brought += len(message.get("body", b""))
        if not message.get("more_body", False):
            self._is_complete = True
            limits.release(self)
        elif self._brought >= limits.period_bytes:
            self._brought, self._waited_s = 0, 0.0
            limits.touch(self)
        elif self._waited_s >= limits.period_s:
            self._end()
            raise BodyTooSlow
        else:
            limits.touch(self)
        return message

    def drop(self) -> None:
        """Forget the server's function at the end of the request; nothing more can be received."""
        self._receive = no_more
        self._waiting.close()

    def evict(self) -> bool:
        """Cancel the wait for the next bytes; return False if nothing is waiting."""
        return self._waiting.end_now()

    def _end(self) -> None:
        self._is_over = True
        self._limits.release(self)


async def no_more() -> Message:
    """Return that the client has disconnected: the ASGI function of a request that has ended."""
    return {"type": "http.disconnect"}

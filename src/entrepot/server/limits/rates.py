"""Rate limits: maximum numbers of requests per token or address in five minutes.

Pure ASGI below the middleware, present only if a limit is set. The counts of one
process are kept in memory; if there are several, they share them
(:mod:`entrepot.hub.limits.rate_counts`). Windows are fixed, as the headers say.
Source: docs/protocols/hf_api.md, section 0.3.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from entrepot.hub.context import HubContext
from entrepot.hub.limits.rate_counts import RateCounts
from entrepot.server.error_responses import Header, text_response
from entrepot.server.limits.senders import senders_of
from entrepot.settings import Settings

WINDOW_S = 300.0
API, RESOLVE = "api", "resolve"

_REMEMBERED = 100_000
"""Maximum number of counters in one window; beyond it, all are reset."""


class RateLimits:
    """ASGI wrapper that responds 429 to senders above their limit.

    A token gets its own count once it has proved valid; until then, and for
    invalid tokens, the address counts. Made-up tokens therefore do not raise the
    limit. Belongs to one event loop.
    """

    def __init__(
        self,
        app: ASGIApp,
        settings: Settings,
        *,
        window_s: float = WINDOW_S,
        clock: Callable[[], float] = time.monotonic,
        shared: RateCounts | None = None,
    ) -> None:
        self._app = app
        self._settings = settings
        self._limits = {API: settings.rate_limit_api, RESOLVE: settings.rate_limit_resolve}
        self._window_s = window_s
        self._clock = clock
        self._shared = shared
        self._ends_s = -math.inf
        self._counts: dict[tuple[str, bytes], int] = {}
        self._proven: set[bytes] = set()
        self._policies = {kind: self._policy(kind, limit) for kind, limit in self._limits.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, adding headers with the remaining number, or respond 429."""
        kind = kind_of(scope) if scope["type"] == "http" else None
        if kind is None or not self._limits[kind]:
            await self._app(scope, receive, send)
            return
        token, address = senders_of(scope, self._settings)
        sender = token if token in self._proven and token is not None else address
        left, wait_s = self._count(kind, sender)
        headers = [(b"ratelimit", f'"{kind}";r={max(left, 0)};t={wait_s}'.encode()), self._policies[kind]]
        if left < 0:
            await self._refuse(kind, wait_s, headers, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._learn(token, is_known="caller" in scope["state"])
                message = {**message, "headers": [*message.get("headers", ()), *headers]}
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        finally:
            # Errors leave as exceptions and do not get the headers: the middleware renders them.
            self._learn(token, is_known="caller" in scope["state"])

    def _count(self, kind: str, sender: bytes) -> tuple[int, int]:
        """Count one request; return how many are left (negative if exceeded) and the seconds until the next window."""
        now_s = self._clock()
        if now_s >= self._ends_s:
            self._ends_s = now_s + self._window_s
            if self._shared is not None:
                self._ends_s -= now_s % self._window_s
            self._counts.clear()
            self._proven.clear()
        elif len(self._counts) >= _REMEMBERED:
            self._counts.clear()
        if self._shared is not None:
            count, left_ms = self._shared.count(kind, sender, int(now_s * 1000))
            return self._limits[kind] - count, max(1, math.ceil(left_ms / 1000))
        count = self._counts.get((kind, sender), 0) + 1
        self._counts[kind, sender] = count
        return self._limits[kind] - count, max(1, math.ceil(self._ends_s - now_s))

    def _learn(self, token: bytes | None, *, is_known: bool) -> None:
        if token is None:
            return
        if is_known:
            self._proven.add(token)
        else:
            self._proven.discard(token)

    async def _refuse(self, kind: str, wait_s: int, headers: list[Header], send: Send) -> None:
        minutes = self._window_s / 60
        message = (
            f"too many requests: {self._limits[kind]:,} of the kind '{kind}' are allowed in {minutes:g} minutes "
            f"to each token or address; try again in {wait_s} s"
        )
        more = [*headers, (b"retry-after", str(wait_s).encode())]
        response = text_response(429, message, more=more)
        await send({"type": "http.response.start", "status": response.status, "headers": response.headers})
        await send({"type": "http.response.body", "body": response.body})

    def _policy(self, kind: str, limit: int) -> Header:
        return b"ratelimit-policy", f'"fixed window";"{kind}";q={limit};w={max(1, round(self._window_s))}'.encode()


def shared_counts(settings: Settings) -> RateCounts | None:
    """Return counts for all processes of the hub, to be flushed every second; None if there is one, or no limit."""
    has_limits = settings.rate_limit_api or settings.rate_limit_resolve
    return RateCounts(round(WINDOW_S * 1000)) if has_limits and (settings.database or settings.workers > 1) else None


def limited(app: ASGIApp, hub: HubContext, shared: RateCounts | None) -> ASGIApp:
    """Return the application wrapped in the limits of the settings; the application itself if there are none."""
    settings = hub.settings
    if not (settings.rate_limit_api or settings.rate_limit_resolve):
        return app
    if shared is None:
        return RateLimits(app, settings)
    return RateLimits(app, settings, clock=lambda: hub.now_ms() / 1000, shared=shared)


def kind_of(scope: Scope) -> str | None:
    """Return the kind of a request; None has no limit: health, git, git-lfs and signed URLs."""
    path: str = scope["path"]
    if path.startswith("/api/"):
        return API
    return RESOLVE if "/resolve/" in path else None

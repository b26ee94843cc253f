"""Rate limits: how many requests a token or an address may send in five minutes.

Pure ASGI, inside the edge, and only there when a limit is set. Counts are kept
in memory: each server process counts for itself, and a restart forgets them.
Windows are fixed, as the headers say. Source: docs/protocols/hf_api.md, section 0.3.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from entrepot.server.client_addresses import client_address, network_of
from entrepot.server.error_responses import Header, text_response
from entrepot.settings import Settings

WINDOW_S = 300.0
API, RESOLVE = "api", "resolve"

_REMEMBERED = 100_000
"""Senders and kinds of one window; when there are more, all begin anew."""


class RateLimits:
    """Stands before the application and answers 429 to those who ask too often.

    A token has a count of its own as soon as it turned out to be one; until
    then, and for those that are none, the address counts. So made-up tokens
    give nobody more room. Belongs to one event loop.
    """

    def __init__(
        self,
        app: ASGIApp,
        settings: Settings,
        *,
        window_s: float = WINDOW_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app = app
        self._settings = settings
        self._limits = {API: settings.rate_limit_api, RESOLVE: settings.rate_limit_resolve}
        self._window_s = window_s
        self._clock = clock
        self._ends_s = -math.inf
        self._counts: dict[tuple[str, bytes], int] = {}
        self._proven: set[bytes] = set()
        self._policies = {kind: self._policy(kind, limit) for kind, limit in self._limits.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, with headers that tell what is left, or answer 429."""
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
            # Errors leave as exceptions, past the headers: the edge answers them.
            self._learn(token, is_known="caller" in scope["state"])

    def _count(self, kind: str, sender: bytes) -> tuple[int, int]:
        """Count one request: how many are left (negative: it is one too many), and seconds until the next window."""
        now_s = self._clock()
        if now_s >= self._ends_s:
            self._ends_s = now_s + self._window_s
            self._counts.clear()
            self._proven.clear()
        elif len(self._counts) >= _REMEMBERED:
            self._counts.clear()
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
        answer = text_response(429, message, more=more)
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
        await send({"type": "http.response.body", "body": answer.body})

    def _policy(self, kind: str, limit: int) -> Header:
        return b"ratelimit-policy", f'"fixed window";"{kind}";q={limit};w={max(1, round(self._window_s))}'.encode()


def limited(app: ASGIApp, settings: Settings) -> ASGIApp:
    """The application behind the limits of the settings; the very same one when there are none."""
    return RateLimits(app, settings) if settings.rate_limit_api or settings.rate_limit_resolve else app


def kind_of(scope: Scope) -> str | None:
    """What a request counts as; None is without limit: health, git, git-lfs, bytes behind signed links."""
    path: str = scope["path"]
    if path.startswith("/api/"):
        return API
    return RESOLVE if "/resolve/" in path else None


def senders_of(scope: Scope, settings: Settings) -> tuple[bytes | None, bytes]:
    """The token of a request (as a digest, whether it is one or not; None without) and its address."""
    token = None
    for name, value in scope["headers"]:
        if name == b"authorization":
            token = hashlib.blake2b(value, digest_size=16).digest()
    return token, network_of(client_address(scope, settings))

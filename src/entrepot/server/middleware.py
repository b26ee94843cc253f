"""The outermost layer around all routes: request ids, CORS, errors, access log and metrics.

Pure ASGI, so it costs one frame per message. A handler may set in
``scope["state"]``:

* ``caller``: the name shown in the access log;
* ``challenge``: the ``WWW-Authenticate`` value of a 401 (git and git-lfs send
  credentials only after a challenge);
* ``repeats_5xx``: the client repeats a request after every 5xx, so it gets a 4xx for a failure that lasts.

and can read ``request_id`` there. Below this layer, ``scope["path"]`` is the raw
path; handlers decode its segments with ``raw_path.decode_segment``.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import re
import secrets
import time
from pathlib import Path

import attrs
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from entrepot.errors import BodyTooSlow, ClientGone, Damaged, EntrepotError, GatedRepo, StoreFull, TooManyBodies
from entrepot.server.client_addresses import client_address, network_of
from entrepot.server.error_responses import (
    REPEATS_5XX,
    ErrorResponse,
    Header,
    error_response,
    name_hub,
    routing_text,
    text_response,
)
from entrepot.server.limits.body_limits import BodyLimits, LimitedBody, no_more
from entrepot.server.limits.refusal_log import RefusalLog
from entrepot.server.limits.wait_limits import WaitLimit
from entrepot.server.log_format import render
from entrepot.server.metrics import Metrics
from entrepot.server.public_urls import path_prefix, strip_prefix
from entrepot.server.raw_path import raw_path
from entrepot.settings import Settings

LINGER_BYTES = 64 * 1024 * 1024
LINGER_S = 5.0
LINGER_QUIET_S = 0.25
"""How much of an unwanted body is discarded before its response ends, to let the peer read the response;
a peer that has stopped sending for the quiet time has probably seen the response's head and waits for the rest."""
_SURELY_SENT_BYTES = 64 * 1024
"""An unwanted body up to this size is awaited before its response begins: the connection can then be reused."""

_SANE_ID = re.compile(rb"[A-Za-z0-9._:;=@/+-]{1,200}")
# Source: RFC 3986, section 3.2.2.
_HOST = re.compile(rb"(?:\[[0-9A-Fa-f:.vV%~_!$&'()*+,;=-]+\]|[A-Za-z0-9._~%!$&'()*+,;=-]*)(?::[0-9]*)?")
_SANE_LIST = re.compile(rb"[A-Za-z0-9_, -]{1,1000}")
_EXPOSED = (
    b"X-Repo-Commit,X-Request-Id,X-Error-Code,X-Error-Message,X-Total-Count,ETag,Link,Accept-Ranges,"
    b"Content-Range,X-Linked-Size,X-Linked-ETag,X-Xet-Hash,X-Revision"
)
_CORS: list[Header] = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", _EXPOSED),
]
_GONE = 499

_log = logging.getLogger("entrepot.server")
_access = logging.getLogger("entrepot.access")


class _AccessRecord(logging.LogRecord):
    """A record of the access log: as info() makes it, without looking up the code, thread and process that log."""

    _BLANK = logging.LogRecord("entrepot.access", logging.INFO, __file__, 0, "", (), None).__dict__

    def __init__(self, line: str) -> None:
        self.__dict__.update(self._BLANK)
        self.msg = line
        self.created = time.time()
        self.msecs = self.created % 1 * 1000


class Middleware:
    """The application as an ASGI server runs it.

    Guarantees: every request gets exactly one response, one access log line (but
    for bodies that are refused by the thousand, see :mod:`~entrepot.server.limits.refusal_log`)
    and one count, whatever the handler does; an error after the first byte closes
    the connection early, so no client takes a partial response for a complete
    one; responses to HEAD have no body; messages and logs contain no tokens,
    queries or bodies.

    Source: docs/protocols/hf_api.md, sections 0.2 and 0.3.
    """

    def __init__(self, app: ASGIApp, *, metrics: Metrics, settings: Settings | None = None) -> None:
        """Wrap ``app``.

        Args:
            app: any ASGI application. A :class:`Starlette` is switched to its
                bare router (its middleware is left out), because its own error
                layers would respond first, in plain text.
            settings: limits, trusted proxies and the path prefix; None means the defaults.
        """
        if isinstance(app, Starlette):
            app.middleware_stack = app.router
        self._app = app
        self._metrics = metrics
        self._settings = settings or Settings(data=Path())
        self._prefix = path_prefix(self._settings)
        self._bodies = BodyLimits(self._settings)
        self._refusals = RefusalLog(_access)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request; other scope types (lifespan) pass through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        address = client_address(scope, self._settings)
        exchange = _Request(scope, receive, send, _Terms(self._bodies, self._settings, self._prefix, address))
        # The server closes a connection with an unread body once nothing refers to the request. Frames in
        # the tracebacks of errors would keep it until the next garbage collection.
        del receive, send
        scope["state"]["network"] = exchange.network
        self._metrics.begin()
        started = time.perf_counter()
        try:
            await exchange.run(self._app)
        finally:
            exchange.close()
            self._record(scope, exchange, time.perf_counter() - started)

    def _record(self, scope: Scope, exchange: _Request, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", None) or "unmatched"
        self._metrics.end(
            method=scope["method"],
            route=route,
            status=exchange.status,
            seconds=seconds,
            received=exchange.received,
            sent=exchange.sent,
        )
        if exchange.is_crowded_out and not self._refusals.is_first(exchange.address):
            return
        if _access.isEnabledFor(logging.INFO):
            line = render(
                "request",
                method=scope["method"],
                path=scope["path"],
                status=exchange.status,
                ms=seconds * 1000,
                received=exchange.received,
                sent=exchange.sent,
                caller=scope["state"].get("caller"),
                refused="credentials" if exchange.status == 401 and exchange.has_credentials else None,
                address=exchange.address or None,
                id=scope["state"]["request_id"],
            )
            _access.handle(_AccessRecord(line))


@attrs.frozen
class _Terms:
    """Limits and settings of one request; ``address`` is that of the client."""

    bodies: BodyLimits
    settings: Settings
    prefix: str
    address: str


class _Request:
    """One request and its response."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, terms: _Terms) -> None:
        self.status = _GONE
        self.received = 0
        self.sent = 0
        self._scope = scope
        self._receive = receive
        self._send = send
        self.address = terms.address
        self.network = network_of(terms.address)
        self.is_crowded_out = False
        self._terms = terms
        self._body: LimitedBody | None = None
        self._send_timeout_s = float(terms.settings.response_timeout_s)
        self._sending = WaitLimit()
        self._head = scope["method"] == "HEAD"
        self._is_silent = False  # whether more of the body can still arrive
        self._started = False
        self._is_at_start = True  # of the body of the response
        self._sized = False
        self._asked = False
        self._read_names()
        scope["path"] = strip_prefix(raw_path(scope), terms.prefix)
        # With "app" set, Starlette's router raises 404 and 405 instead of sending them.
        scope.setdefault("app", self)

    def _read_names(self) -> None:
        """Read the few headers that this layer needs, in one loop."""
        own_id = trace = b""
        self._preflight = self._expects = False
        self._wanted_headers = b""
        self._has_body = self.has_credentials = False
        self._announced: int | None = None
        self._hosts: list[bytes] = []
        for name, value in self._scope["headers"]:
            if name == b"x-request-id":
                own_id = value
            elif name == b"authorization":
                self.has_credentials = True
            elif name == b"x-amzn-trace-id":
                trace = value
            elif name == b"content-length":
                self._has_body = value != b"0"
                self._announced = int(value) if value.isdigit() else None
            elif name == b"transfer-encoding":
                self._has_body = True
            elif name == b"expect":
                self._expects = True
            elif name == b"access-control-request-method":
                self._preflight = self._scope["method"] == "OPTIONS"
            elif name == b"access-control-request-headers":
                self._wanted_headers = value
            elif name == b"host":
                self._hosts.append(value)
        self._id = _request_id(own_id, trace)
        self._scope.setdefault("state", {})["request_id"] = self._id.decode("ascii")

    async def run(self, app: ASGIApp) -> None:
        """Call the application and render any error as a response."""
        if fault := self._host_fault():
            await self._respond(text_response(400, fault))
            return
        if self._preflight:
            await self._respond(_preflight(self._wanted_headers))
            return
        try:
            if self._has_body:
                self._admit_body()
            await app(self._scope, self.receive, self.send)
        except (ClientGone, ClientDisconnect):
            # A client that closed only its sending side can still read why its short body was refused.
            if not self._started:
                await self._respond(text_response(400, ClientGone().message))
            self.status = _GONE
        except EntrepotError as error:
            if isinstance(error, Damaged):
                self._log_failure(error)
            await self._fail(self._explain(error), error)
        except HTTPException as error:
            more = [
                (name.lower().encode("ascii"), text.encode("latin-1")) for name, text in (error.headers or {}).items()
            ]
            text = routing_text(error, self._scope["method"], self._scope["path"])
            await self._fail(text_response(error.status_code, text, more=more), error)
        except asyncio.CancelledError as error:
            # Only hosting cancels requests, at the end of its grace period.
            await self._fail(
                text_response(503, "the hub is shutting down; try again", more=[(b"retry-after", b"5")]), error
            )
        except Exception as error:  # noqa: BLE001 - outermost handler: every request gets a response
            self._log_failure(error)
            if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
                await self._fail(self._explain(StoreFull(error.strerror or str(error))), error)
                return
            message = f"internal error; the details are in the hub's log under {self._scope['state']['request_id']}"
            await self._fail(text_response(500, message), error)

    def _host_fault(self) -> str | None:
        """Return why the request does not name one host, as HTTP/1.1 requires; None if it does.

        The server gives the host of a whole URL as request target if the header is missing, else empty text.

        Source: RFC 9112, section 3.2.
        """
        if len(self._hosts) > 1:
            return "the request has more than one Host header"
        if self._hosts == [b""] and self._scope.get("http_version") == "1.1":
            return "the request has no Host header, which HTTP/1.1 requires"
        if self._hosts and not _HOST.fullmatch(self._hosts[0]):
            return "the Host header is not a host with or without a port"
        return None

    def _explain(self, error: EntrepotError) -> ErrorResponse:
        if isinstance(error, GatedRepo):
            name_hub(error, self._scope, self._terms.settings)
        return error_response(
            error,
            raw_path=self._terms.prefix + self._scope["path"],
            query=self._scope["query_string"],
            repeats_5xx=REPEATS_5XX in self._scope["state"],
        )

    def _admit_body(self) -> None:
        bodies = self._terms.bodies
        try:
            self._body = bodies.admit(self.network, self._receive)
        except TooManyBodies:
            # The limit exists to avoid connections that wait for their peer.
            self._is_silent = self.is_crowded_out = True
            raise
        self._receive = self._body.receive

    def close(self) -> None:
        """Stop counting the body of the request, and drop what belongs to the server."""
        self._sending.close()
        if self._body is not None:
            self._terms.bodies.release(self._body)
            self._body.drop()
        self._receive, self._send = no_more, _send_nothing

    async def receive(self) -> Message:
        """Receive for the application: the limited and counted request body."""
        self._asked = True
        try:
            message = await self._receive()
        except BodyTooSlow:
            self._is_silent = True
            raise
        self.received += len(message.get("body", b""))
        if not message.get("more_body", False):
            self._has_body = False  # the body is complete
        return message

    async def send(self, message: Message) -> None:
        """Send for the application; raise ClientGone if the server reports a disconnect."""
        try:
            if message["type"] == "http.response.start":
                await self._send_start(message)
            elif message["type"] == "http.response.body":
                await self._send_body(message)
            else:
                await self._send(message)
        except TimeoutError as error:
            _log.warning(render("response.stalled", id=self._scope["state"]["request_id"], address=self.address))
            raise ClientGone from error
        except OSError as error:  # raised by uvicorn; granian does not report it
            raise ClientGone from error

    async def _send_start(self, message: Message) -> None:
        self.status = message["status"]
        self._started = True
        headers: list[Header] = [*message.get("headers", ()), (b"x-request-id", self._id), *_CORS]
        if self._head and self.status >= 300:
            headers = _without_body(headers)
        self._sized = any(name == b"content-length" for name, _ in headers)
        challenge = self._scope["state"].get("challenge")
        if self.status == 401 and challenge:
            headers.append((b"www-authenticate", challenge.encode("latin-1")))
        if self._is_short_and_unwanted():
            await self._linger()
        if self._has_body and self.received != self._announced and self._scope["http_version"].startswith("1"):
            # The server closes the connection unless the rest of the body arrives before the response ends. Without
            # notice, a client would send its next request into the closed connection.
            headers.append((b"connection", b"close"))
        await self._send({**message, "headers": headers})

    def _is_short_and_unwanted(self) -> bool:
        """Return whether the handler responds without having asked for a body that is short and on its way.

        Clients send the head of a request and its body one after the other. Many responses end with their head (to
        HEAD, 204, a length of 0), so it is too late to read the body after that.
        """
        if not self._has_body or self._asked or self._is_silent or self._expects:
            return False
        return self._announced is not None and self._announced <= _SURELY_SENT_BYTES

    async def _send_body(self, message: Message) -> None:
        more = message.get("more_body", False)
        if self._head:
            if not more:
                await self._send({"type": "http.response.body", "body": b""})
            return
        self.sent += len(message.get("body", b""))
        # Closing a connection with unread bytes resets it, and the reset overtakes the response: the
        # peer would see a broken pipe instead of the reason. A client that still waits for "100
        # Continue" has sent nothing. The last byte is held back, because granian stops reading the
        # request when the response is complete.
        is_read = not self._has_body or self._is_silent or (self._expects and not self._asked)
        if is_read and not more and self._is_at_start:
            await self._send(message)  # in one piece, which the server takes as it is: nothing can stall
            return
        self._is_at_start = False
        if more or is_read or not self._sized:
            with self._sending.within(self._send_timeout_s):
                await self._send(message)
            return
        body = message.get("body", b"")
        await self._send({"type": "http.response.body", "body": body[:-1], "more_body": True})
        await self._linger()
        await self._send({"type": "http.response.body", "body": body[-1:]})

    async def _linger(self) -> None:
        stop_at = self.received + LINGER_BYTES
        try:
            async with asyncio.timeout(LINGER_S):
                while self._has_body and self.received < stop_at:
                    async with asyncio.timeout(LINGER_QUIET_S):
                        await self.receive()
        except (TimeoutError, BodyTooSlow):
            return

    async def _fail(self, response: ErrorResponse, error: BaseException) -> None:
        if self._started:
            # Returning before the end makes both servers close the connection.
            _log.warning(render("response.cut", id=self._scope["state"]["request_id"], error=type(error).__name__))
            return
        await self._respond(response)

    async def _respond(self, response: ErrorResponse) -> None:
        try:
            await self.send({"type": "http.response.start", "status": response.status, "headers": response.headers})
            await self.send({"type": "http.response.body", "body": response.body})
        except ClientGone:
            self.status = _GONE

    def _log_failure(self, error: BaseException) -> None:
        state = self._scope["state"]
        line = render("request.failed", id=state["request_id"], method=self._scope["method"], path=self._scope["path"])
        _log.error(line, exc_info=error)


def _request_id(own: bytes, trace: bytes) -> bytes:
    if own and _SANE_ID.fullmatch(own):
        return own
    fresh = secrets.token_hex(8).encode()
    return trace + b";" + fresh if _SANE_ID.fullmatch(trace) else fresh


def _without_body(headers: list[Header]) -> list[Header]:
    """Return the headers of an error response to HEAD, without a content type: there is no body to parse."""
    kept = [header for header in headers if header[0] not in (b"content-type", b"content-length")]
    return [*kept, (b"content-length", b"0")]


def _preflight(wanted: bytes) -> ErrorResponse:
    """Return the response to a CORS preflight: any request from any origin, with a token but never with cookies."""
    headers: list[Header] = [
        (b"access-control-allow-methods", b"GET,HEAD,POST,PUT,PATCH,DELETE,OPTIONS"),
        (
            b"access-control-allow-headers",
            wanted if _SANE_LIST.fullmatch(wanted) else b"authorization,content-type,range",
        ),
        (b"access-control-max-age", b"86400"),
    ]
    return ErrorResponse(204, headers, b"")


async def _send_nothing(_message: Message) -> None:
    raise ClientGone

"""A hub that returns prepared responses."""

from __future__ import annotations

import contextlib
import json
import threading
import urllib.parse
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import attrs


@attrs.frozen
class Reply:
    """A response; a body that is neither text nor bytes is sent as JSON.

    ``is_cut``: the connection breaks before the end of the body. ``gate``: the response waits until this is set.
    """

    body: Any = b""
    status: int = 200
    headers: dict[str, str] = attrs.field(factory=dict)
    is_cut: bool = False
    gate: threading.Event | None = None

    def content(self) -> bytes:
        """Return the body as bytes."""
        if isinstance(self.body, bytes):
            return self.body
        return self.body.encode() if isinstance(self.body, str) else json.dumps(self.body).encode()


@attrs.frozen
class Seen:
    """A received request; header names are lower case."""

    method: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """Return the body parsed as JSON, or None if it is empty."""
        return json.loads(self.body) if self.body else None


@attrs.define
class ScriptedHub:
    """Returns the prepared replies of each ``(method, path)``, repeating the last one; 404 for other requests."""

    url: str
    seen: list[Seen] = attrs.field(factory=list)
    _replies: dict[tuple[str, str], list[Reply]] = attrs.field(factory=dict)

    def on(self, method: str, path: str, *replies: Reply) -> None:
        """Prepare the responses to a request, in order."""
        self._replies[method, path] = list(replies)

    def answer(self, request: Seen) -> Reply:
        """Record a request and return the next response."""
        self.seen.append(request)
        waiting = self._replies.get((request.method, request.path), [Reply({"error": "nothing prepared"}, 404)])
        return waiting.pop(0) if len(waiting) > 1 else waiting[0]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _serve(self) -> None:
        parts = urllib.parse.urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", 0)))
        query = urllib.parse.parse_qsl(parts.query, keep_blank_values=True)
        stand: ScriptedHub = self.server.stand  # type: ignore[attr-defined]
        reply = stand.answer(Seen(self.command, parts.path, query, headers, body))
        content = reply.content()
        if reply.gate is not None:
            reply.gate.wait(10)
        self.send_response_only(reply.status)  # without a Date header
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if "content-length" not in {name.lower() for name in reply.headers}:
            self.send_header("Content-Length", str(len(content) + (100 if reply.is_cut else 0)))
        self.end_headers()
        if self.command != "HEAD":
            with contextlib.suppress(ConnectionError):  # the client may have closed the connection
                self.wfile.write(content)
        self.close_connection = self.close_connection or reply.is_cut

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 - dictated by the base

    def log_message(self, *_: object) -> None:
        pass


def _stand() -> Iterator[ScriptedHub]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    stand = ScriptedHub(f"http://127.0.0.1:{server.server_port}")
    server.stand = stand  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield stand
    server.shutdown()
    server.server_close()
    thread.join()

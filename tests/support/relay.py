"""A proxy between a client and a hub."""

from __future__ import annotations

import http.client
import http.server
import threading
from collections.abc import Callable

import attrs


@attrs.define
class RelayedRequest:
    """A request that a relay has received; ``body`` can be replaced before it is forwarded."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@attrs.frozen
class RelayedResponse:
    """A response; with ``is_lost``, the connection breaks instead, with ``cut``, after so many bytes of the body."""

    status: int
    headers: dict[str, str] = attrs.field(factory=dict)
    body: bytes = b""
    is_lost: bool = False
    cut: int | None = None


PassOn = Callable[[RelayedRequest], RelayedResponse]


Rule = Callable[[RelayedRequest, PassOn], RelayedResponse]


class Relay:
    """A proxy between a client and a hub that records the traffic and can change it.

    ``rule`` receives each request and a function that forwards it.
    """

    def __init__(self, hub_url: str) -> None:
        self._upstream = hub_url.removeprefix("http://")
        self.seen: list[RelayedRequest] = []
        self.rule: Rule = lambda asked, go_on: go_on(asked)
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def count(self, method: str, part: str) -> int:
        """Return the number of requests with this method whose path contains ``part``."""
        return sum(asked.method == method and part in asked.path for asked in self.seen)

    def forget(self) -> None:
        self.seen.clear()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _pass_on(self, asked: RelayedRequest) -> RelayedResponse:
        connection = http.client.HTTPConnection(self._upstream, timeout=240)
        headers = {**asked.headers, "content-length": str(len(asked.body))}
        try:
            connection.request(asked.method, asked.path, body=asked.body, headers=headers)
            answer = connection.getresponse()
            return RelayedResponse(answer.status, dict(answer.getheaders()), answer.read())
        finally:
            connection.close()

    def _handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        relay = self

        class RelayHandler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                hops = ("connection", "content-length", "transfer-encoding")
                headers = {name: value for name, value in self.headers.items() if name.lower() not in hops}
                asked = RelayedRequest(self.command, self.path, headers, body)
                relay.seen.append(asked)
                told = relay.rule(asked, relay._pass_on)
                if told.is_lost:
                    self.close_connection = True
                    return
                self.send_response(told.status)
                for name, value in told.headers.items():
                    if name.lower() not in hops:
                        self.send_header(name, value)
                length = {name.lower(): value for name, value in told.headers.items()}.get("content-length", "0")
                self.send_header("content-length", length if self.command == "HEAD" else str(len(told.body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(told.body[: told.cut])
                self.close_connection = self.close_connection or told.cut is not None

            do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = answer  # noqa: N815

            def log_message(self, *_arguments: object) -> None:
                pass

        return RelayHandler

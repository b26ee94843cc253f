"""An HTTP client for tests that send thousands of requests to a server of their own process."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Mapping
from typing import BinaryIO
from urllib.parse import quote, urlsplit

import attrs

_WAIT_S = 240
_KEPT = "/%?#[]@!$&'()*+,;=:~"
"""What may be in the target of a request as it is, besides letters, digits and ``-._``."""


@attrs.frozen
class Answer:
    """A response; names of headers are in small letters, and headers of one name are joined by commas."""

    status_code: int
    headers: dict[str, str]
    content: bytes

    @property
    def text(self) -> str:
        return self.content.decode("utf-8", "replace")


class PlainClient:
    """Sends one request after the other on a connection that is kept, in a third of the time that httpx2 takes.

    It asks for no compression, follows no redirects, keeps no cookies, and speaks no TLS.
    """

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        """Start with the URL of the server and headers for every request."""
        split = urlsplit(url)
        self._address = (split.hostname, split.port)
        self._headers = {"host": split.netloc, "accept": "*/*", **_in_small(headers)}
        self._socket: socket.socket | None = None
        self._reader: BinaryIO

    def __enter__(self) -> PlainClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; the next request opens another one."""
        if self._socket is not None:
            self._reader.close()
            self._socket.close()
            self._socket = None

    def request(
        self, method: str, target: str, *, headers: Mapping[str, str] | None = None, content: bytes = b""
    ) -> Answer:
        """Send a request and return its response.

        Raises:
            OSError: the connection broke.
            EOFError: it broke within the response.
        """
        sent = self._headers | _in_small(headers or {})
        if content or method in ("POST", "PUT", "PATCH"):
            sent["content-length"] = str(len(content))
        lines = [
            f"{method} {quote(target, safe=_KEPT)} HTTP/1.1",
            *(f"{name}: {value}" for name, value in sent.items()),
        ]
        message = "\r\n".join([*lines, "", ""]).encode("latin-1") + content
        if self._socket is not None:
            with contextlib.suppress(ConnectionError):  # the server may have closed a connection that was idle
                return self._exchange(method, message)
            self.close()
        self._socket = socket.create_connection(self._address, timeout=_WAIT_S)
        self._reader = self._socket.makefile("rb")
        return self._exchange(method, message)

    def _exchange(self, method: str, message: bytes) -> Answer:
        assert self._socket is not None
        self._socket.sendall(message)
        status, found = 100, dict[str, str]()
        while status < 200:
            status, found = self._read_head()
        answer = Answer(status, found, self._read_body(method, status, found))
        if found.get("connection") == "close":
            self.close()
        return answer

    def _read_head(self) -> tuple[int, dict[str, str]]:
        first = self._reader.readline()
        if not first.endswith(b"\n"):
            raise ConnectionResetError("the server closed the connection before a response")
        found: dict[str, str] = {}
        while (line := self._reader.readline()) != b"\r\n":
            if not line.endswith(b"\n"):
                raise EOFError("the response ended within its headers")
            name, _, value = line.decode("latin-1").partition(":")
            key, value = name.lower(), value.strip()
            found[key] = f"{found[key]}, {value}" if key in found else value
        return int(first.split()[1]), found

    def _read_body(self, method: str, status: int, headers: Mapping[str, str]) -> bytes:
        if method == "HEAD" or status in (204, 304):
            return b""
        if headers.get("transfer-encoding") == "chunked":
            pieces = []
            while size := int(self._reader.readline().split(b";")[0], 16):
                pieces.append(self._read(size))
                self._reader.readline()
            self._reader.readline()
            return b"".join(pieces)
        return self._read(int(headers["content-length"])) if "content-length" in headers else self._reader.read()

    def _read(self, size: int) -> bytes:
        found = self._reader.read(size)
        if len(found) < size:
            raise EOFError(f"the response ended {size - len(found)} bytes early")
        return found


def _in_small(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}

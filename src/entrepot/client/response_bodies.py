"""The body of an answer, received into memory that the reader owns.

A long body is taken from the connection's own socket once httpx2 has handed
out what came along with the headers: its way through three libraries, 64 KiB
at a time, takes as much CPU as receiving, hashing and writing together.
"""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx2

DIRECT_FROM = 8 << 20
"""Bodies of this length and more are received directly; their connection is not used again afterwards."""


class ResponseBody:
    """The body of an answer, in order; content codings are undone.

    Args:
        response: its body has not been read yet.
        timeout_s: how long the peer may be silent.
    """

    def __init__(self, response: httpx2.Response, timeout_s: float) -> None:
        self._left = _plain_length(response)
        self._socket = _socket_of(response) if self._left >= DIRECT_FROM else None
        self._pieces = response.iter_bytes()
        self._rest = memoryview(b"")
        self._timeout_s = timeout_s
        self._is_begun = False

    def read_into(self, space: memoryview) -> int:
        """Receive the next bytes; returns how many, 0 only at the end.

        Args:
            space: where to put them, at least one byte.

        Raises:
            httpx2.TransportError, httpx2.DecodingError: the connection broke, or the body cannot be read.
        """
        if not self._rest and (self._socket is None or not self._is_begun):
            # A piece is all that the libraries have, so that nothing of the body is left in them after it.
            self._rest, self._is_begun = memoryview(next(self._pieces, b"")), True
            self._left -= len(self._rest)
        if self._rest:
            taken = self._rest[: len(space)]
            space[: len(taken)] = taken
            self._rest = self._rest[len(taken) :]
            return len(taken)
        return 0 if self._socket is None else self._receive(self._socket, space)

    def _receive(self, source: socket.socket, space: memoryview) -> int:
        import httpx2

        if self._left <= 0:
            return 0
        try:
            source.settimeout(self._timeout_s)
            count = source.recv_into(space, min(len(space), self._left))
        except TimeoutError as error:
            raise httpx2.ReadTimeout(str(error)) from error
        except OSError as error:
            raise httpx2.ReadError(str(error)) from error
        if not count:
            raise httpx2.RemoteProtocolError("the connection ended before the body did")
        self._left -= count
        return count


def _plain_length(response: httpx2.Response) -> int:
    """How long a body is that comes as it is; 0: it does not, or nobody knows."""
    headers = response.headers
    is_plain = "transfer-encoding" not in headers and headers.get("content-encoding", "identity") == "identity"
    length = headers.get("content-length", "")
    is_known = is_plain and response.http_version == "HTTP/1.1" and length.isascii() and length.isdigit()
    return int(length) if is_known else 0


def _socket_of(response: httpx2.Response) -> socket.socket | None:
    """The socket that gives the plain bytes of a connection; None for TLS within TLS, where none does."""
    stream = response.extensions.get("network_stream")
    if stream is None:
        return None
    found = stream.get_extra_info("socket")
    is_inner = isinstance(stream.get_extra_info("ssl_object"), ssl.SSLObject)
    return found if isinstance(found, socket.socket) and not is_inner else None

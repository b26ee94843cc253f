"""Response bodies, received into buffers of the reader.

Once httpx2 has returned the bytes that arrived with the headers, a long body is
read from the socket of the connection: passing it through three libraries in
pieces of 64 KiB takes as much CPU time as receiving, hashing and writing together.
"""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx2

DIRECT_FROM = 8 << 20
"""Bodies of at least this many bytes are read from the socket; their connection is not reused."""


class ResponseBody:
    """The body of a response, in order, with content encodings decoded.

    Args:
        response: a response whose body has not been read.
        timeout_s: seconds without data after which reading fails.
    """

    def __init__(self, response: httpx2.Response, timeout_s: float) -> None:
        self._left = _plain_length(response)
        self._socket = _socket_of(response) if self._left >= DIRECT_FROM else None
        self._pieces = response.iter_bytes()
        self._rest = memoryview(b"")
        self._timeout_s = timeout_s
        self._is_begun = False

    def read_into(self, space: memoryview) -> int:
        """Receive the next bytes and return their number, 0 only at the end.

        Args:
            space: the buffer to fill, at least one byte.

        Raises:
            httpx2.TransportError, httpx2.DecodingError: the connection broke, or the body cannot be decoded.
        """
        if not self._rest and (self._socket is None or not self._is_begun):
            # Each piece is all that the libraries have buffered, so nothing is lost when switching to the socket.
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
    """Return the length of a body without content encoding; 0 if it is encoded or of unknown length."""
    headers = response.headers
    is_plain = "transfer-encoding" not in headers and headers.get("content-encoding", "identity") == "identity"
    length = headers.get("content-length", "")
    is_known = is_plain and response.http_version == "HTTP/1.1" and length.isascii() and length.isdigit()
    return int(length) if is_known else 0


def _socket_of(response: httpx2.Response) -> socket.socket | None:
    """Return the socket that yields the decrypted bytes of a connection; None for TLS inside TLS, which has none."""
    stream = response.extensions.get("network_stream")
    if stream is None:
        return None
    found = stream.get_extra_info("socket")
    is_inner = isinstance(stream.get_extra_info("ssl_object"), ssl.SSLObject)
    return found if isinstance(found, socket.socket) and not is_inner else None

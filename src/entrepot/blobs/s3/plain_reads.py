"""Reads of objects straight from the socket, of services that are reached without TLS.

The library for buckets receives in threads of its own and hands small pieces over to the thread that reads: for the
same bytes, twice the CPU time of one call that waits in the kernel until a whole piece is there. With TLS, Python
would receive 16 KiB at a time, so that the library is faster.

Every wait ends: a service that sends nothing for :data:`_SILENT_S` is not asked again over other connections, and no
piece takes longer than :data:`_SILENT_S` and the time that it needs at :data:`_LEAST_RATE`.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import re
import socket
import struct
import sys
import threading
import time
from collections import deque
from collections.abc import Mapping
from typing import Self
from urllib.parse import urlsplit

from entrepot.blobs.s3.signing import UrlSigner
from entrepot.errors import StoreUnavailable

_CONNECT_S = 5.0
_SILENT_S = 15.0
"""How long the service may send nothing."""
_LEAST_RATE = 64 << 10
"""Bytes a second. A piece that arrives more slowly than this on average is given up."""
_PAUSE_S = 10.0
"""How long the library is asked after a failure, before another attempt here."""
_IDLE_S = 5.0
_MAX_IDLE = 16
_VALID_S = 900
_LONGEST_HEAD = 64 << 10
_USUAL_HEAD = 2 << 10
_STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")
_USUAL = frozenset({404, 416})
_PROXIES = frozenset({"http_proxy", "all_proxy"})


class PlainReads:
    """Requests for ranges of objects over connections that are used again. Thread-safe.

    Args:
        signer: of a bucket whose endpoint is a URL with ``http://``.
    """

    def __init__(self, signer: UrlSigner) -> None:
        self._signer = signer
        parts = urlsplit(signer.endpoint or "")
        self._address = (parts.hostname or "", parts.port or 80)
        self._lock = threading.Lock()
        self._idle: deque[tuple[float, _Connection]] = deque(maxlen=_MAX_IDLE)
        self._paused_until = 0.0

    def open(self, key: str, start: int, stop: int) -> PlainStream | None:
        """Ask for the bytes ``start … stop`` of an object; return them once they begin to arrive.

        Returns:
            None: the service has not answered with exactly these bytes, or was not asked because it had failed
            a moment ago. The caller then uses the library, which repeats requests and reports the reasons.
        """
        if time.monotonic() < self._paused_until:
            return None
        url = urlsplit(self._signer.sign(key, start, stop - 1, now_s=int(time.time()), seconds=_VALID_S))
        asked = (
            f"GET {url.path}?{url.query} HTTP/1.1\r\nHost: {url.netloc}\r\nRange: bytes={start}-{stop - 1}\r\n"
            "Accept-Encoding: identity\r\n\r\n"
        )
        try:
            while (connection := self._take()) is not None:
                with contextlib.suppress(ConnectionError):  # closed by the service in the meantime: take another one
                    return self._begin(connection, asked, start, stop)
            return self._begin(_Connection(self._address), asked, start, stop)
        except (OSError, ValueError):
            self._pause()
            return None

    def put_back(self, connection: _Connection) -> None:
        """Keep a connection, whose response was read to its end, for the next request."""
        with self._lock:
            oldest = self._idle.popleft()[1] if len(self._idle) == _MAX_IDLE else None
            self._idle.append((time.monotonic(), connection))
        if oldest is not None:
            oldest.close()

    def _begin(self, connection: _Connection, asked: str, start: int, stop: int) -> PlainStream | None:
        try:
            connection.send(asked.encode("ascii"))
            status, headers = _parse_head(connection.receive_head())
        except (OSError, ValueError):
            connection.close()
            raise
        sent = headers.get("content-range", "").partition("/")[0]
        if status == 206 and sent == f"bytes {start}-{stop - 1}" and headers.get("content-length") == str(stop - start):
            is_kept = "close" not in headers.get("connection", "").lower()
            return PlainStream(connection, stop - start, self if is_kept else None)
        connection.close()
        if status not in _USUAL:
            self._pause()
        return None

    def _take(self) -> _Connection | None:
        with self._lock:
            if not self._idle:
                return None
            used, connection = self._idle.pop()
            if time.monotonic() - used < _IDLE_S:
                return connection
            stale = [connection, *(other for _, other in self._idle)]
            self._idle.clear()
        for other in stale:
            other.close()
        return None

    def _pause(self) -> None:
        self._paused_until = time.monotonic() + _PAUSE_S


class PlainStream:
    """The body of one response, read while it arrives. Belongs to one thread at a time."""

    def __init__(self, connection: _Connection, length: int, owner: PlainReads | None) -> None:
        self._connection: _Connection | None = connection
        self._left = length
        self._owner = owner

    def read(self, length: int) -> bytes:
        """Return the next ``length`` bytes; fewer only at the end, where there are none left.

        Raises:
            StoreUnavailable: the connection broke, or the bytes arrived too slowly; the stream is closed.
        """
        length = min(length, self._left)
        if length == 0:
            return b""
        if self._connection is None:
            raise ValueError("the stream is closed")
        try:
            data = self._connection.receive(length)
        except OSError as error:
            self.close()
            reason = "nothing arrives" if isinstance(error, BlockingIOError) else error.strerror or str(error)
            raise StoreUnavailable("an object", f"the response broke off: {reason}") from error
        self._left -= length
        if self._left == 0:
            self._finish(self._connection)
        return data

    def close(self) -> None:
        """End the request; idempotent."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _finish(self, connection: _Connection) -> None:
        if self._owner is None:
            self.close()
            return
        self._connection = None
        self._owner.put_back(connection)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()


def plain_reads(signer: UrlSigner | None, environ: Mapping[str, str]) -> PlainReads | None:
    """Return how to read from a bucket past the library; None with TLS, behind a proxy, or without fixed keys."""
    if signer is None or not (signer.endpoint or "").startswith("http://") or sys.platform != "linux":
        return None
    return None if any(name.lower() in _PROXIES for name, value in environ.items() if value) else PlainReads(signer)


class _Connection:
    """A connection to the service; each call that receives lets the kernel wait."""

    def __init__(self, address: tuple[str, int]) -> None:
        """Connect.

        Raises:
            OSError: the service cannot be reached.
        """
        self._socket = socket.create_connection(address, timeout=_CONNECT_S)
        # A time limit of Python's makes the socket non-blocking, so that the kernel cannot wait for a whole piece.
        self._socket.settimeout(None)
        limit = struct.pack("@ll", int(_SILENT_S), int(_SILENT_S % 1 * 1_000_000))
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            self._socket.setsockopt(socket.SOL_SOCKET, option, limit)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, data: bytes) -> None:
        """Send a request.

        Raises:
            OSError: the connection broke.
        """
        self._socket.sendall(data)

    def receive_head(self) -> bytes:
        """Return the bytes to the empty line of a response; those behind it are left.

        Raises:
            OSError: the connection broke, or the head does not come in time.
            ValueError: the head is too long.
        """
        held, size, until = b"", _USUAL_HEAD, time.monotonic() + _SILENT_S
        while len(held) <= _LONGEST_HEAD:
            begun = self._receive(size, socket.MSG_PEEK, until)
            end = (held + begun).find(b"\r\n\r\n")
            held += self._receive(len(begun) if end < 0 else end + 4 - len(held), 0, until)
            if end >= 0:
                return held
            size = _LONGEST_HEAD
        raise ValueError("the head of the response is too long")

    def receive(self, length: int) -> bytes:
        """Return the next ``length`` bytes.

        Raises:
            OSError: the connection broke, or too little has arrived in time.
        """
        until, pieces = time.monotonic() + _SILENT_S + length / _LEAST_RATE, list[bytes]()
        while length:
            pieces.append(self._receive(length, socket.MSG_WAITALL, until))
            length -= len(pieces[-1])
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def close(self) -> None:
        """Close it; idempotent."""
        self._socket.close()

    def _receive(self, length: int, flags: int, until: float) -> bytes:
        if time.monotonic() > until:
            raise TimeoutError("the service sends too slowly")
        data = self._socket.recv(length, flags)  # returns what has arrived if the kernel has waited for _SILENT_S
        if not data:
            raise ConnectionResetError("the service has closed the connection")
        return data


def _parse_head(head: bytes) -> tuple[int, Mapping[str, str]]:
    """Return the status and the headers by lower-case name.

    Raises:
        ValueError: this is no HTTP.
    """
    line, _, fields = head.partition(b"\r\n")
    found = _STATUS.match(line + b" ")
    if found is None:
        raise ValueError("the response is not HTTP/1.1")
    try:
        parsed = http.client.parse_headers(io.BytesIO(fields))
    except http.client.HTTPException as error:
        raise ValueError(str(error)) from error
    return int(found[1]), {name.lower(): value for name, value in parsed.items()}

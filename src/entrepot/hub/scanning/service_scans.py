"""Scans files with an HTTP service that the administrator has configured.

The service receives the file as the body of a POST, and returns a JSON object: ``status``, and optionally ``message``.
It learns neither the name of the file nor its owner.
"""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

from entrepot.hub import public_addresses
from entrepot.hub.public_addresses import NotPublic
from entrepot.hub.scanning.scanners import TICK_S, ScanFailed, ScanStatus, Verdict, said_by
from entrepot.hub.webhooks import outbound_http
from entrepot.settings import Settings
from entrepot.storage.contents import Content

WALL_S = 600.0
"""How long a service may take for one file."""

MAX_BYTES = 2 << 30
"""The size of the largest file that is sent."""

_PIECE = 1 << 20
_READ_S = 60.0
_MAX_ANSWER = 64 << 10
_STATUSES: dict[str, ScanStatus] = {
    "safe": "safe",
    "caution": "caution",
    "suspicious": "suspicious",
    "unsafe": "unsafe",
}


def scan_content(content: Content, settings: Settings) -> Generator[None, None, Verdict]:
    """Return the verdict of the service on a content.

    Raises:
        ScanFailed: the service cannot be reached, takes too long, or returns something else.
        BlobMissing, BlobUnreadable, XorbDamaged: the content cannot be read.
    """
    if content.size > MAX_BYTES:
        return Verdict("skipped", f"it is larger than the {MAX_BYTES:,} bytes that are sent to the scanner")
    exchange, waiter = _Exchange(content, settings), ThreadPoolExecutor(1, "scan-service")
    # A step may not wait for the service, which a commit may give up: a thread does.
    done = waiter.submit(exchange.run)
    deadline = time.monotonic() + WALL_S
    try:
        while not wait([done], TICK_S).done:
            if time.monotonic() > deadline:
                raise ScanFailed("the scanner took too long")
            yield
        return done.result()
    finally:
        exchange.stop()
        waiter.shutdown(wait=False)


class _Exchange:
    """One request to the service, in a thread of its own; it never reads the content once it is stopped."""

    def __init__(self, content: Content, settings: Settings) -> None:
        self._content, self._settings = content, settings
        self._sock: socket.socket | None = None
        self._is_stopped = False
        self._reading = threading.Lock()

    def run(self) -> Verdict:
        """Send the content and return the verdict."""
        headers = {"content-type": "application/octet-stream", "content-length": str(self._content.size)}
        headers |= _proof(self._settings)
        connection = _connected(self._settings)
        try:
            self._sock = connection.sock
            if self._is_stopped:
                raise ScanFailed("the scan was given up")
            path = outbound_http.parse_target(self._settings.scan_url).path
            connection.putrequest("POST", path, skip_accept_encoding=True)
            for name, value in headers.items():
                connection.putheader(name, value)
            connection.endheaders()
            at = 0
            while at < self._content.size:
                data = self._read(at)
                connection.send(data)
                at += len(data)
            answer = connection.getresponse()
            return judge_answer(answer.status, answer.read(_MAX_ANSWER))
        except (OSError, http.client.HTTPException) as error:
            raise ScanFailed(f"the scanner does not answer: {type(error).__name__}") from error
        finally:
            connection.close()

    def stop(self) -> None:
        """Hang up. The content can be closed then."""
        with self._reading:
            self._is_stopped = True
        # A timeout of the socket applies to each read: only closing it stops a service that answers slowly.
        if self._sock is not None:
            outbound_http.hang_up(self._sock)

    def _read(self, at: int) -> bytes:
        with self._reading:
            if self._is_stopped:
                raise ScanFailed("the scan was given up")
            data = self._content.read_at(at, _PIECE)
        if not data:
            raise ScanFailed("the file ended unexpectedly")
        return data


def judge_answer(status: int, body: bytes) -> Verdict:
    """Return the verdict in a response of the service.

    Raises:
        ScanFailed: it contains none.
    """
    if status != 200:
        raise ScanFailed(f"the scanner answered with status {status}")
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    word = found.get("status") if isinstance(found, dict) else None
    if not isinstance(found, dict) or not isinstance(word, str) or word not in _STATUSES:
        raise ScanFailed("the scanner's response has no valid status: safe, caution, suspicious or unsafe")
    return Verdict(_STATUSES[word], said_by(found) or f"the scanner says: {word}")


def _connected(settings: Settings) -> http.client.HTTPConnection:
    """Return a connection to an address that was checked, as those of webhooks are."""
    target = outbound_http.parse_target(settings.scan_url)
    try:
        found = public_addresses.resolve(target.host, target.port, allows_private=settings.scan_private_targets)
        return outbound_http.connect(target, (found[0], target.port), timeout_s=_READ_S)
    except NotPublic as blocked:
        raise ScanFailed(f"{blocked}; an administrator can allow that with the setting scan_private_targets") from None
    except OSError as error:
        raise ScanFailed(f"cannot connect to the scanner: {type(error).__name__}") from error


def _proof(settings: Settings) -> dict[str, str]:
    """Return the header that identifies the hub to the service."""
    if not settings.scan_token_file:
        return {}
    try:
        token = Path(settings.scan_token_file).read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        raise ScanFailed("the file in the setting scan_token_file cannot be read") from None
    if not token.isprintable() or " " in token:
        raise ScanFailed("the file in the setting scan_token_file contains no token")
    return {"authorization": f"Bearer {token}"}

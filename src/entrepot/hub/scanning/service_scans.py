"""Scans files with an HTTP service that the administrator has configured.

The service receives the file as the body of a POST, and returns a JSON object: ``status``, and optionally ``message``.
It learns neither the name of the file nor its owner.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
from collections.abc import Generator
from pathlib import Path

from entrepot.hub import public_addresses
from entrepot.hub.public_addresses import NotPublic
from entrepot.hub.scanning.scanners import ScanFailed, ScanStatus, Verdict
from entrepot.hub.webhooks import outbound_http
from entrepot.settings import Settings
from entrepot.storage.contents import Content

WALL_S = 600.0
"""How long a service may take for one file."""

MOST_BYTES = 2 << 30
"""The size of the largest file that is sent."""

_PIECE = 1 << 20
_READ_S = 60.0
_MOST_ANSWER, _MOST_MESSAGE = 64 << 10, 300
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
    if content.size > MOST_BYTES:
        return Verdict("skipped", f"it is larger than the {MOST_BYTES:,} bytes that are sent to the scanner")
    headers = {"content-type": "application/octet-stream", "content-length": str(content.size), **_proof(settings)}
    connection = _connected(settings)
    # A timeout of the socket applies to each read: only closing it stops a service that answers slowly.
    watch = threading.Timer(WALL_S, _hang_up, (connection.sock,))
    watch.daemon = True
    watch.start()
    try:
        connection.putrequest("POST", outbound_http.parse_target(settings.scan_url).path, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        at = 0
        while at < content.size:
            data = content.read_at(at, _PIECE)
            if not data:
                raise ScanFailed("the file ended unexpectedly")
            connection.send(data)
            at += len(data)
            yield
        answer = connection.getresponse()
        return judge_answer(answer.status, answer.read(_MOST_ANSWER))
    except (OSError, http.client.HTTPException) as error:
        raise ScanFailed(f"the scanner does not answer: {type(error).__name__}") from error
    finally:
        watch.cancel()
        connection.close()


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
    message = found.get("message")
    said = message[:_MOST_MESSAGE] if isinstance(message, str) else ""
    return Verdict(_STATUSES[word], said or f"the scanner says: {word}")


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
    """Return the header that tells the service who asks."""
    if not settings.scan_token_file:
        return {}
    try:
        token = Path(settings.scan_token_file).read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        raise ScanFailed("the file in the setting scan_token_file cannot be read") from None
    if not token.isprintable() or " " in token:
        raise ScanFailed("the file in the setting scan_token_file contains no token")
    return {"authorization": f"Bearer {token}"}


def _hang_up(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)

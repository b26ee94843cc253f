"""One HTTP POST to a host that a user named: guarded, bounded, without redirects.

The address is looked up once, checked, and then connected to, so that a name
cannot point elsewhere between the check and the use.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import threading
from collections.abc import Mapping
from urllib.parse import urlsplit

import attrs

from entrepot.errors import EntrepotError, InvalidName, shown
from entrepot.hub import public_addresses
from entrepot.hub.public_addresses import NotPublic

CONNECT_S = 5.0
ANSWER_S = 10.0
"""How long to wait for a connection, and then for the whole answer."""

MAX_ANSWER = 2_000
"""How much of an answer is read, in bytes."""

_MAX_URL = 2_000
_PORTS = {"http": 80, "https": 443}


@attrs.frozen
class PostTarget:
    """Where to post: an absolute URL, taken apart."""

    scheme: str
    host: str
    port: int
    path: str


@attrs.frozen
class PostResult:
    """How a POST ended: the status, or None when there was no answer; the answer's beginning, or the reason."""

    status: int | None
    answer: str

    @property
    def is_welcome(self) -> bool:
        """Whether the receiver took it."""
        return self.status is not None and 200 <= self.status < 300


def parse_target(url: str) -> PostTarget:
    """Read the URL of a receiver.

    Raises:
        InvalidName: it is no http or https URL with a host, is longer than
            2,000 characters, or holds a name and password.
    """
    reason = "expected http:// or https://, a host, and at most 2,000 characters"
    if len(url) > _MAX_URL or not url.isascii() or any(char <= " " or char == "\x7f" for char in url):
        raise InvalidName("URL", url[:_MAX_URL], reason)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise InvalidName("URL", url, reason) from None
    if parts.scheme not in _PORTS or not parts.hostname or port == 0:
        raise InvalidName("URL", url, reason)
    if parts.username is not None or parts.password is not None:
        raise InvalidName("URL", shown(parts.hostname, quote=False), "use the secret instead of a password in the URL")
    try:
        public_addresses.canonical_host(parts.hostname)
    except EntrepotError:
        raise InvalidName("URL", url, reason) from None
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return PostTarget(parts.scheme, parts.hostname, port or _PORTS[parts.scheme], path)


def post(target: PostTarget, body: bytes, headers: Mapping[str, str], *, reaches_private: bool) -> PostResult:
    """Send one POST and read the beginning of the answer. Never raises for what the other side does.

    Args:
        reaches_private: whether addresses of this machine and of private
            networks may be reached.

    Guarantees: redirects are not followed; at most :data:`CONNECT_S` seconds
    pass before there is a connection, and :data:`ANSWER_S` until the end, also
    when the other side sends a byte now and then; at most 2,000 bytes of the
    answer are read.
    """
    try:
        address = _resolve(target, reaches_private=reaches_private)
        connection = connect(target, address, timeout_s=ANSWER_S)
    except NotPublic as blocked:
        return PostResult(None, f"{blocked}; an administrator can allow that with the setting webhook_private_targets")
    except OSError as error:
        return PostResult(None, f"cannot connect to {target.host}: {error}"[:MAX_ANSWER])
    sock = connection.sock
    # A timeout of the socket is one for each piece: only closing it ends a peer that drips.
    watch = threading.Timer(ANSWER_S, _hang_up, (sock,))
    watch.start()
    try:
        connection.request("POST", target.path, body, dict(headers))
        answer = connection.getresponse()
        return PostResult(answer.status, answer.read(MAX_ANSWER).decode("utf-8", "replace"))
    except (OSError, http.client.HTTPException) as error:
        return PostResult(None, f"no answer from {target.host}: {type(error).__name__}: {error}"[:MAX_ANSWER])
    finally:
        watch.cancel()
        connection.close()


def _hang_up(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


def _resolve(target: PostTarget, *, reaches_private: bool) -> tuple[str, int]:
    """The address to connect to."""
    return public_addresses.resolve(target.host, target.port, allows_private=reaches_private)[0], target.port


def connect(target: PostTarget, address: tuple[str, int], *, timeout_s: float) -> http.client.HTTPConnection:
    """Return a connection to a target at an address that was checked; ``timeout_s`` is for each piece that is read.

    Raises:
        OSError: there is no connection within :data:`CONNECT_S`, or its certificate is not that of the host.
    """
    plain = socket.create_connection(address, timeout=CONNECT_S)
    connection = http.client.HTTPConnection(target.host, target.port, timeout=timeout_s)
    try:
        plain.settimeout(timeout_s)
        secure = target.scheme == "https"
        connection.sock = (
            ssl.create_default_context().wrap_socket(plain, server_hostname=target.host) if secure else plain
        )
    except BaseException:
        plain.close()
        raise
    return connection

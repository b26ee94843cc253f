"""Send one HTTP request to a host that a user named, with checked addresses, time limits and no redirects.

The address is resolved once, checked, and then connected to, so that a name
cannot resolve to another address between the check and the connection.
"""

from __future__ import annotations

import contextlib
import http.client
import re
import socket
import ssl
import threading
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

import attrs

from entrepot.errors import EntrepotError, InvalidName, shown
from entrepot.errors.redactions import redact
from entrepot.hub import public_addresses
from entrepot.hub.public_addresses import NotPublic

CONNECT_S = 5.0
ANSWER_S = 10.0
"""Seconds to wait for a connection, and then for the whole response."""

MAX_ANSWER = 2_000
"""Maximum number of bytes read from a response."""

_MAX_URL = 2_000
_PORTS = {"http": 80, "https": 443}
_MASK = b"\xff"  # is in no UTF-8


@attrs.frozen
class PostTarget:
    """The parsed URL of a receiver."""

    scheme: str
    host: str
    port: int
    path: str


@attrs.frozen
class PostResult:
    """The result of a POST: status (None without a response), and the start of the response or the error."""

    status: int | None
    answer: str

    @property
    def is_welcome(self) -> bool:
        """Whether the receiver accepted the request."""
        return self.status is not None and 200 <= self.status < 300


@attrs.frozen
class ReceivedResponse:
    """Status and body of a response; the body ends at the limit of the request."""

    status: int
    body: bytes = attrs.field(repr=False)


class NoAnswer(Exception):
    """A host could not be reached, or did not answer; the text says why."""


def parse_target(url: str) -> PostTarget:
    """Parse the URL of a receiver.

    Raises:
        InvalidName: it is not an http or https URL with a host, is longer than
            2,000 characters, or contains a name and password.
    """
    reason = "expected http:// or https://, a host, and at most 2,000 characters"
    if len(url) > _MAX_URL or not url.isascii() or any(char <= " " or char == "\x7f" for char in url):
        raise InvalidName("URL", redact(url[:_MAX_URL]), reason)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise InvalidName("URL", redact(url), reason) from None
    if parts.scheme not in _PORTS or not parts.hostname or port == 0:
        raise InvalidName("URL", redact(url), reason)
    if parts.username is not None or parts.password is not None:
        raise InvalidName("URL", shown(parts.hostname, quote=False), "use the secret instead of a password in the URL")
    try:
        public_addresses.canonical_host(parts.hostname)
    except EntrepotError:
        raise InvalidName("URL", redact(url), reason) from None
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return PostTarget(parts.scheme, parts.hostname, port or _PORTS[parts.scheme], path)


def post(
    target: PostTarget,
    body: bytes,
    headers: Mapping[str, str],
    *,
    reaches_private: bool,
    hidden: Sequence[str] = (),
) -> PostResult:
    """Send one POST and read the start of the response. Never raises for errors of the receiver.

    Args:
        reaches_private: whether addresses of this machine and of private
            networks may be reached.
        hidden: ASCII texts that the result has as an ellipsis, if the response repeats them.

    Guarantees: redirects are not followed; connecting takes at most
    :data:`CONNECT_S` seconds, and the response at most :data:`ANSWER_S`, even
    if the receiver keeps sending single bytes; the first 2,000 bytes of the
    response are kept, and no more are read than it takes to find a hidden text
    that begins in them.
    """
    words = sorted((word.encode() for word in hidden if word), key=len, reverse=True)
    limit = MAX_ANSWER + max(map(len, words), default=0)
    try:
        found = send("POST", target, body, headers, reaches_private=reaches_private, limit=limit)
    except NotPublic as blocked:
        return PostResult(None, f"{blocked}; an administrator can allow that with the setting webhook_private_targets")
    except NoAnswer as failure:
        return PostResult(None, str(failure)[:MAX_ANSWER])
    return PostResult(found.status, _as_text(found.body, words))


def _as_text(answer: bytes, words: Sequence[bytes]) -> str:
    """Return the start of a response as text without NUL, which PostgreSQL does not store, and without some words."""
    for word in words:
        answer = answer.replace(word, _MASK * len(word))  # as long, so that what follows stays beyond the limit
    shown = re.sub(_MASK + b"+", "…".encode(), answer[:MAX_ANSWER])
    return shown.decode("utf-8", "replace").replace("\0", "\ufffd")


def send(
    method: str,
    target: PostTarget,
    body: bytes | None,
    headers: Mapping[str, str],
    *,
    reaches_private: bool,
    limit: int,
) -> ReceivedResponse:
    """Send one request and read at most ``limit`` bytes of the response; guarantees as :func:`post`.

    Raises:
        NotPublic: the host has an address that may not be reached.
        NoAnswer: the connection or the response failed, or took too long.
    """
    try:
        address = _resolve(target, reaches_private=reaches_private)
        connection = connect(target, address, timeout_s=ANSWER_S)
    except OSError as error:
        raise NoAnswer(f"cannot connect to {target.host}: {error}") from error
    sock = connection.sock
    # A socket timeout applies to each read: only closing the socket stops a peer that sends slowly.
    watch = threading.Timer(ANSWER_S, hang_up, (sock,))
    watch.start()
    try:
        connection.request(method, target.path, body, dict(headers))
        answer = connection.getresponse()
        return ReceivedResponse(answer.status, answer.read(limit))
    except (OSError, http.client.HTTPException) as error:
        raise NoAnswer(f"no answer from {target.host}: {type(error).__name__}: {error}") from error
    finally:
        watch.cancel()
        connection.close()


def hang_up(sock: socket.socket) -> None:
    """Close the connection of a request in another thread, which then fails; harmless if it has ended."""
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


def _resolve(target: PostTarget, *, reaches_private: bool) -> tuple[str, int]:
    """Return the address to connect to."""
    return public_addresses.resolve(target.host, target.port, allows_private=reaches_private)[0], target.port


def connect(target: PostTarget, address: tuple[str, int], *, timeout_s: float) -> http.client.HTTPConnection:
    """Return a connection to a checked address of a target; ``timeout_s`` applies to each read.

    Raises:
        OSError: no connection within :data:`CONNECT_S`, or the certificate does not match the host.
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

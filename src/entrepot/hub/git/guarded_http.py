"""HTTP requests to hosts that a user or a foreign server named: every address is checked, on every redirect.

The address of each host is resolved once, checked, and then connected to, so that a name cannot resolve to
another address between the check and the connection. Proxies of the environment are not used: they would
resolve the names again.
"""

from __future__ import annotations

import contextlib
import http.client
import time
from collections.abc import Iterator, Mapping
from urllib.parse import urljoin, urlsplit

import attrs

from entrepot.errors import InvalidName, Refused, shown
from entrepot.errors.redactions import redact
from entrepot.hub import public_addresses
from entrepot.hub.public_addresses import NotPublic
from entrepot.hub.webhooks import outbound_http

MAX_REDIRECTS = 5
TIMEOUT_S = 60.0
"""Seconds to wait for each read of a response."""
MIN_RATE = 1024
"""Bytes a second that a response must have on average, from its first minute on."""

_REDIRECTS = (301, 302, 303, 307, 308)


@attrs.define
class GuardedResponse:
    """The response to a request: its final URL, and its body to be read."""

    url: str
    status: int
    _body: http.client.HTTPResponse
    _begun_s: float = attrs.field(factory=time.monotonic)
    _received: int = 0

    def read(self, most: int) -> bytes:
        """Return the next bytes of the body, at most this many; empty at its end.

        Raises:
            Refused: the connection fails, or sends less than 1 KiB a second after the first minute.
        """
        try:
            data = self._body.read1(most)
        except (OSError, http.client.HTTPException) as error:
            raise _no_answer(self.url, type(error).__name__) from error
        self._received += len(data)
        spent_s = time.monotonic() - self._begun_s
        if data and spent_s > TIMEOUT_S and self._received < MIN_RATE * spent_s:
            raise _no_answer(self.url, f"less than {MIN_RATE:,} bytes a second")
        if not data and self._body.length:
            raise _no_answer(self.url, f"{self._body.length:,} bytes are missing")
        return data


@contextlib.contextmanager
def request(
    method: str, url: str, headers: Mapping[str, str], body: bytes | None = None, *, hint: str
) -> Iterator[GuardedResponse]:
    """Send a request, and follow redirects of a GET; the connection is closed at the end of the ``with``.

    Args:
        hint: advice for the error message if a host is not public.

    Guarantees: connects only to public addresses. ``Authorization`` is sent to the first host only.

    Raises:
        Refused: a URL is malformed or leads to an address that is not public, there are more than five
            redirects, or the connection or the response fails.
    """
    kept = dict(headers)
    for _ in range(MAX_REDIRECTS + 1):
        connection = _connect(url, hint)
        with contextlib.closing(connection):
            try:
                connection.request(method, _path_of(url), body, kept)
                found = connection.getresponse()
            except (OSError, http.client.HTTPException) as error:
                raise _no_answer(url, type(error).__name__) from error
            except ValueError as error:  # headers that the source named
                host = shown(urlsplit(url).hostname or "")
                raise Refused(f"the source names headers for requests to {host} that are not valid in HTTP") from error
            location = found.headers.get("Location") if method == "GET" and found.status in _REDIRECTS else None
            if location is None:
                yield GuardedResponse(url, found.status, found)
                return
        following = resolve(url, location)
        if origin_of(following) != origin_of(url):
            kept = {name: value for name, value in kept.items() if name.lower() != "authorization"}
        url = following
    raise Refused(f"{shown(redact(url))} redirects too often")


def _no_answer(url: str, reason: str) -> Refused:
    return Refused(f"no answer from {shown(urlsplit(url).hostname or '')}: {reason}")


def _connect(url: str, hint: str) -> http.client.HTTPConnection:
    try:
        target = outbound_http.parse_target(url)
        [ip, *_] = public_addresses.resolve(target.host, target.port, allows_private=False)
        return outbound_http.connect(target, (ip, target.port), timeout_s=TIMEOUT_S)
    except NotPublic as blocked:
        raise Refused(f"{blocked}; {hint}") from blocked
    except InvalidName as error:
        raise Refused(f"the source leads to a URL that cannot be used: {error.message}") from error
    except OSError as error:
        raise Refused(f"cannot connect to {shown(urlsplit(url).hostname or '')}: {error}") from error


def _path_of(url: str) -> str:
    return outbound_http.parse_target(url).path


def resolve(base: str, reference: str) -> str:
    """Return the absolute URL of a URL or path that a response or a file of the source names.

    Raises:
        Refused: it is not a URL.
    """
    try:
        return urljoin(base, reference)
    except ValueError:
        raise Refused(f"the source leads to {shown(redact(reference))}, which is not a URL") from None


def origin_of(url: str) -> tuple[str, str]:
    """Return the scheme and the network location of a URL; credentials are only sent to the origin they are for.

    Raises:
        Refused: it is not a URL.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        raise Refused(f"the source leads to {shown(redact(url))}, which is not a URL") from None
    return parts.scheme.lower(), parts.netloc.lower()

"""The HTTP transport: sends calls over pooled connections, retries, follows redirects and streams bodies.

The token is sent only to the hub's own origin, even if a ``Link`` header, a
redirect or an LFS ``href`` names another one.
"""

from __future__ import annotations

import contextlib
import ssl
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

import attrs

from entrepot.client import http_errors
from entrepot.client.calls import MAX_BODY, Call, Response, ResultPage, joined
from entrepot.client.log_redaction import redact_foreign_logs
from entrepot.client.response_bodies import ResponseBody
from entrepot.client.retries import pause_after
from entrepot.errors import AnswerUnusable, ConfigError, EntrepotError, HubUnreachable, TlsFailed

if TYPE_CHECKING:
    import httpx2

T = TypeVar("T")

CHUNK = 256 * 1024
"""Number of bytes of a body that are read or sent at a time."""

_POOL = 32
_KEEP_ALIVE_S = 30.0
_MAX_REDIRECTS = 10
_MAX_WAIT_S = 60.0
_ENCODINGS = frozenset({"", "identity", "gzip", "deflate"})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_ELSEWHERE = "tokens and content are not sent to another address; if it belongs to the hub, use it as the endpoint"
_PORTS = {"http": 80, "https": 443}


@attrs.frozen
class Stream:
    """A response whose body is streamed; ``url`` is its address without the query."""

    status: int
    headers: Mapping[str, str]
    url: str
    _chunks: Callable[[], Iterator[bytes]] = attrs.field(repr=False)
    _read_into: Callable[[memoryview], int] = attrs.field(repr=False)

    def chunks(self) -> Iterator[bytes]:
        """Yield the body in order, in pieces as they arrive (at most 64 KiB); can be read once.

        Raises:
            HubUnreachable, HubTimeout: the connection broke; request the rest from where it ended.
        """
        return self._chunks()

    def read_into(self, space: memoryview) -> int:
        """Receive the next bytes of the body into ``space`` and return their number, 0 only at the end.

        Intended for long bodies, as it copies nothing. Use either this method or :meth:`chunks`.

        Raises:
            HubUnreachable, HubTimeout: the connection broke; all bytes before it have been returned.
        """
        return self._read_into(space)


class Transport:
    """A connection pool to one hub with one token. Safe to use from several threads; close it after use.

    Args:
        endpoint: origin of the hub and optionally a path prefix; without a trailing slash.
        timeout_s: seconds without data after which a request fails.
        connect_s: seconds to wait for a connection.
        retries: how often a repeatable call is retried.
        proxy: URL of a proxy; None takes that of the operating system.
        verify: the authorities that TLS trusts: those of the system (True) or a context.
        headers: additional headers of every request to the hub's origin.
        wait: replaces ``time.sleep`` in tests.
    """

    def __init__(
        self,
        endpoint: str,
        token: str | None = None,
        *,
        user_agent: str,
        timeout_s: float = 60.0,
        connect_s: float = 10.0,
        retries: int = 5,
        proxy: str | None = None,
        verify: ssl.SSLContext | bool = True,
        headers: tuple[tuple[str, str], ...] = (),
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self.endpoint = endpoint.rstrip("/")
        self._origin = origin_of(self.endpoint)
        self._token = token
        self._user_agent = user_agent
        self._timeout_s, self._connect_s = timeout_s, connect_s
        self._retries = retries
        self._proxy, self._verify = proxy, verify
        self._headers = headers
        self._wait = wait
        self._clients: dict[str, httpx2.Client] = {}
        self._lock = threading.Lock()
        self._was_reached = False

    def __repr__(self) -> str:
        return f"Transport({self.endpoint!r}, token={'set' if self._token else None})"

    def __enter__(self) -> Transport:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def has_token(self) -> bool:
        """Whether calls are sent with a token."""
        return self._token is not None

    def close(self) -> None:
        """Close every connection; a later call opens new ones."""
        with self._lock:
            clients, self._clients = list(self._clients.values()), {}
        for client in clients:
            client.close()

    def send(self, call: Call[T], *, timeout_s: float | None = None, retries: int | None = None) -> T:
        """Send a call and return its parsed response.

        Args:
            timeout_s, retries: values for this call, instead of the transport's.

        Raises:
            HubFailure: the hub responded with an error; the subclass depends on the error.
            HubUnreachable, HubTimeout, TlsFailed: there was no response.
            ConfigError: the proxy of the environment is invalid.
            AnswerUnusable: the response does not conform to the API.
        """

        def ask() -> Response:
            with contextlib.closing(self._followed(call, timeout_s)) as response:
                self._refuse_failure(call, response)
                return self._read(response, call.most_bytes)

        return call.read(self._retried(call, ask, retries))

    def pages(self, call: Call[ResultPage[T]]) -> Iterator[T]:
        """Yield the items of all pages of a list; pages are fetched as needed.

        Raises:
            HubFailure, HubUnreachable, HubTimeout, TlsFailed, AnswerUnusable: as :meth:`send`, for any page.
        """
        seen: set[str] = set()
        while True:
            page = self.send(call)
            yield from page.items
            if page.next_url is None:
                return
            if page.next_url in seen:
                raise AnswerUnusable(page.next_url.partition("?")[0], "its pages link to each other in a circle")
            seen.add(page.next_url)
            call = attrs.evolve(call, path=page.next_url, query=())

    @contextlib.contextmanager
    def stream(self, call: Call[Any], *, start: int = 0, end: int | None = None) -> Iterator[Stream]:
        """Open a response whose body is streamed.

        Args:
            start, end: range of bytes to request, ``end`` exclusive; check ``status``
                for 206, because a server may send the whole body.

        Raises:
            HubFailure, HubUnreachable, HubTimeout, TlsFailed: as :meth:`send`.
        """
        if start or end is not None:
            last = "" if end is None else end - 1
            call = attrs.evolve(call, headers=(*call.headers, ("range", f"bytes={start}-{last}")))

        def ask() -> httpx2.Response:
            response = self._followed(call, None)
            self._refuse_failure(call, response)
            return response

        with contextlib.closing(self._retried(call, ask, None)) as response:
            url = str(response.url).partition("?")[0]
            body = ResponseBody(response, self._timeout_s)

            def read_into(space: memoryview) -> int:
                with self._translated(response):
                    return body.read_into(space)

            headers = _lowered(response.headers)
            yield Stream(response.status_code, headers, url, lambda: self._chunks(response), read_into)

    def upload(
        self,
        method: str,
        url: str,
        content: Iterable[bytes] | BinaryIO,
        *,
        size: int | None,
        headers: Mapping[str, str] | None = None,
        is_authorized: bool = False,
        subject: str = "",
        timeout_s: float | None = None,
    ) -> Response:
        """Send a streamed body.

        Args:
            url: absolute, or a path of the hub.
            content: exactly ``size`` bytes. It is read once, so this method never retries; callers that can
                produce it again may.
            size: None uses chunked transfer encoding, which signed URLs of object stores do not accept.

        Raises:
            HubFailure, HubUnreachable, HubTimeout, TlsFailed: as :meth:`send`; also any error of ``content``.
        """
        length = {"content-length": str(size)} if size is not None else {}
        call = Call(
            method,
            url,
            lambda answer: answer,
            headers=tuple({**(headers or {}), **length}.items()),
            subject=subject,
            is_authorized=is_authorized,
            is_repeatable=False,
        )
        if is_authorized and origin_of(self._absolute(call)) != self._origin:
            raise AnswerUnusable(self.endpoint, f"it redirects an upload to {_shown_origin(url)}: {_ELSEWHERE}")
        pieces = _pieces(content)
        response = self._once(call, self._absolute(call), pieces, timeout_s)
        with contextlib.closing(response):
            answer = self._read(response)
        if answer.status >= 300:
            raise http_errors.failure_of(answer, call, self.endpoint, has_token=self.has_token)
        return answer

    # --- one request ---------------------------------------------------------

    def _retried(self, call: Call[Any], ask: Callable[[], T], retries: int | None) -> T:
        """Return the result of ``ask``, retrying as long as the call is repeatable and a retry may succeed."""
        attempts = 1 + (self._retries if retries is None else retries)
        for attempt in range(attempts):
            try:
                return ask()
            except EntrepotError as error:
                pause = pause_after(error, call, attempt)
                # If the hub has never responded, the address is probably wrong: retry only once.
                is_hopeless = isinstance(error, HubUnreachable) and not self._was_reached and attempt > 0
                if pause is None or is_hopeless or attempt == attempts - 1:
                    raise
                self._wait(min(pause, _MAX_WAIT_S))
        raise AssertionError("the last attempt returns or raises")

    def _refuse_failure(self, call: Call[Any], response: httpx2.Response) -> None:
        """Raise the error for an error response."""
        status = response.status_code
        if status < 300 or status == 304 or (call.method == "HEAD" and status in _REDIRECTS):
            return
        with contextlib.closing(response):
            answer = self._read(response)
        raise http_errors.failure_of(answer, call, self.endpoint, has_token=self.has_token)

    def _followed(self, call: Call[Any], timeout_s: float | None) -> httpx2.Response:
        """Follow redirects and return the final response."""
        url = self._absolute(call)
        for _ in range(_MAX_REDIRECTS):
            response = self._once(call, url, call.body, timeout_s)
            location = response.headers.get("location")
            if response.status_code not in _REDIRECTS or not location:
                return response
            target = joined(url, location)
            # The hub's response to a HEAD describes the file; another origin would describe its copy.
            if call.method == "HEAD" and origin_of(target) != origin_of(url):
                return response
            response.close()
            if urllib.parse.urlsplit(target).scheme not in _PORTS:
                raise AnswerUnusable(url.partition("?")[0], "it redirects to an address that is not http or https")
            if response.status_code == 303 or (response.status_code in (301, 302) and call.method == "POST"):
                call = attrs.evolve(call, method="GET", body=None, media_type=None)
            elif call.method not in ("GET", "HEAD") and origin_of(target) != origin_of(url):
                raise AnswerUnusable(
                    _shown_origin(url), f"it redirects a {call.method} to {_shown_origin(target)}: {_ELSEWHERE}"
                )
            url = target
        raise AnswerUnusable(url.partition("?")[0], "it redirects too often")

    def _once(
        self, call: Call[Any], url: str, content: bytes | Iterator[bytes] | None, timeout_s: float | None
    ) -> httpx2.Response:
        import httpx2

        silent_s = timeout_s or self._timeout_s
        is_home = origin_of(url) == self._origin
        headers = {"user-agent": self._user_agent, "accept": "*/*", "accept-encoding": "gzip, deflate"}
        if is_home:
            headers.update(self._headers)
        if call.media_type is not None:
            headers["content-type"] = call.media_type
        headers.update(call.headers)
        if is_home and call.is_authorized and self._token is not None:
            headers["authorization"] = f"Bearer {self._token}"
        try:
            client = self._client(urllib.parse.urlsplit(url).scheme)
            timeout = httpx2.Timeout(silent_s, connect=min(silent_s, self._connect_s))
            request = client.build_request(call.method, url, content=content, headers=headers, timeout=timeout)
            response = client.send(request, stream=True, follow_redirects=False)
        except httpx2.TransportError as error:
            raise http_errors.unreachable(error, _shown_origin(url), silent_s) from error
        except httpx2.InvalidURL:
            # httpx2's message quotes part of the URL, which may contain a password.
            raise AnswerUnusable(_shown_origin(url), "the hub sent an invalid URL") from None
        self._was_reached = True
        if response.headers.get("content-encoding", "").strip().lower() not in _ENCODINGS:
            # Each further encoding would multiply what one received piece may become: by a thousand for gzip.
            response.close()
            raise AnswerUnusable(url.partition("?")[0], "its content encoding was not requested")
        return response

    def _read(self, response: httpx2.Response, most: int | None = MAX_BODY) -> Response:
        """Return a whole response; raise AnswerUnusable if its decoded body is longer than ``most`` bytes."""
        pieces, size = [], 0
        for piece in self._chunks(response):
            size += len(piece)
            if most is not None and size > most:
                raise AnswerUnusable(str(response.url).partition("?")[0], f"its body has more than {most:,} bytes")
            pieces.append(piece)
        body = b"".join(pieces)
        return Response(response.status_code, _lowered(response.headers), body, str(response.url))

    def _chunks(self, response: httpx2.Response) -> Iterator[bytes]:
        with self._translated(response):
            # Without a size: with one, httpx2 buffers bytes and loses them if the connection breaks.
            yield from response.iter_bytes()

    @contextlib.contextmanager
    def _translated(self, response: httpx2.Response) -> Iterator[None]:
        """Translate errors while reading a body to this package's errors."""
        import httpx2

        try:
            yield
        except (httpx2.TransportError, httpx2.DecodingError) as error:
            url = str(response.url)
            if isinstance(error, httpx2.DecodingError):
                raise AnswerUnusable(url.partition("?")[0], str(error)) from error
            raise http_errors.unreachable(error, _shown_origin(url), self._timeout_s) from error

    def _absolute(self, call: Call[Any]) -> str:
        url = f"{self.endpoint}{call.path}" if call.path.startswith("/") else call.path
        if not call.query:
            return url
        return f"{url}{'&' if '?' in url else '?'}{urllib.parse.urlencode(call.query)}"

    def _client(self, scheme: str) -> httpx2.Client:
        """Return the connection pool for http or https.

        There are two pools, because loading the system's authorities takes 100 ms.
        """
        import httpx2

        with self._lock:
            if scheme not in self._clients:
                # Plain http needs no authorities; a context without any refuses every certificate.
                verify = self._verify if scheme == "https" else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                limits = httpx2.Limits(
                    max_connections=_POOL, max_keepalive_connections=_POOL, keepalive_expiry=_KEEP_ALIVE_S
                )
                try:
                    self._clients[scheme] = httpx2.Client(verify=verify, limits=limits, proxy=self._proxy)
                except OSError as error:  # including ssl.SSLError
                    raise TlsFailed(self.endpoint, f"the trusted certificates cannot be read ({error})") from error
                except ImportError as error:
                    raise ConfigError("proxy", "environment", str(error)) from error
                except (ValueError, httpx2.InvalidURL):
                    # Both messages quote the address, which may contain a password.
                    reason = "HTTP_PROXY, HTTPS_PROXY or ALL_PROXY cannot be used: check scheme and port"
                    raise ConfigError("proxy", "environment", reason) from None
                redact_foreign_logs()
            return self._clients[scheme]


def origin_of(url: str) -> tuple[str, str, int]:
    """Return scheme, host and port of an absolute URL; equal for URLs of the same origin (RFC 6454).

    Raises:
        AnswerUnusable: the URL is invalid.
    """
    try:
        parts = urllib.parse.urlsplit(url)
        port = parts.port
    except ValueError:
        raise AnswerUnusable(_shown_origin(url), "it is not a valid address") from None
    return parts.scheme, parts.hostname or "", port if port is not None else _PORTS.get(parts.scheme, 0)


def _shown_origin(url: str) -> str:
    """Return scheme, host and port of a URL, for messages."""
    try:
        parts = urllib.parse.urlsplit(url)
    except ValueError:
        return "an address"
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _lowered(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _pieces(content: Iterable[bytes] | BinaryIO) -> Iterator[bytes]:
    reader = getattr(content, "read", None)
    if reader is None:
        yield from content
        return
    while piece := reader(CHUNK):
        yield piece

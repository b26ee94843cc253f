"""A connection to one hub for one caller: its address, the token, and the connection pool."""

from __future__ import annotations

import os
import platform
import threading
import warnings
from collections.abc import Iterator, Mapping
from typing import TypeVar

from entrepot import __version__
from entrepot.client.calls import Call, ResultPage
from entrepot.client.paths import ClientPaths, current_paths, parse_endpoint
from entrepot.client.tokens import ARGUMENT, TokenStore, parse_token
from entrepot.client.transport import Transport
from entrepot.errors import InvalidArgument, Offline, TokenMissing, shown
from entrepot.errors.redactions import conceal

T = TypeVar("T")


class Hub:
    """A hub and the credentials of the caller. Safe to use from several threads.

    Args:
        paths: paths and defaults; usually ``current_paths()``.
        endpoint: URL of the hub; None is that of ``paths``.
        token: an access token; None takes that of the environment or of the last
            login, if there is one; False sends none; True requires one.
        library_name, library_version, user_agent: parts of the ``User-Agent`` header.
        headers: additional headers of every request.

    Raises:
        ConfigError: the endpoint or the token is invalid.
        TokenMissing: ``token`` is True, and no token is known.
        InvalidArgument: a header contains characters that HTTP does not allow.
    """

    def __init__(
        self,
        paths: ClientPaths,
        *,
        endpoint: str | None = None,
        token: str | bool | None = None,
        library_name: str | None = None,
        library_version: str | None = None,
        user_agent: str | Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.paths = paths
        self.endpoint = parse_endpoint(endpoint) if endpoint else paths.endpoint
        self.token = find_token(paths, self.endpoint, token)
        self.transport = Transport(
            self.endpoint,
            self.token,
            user_agent=render_user_agent(library_name, library_version, user_agent),
            timeout_s=paths.download_timeout_s,
            headers=_checked_headers(headers or {}),
        )

    def __repr__(self) -> str:
        return f"Hub({self.endpoint!r}, token={'set' if self.token else None})"

    def send(self, call: Call[T], *, timeout_s: float | None = None) -> T:
        """Send a call and return its parsed response.

        Raises:
            Offline: offline mode is on.
            HubFailure, HubUnreachable, HubTimeout, TlsFailed, AnswerUnusable: as ``Transport.send``.
        """
        self.need_network(call.subject or "this call")
        return self.transport.send(call, timeout_s=timeout_s)

    def pages(self, call: Call[ResultPage[T]]) -> Iterator[T]:
        """Yield the items of all pages of a list; pages are fetched as needed.

        Raises:
            Offline: offline mode is on.
            HubFailure, HubUnreachable, HubTimeout, TlsFailed, AnswerUnusable: as ``Transport.send``.
        """
        self.need_network(call.subject or "this list")
        return self.transport.pages(call)

    def need_network(self, what: str) -> None:
        """Check that offline mode is off.

        Raises:
            Offline: offline mode is on.
        """
        if self.paths.is_offline:
            raise Offline(what)

    def need_token(self) -> str:
        """Return the token that calls are sent with.

        Raises:
            TokenMissing: there is no token.
        """
        if self.token is None:
            raise TokenMissing(self.endpoint)
        return self.token

    def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        self.transport.close()


def find_token(paths: ClientPaths, endpoint: str, token: str | bool | None = None) -> str | None:
    """Return the token for a hub: the argument, or that of the environment, or that of the last login, or None.

    A stored token that other users can read is used with a warning (``UserWarning``).

    Raises:
        ConfigError: the argument is not a token, or the stored token cannot be read.
        TokenMissing: ``token`` is True, and no token is known.
    """
    if token is False or token == "":
        return None
    if token is not None and token is not True:
        return parse_token(token, ARGUMENT)
    found = paths.token_for(endpoint)
    if found is None and (stored := TokenStore(paths.tokens).find(endpoint)):
        found = stored.secret
        if stored.warning is not None:
            # Attribute the warning to this line, so that it is shown once and not for each caller.
            warnings.warn(stored.warning, UserWarning, stacklevel=1)
    if found is None and token is True:
        raise TokenMissing(endpoint)
    return found


def render_user_agent(
    library_name: str | None = None,
    library_version: str | None = None,
    extra: str | Mapping[str, str] | None = None,
) -> str:
    """Return the User-Agent header: the library, this client, Python, and additional parts."""
    parts = [f"{library_name}/{library_version or 'unknown'}"] if library_name else []
    parts += [f"entrepot/{__version__}", f"python/{platform.python_version()}"]
    if isinstance(extra, str):
        parts.append(extra)
    elif extra:
        parts += [f"{key}/{value}" for key, value in extra.items()]
    agent = "; ".join(dict.fromkeys(parts))
    return "".join(char if char.isascii() and char.isprintable() else "?" for char in agent)


def _checked_headers(headers: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return the headers if they can be sent unchanged; error messages do not show the value of ``authorization``."""
    for name, value in headers.items():
        text = f"{name}{value}"
        if not (isinstance(value, str) and text.isascii() and text.isprintable() and value == value.strip()):
            raise InvalidArgument(
                f"the value of the header {shown(str(name))} cannot be sent: it must be printable ASCII, "
                "without blanks or line endings around it"
            )
        if name.lower() in ("authorization", "proxy-authorization", "cookie"):
            conceal(value.rpartition(" ")[2])
    return tuple(headers.items())


_LOCK = threading.Lock()
_HUBS: dict[object, Hub] = {}
_MAX_HUBS = 32

if hasattr(os, "register_at_fork"):
    # A forked child must not use the connections of its parent.
    os.register_at_fork(after_in_child=_HUBS.clear)


def connect(
    endpoint: str | None = None,
    token: str | bool | None = None,
    *,
    paths: ClientPaths | None = None,
    library_name: str | None = None,
    library_version: str | None = None,
    user_agent: str | Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Hub:
    """Return the hub for these arguments; equal arguments share one hub and its connections.

    Args:
        paths: paths and defaults; None reads the environment of the process at every call.
        others: as for :class:`Hub`.

    Raises:
        ConfigError, TokenMissing: as :class:`Hub`.
    """
    paths = paths or current_paths()
    address = parse_endpoint(endpoint) if endpoint else paths.endpoint
    secret = find_token(paths, address, token)
    agent = render_user_agent(library_name, library_version, user_agent)
    key = (paths, address, secret, agent, tuple((headers or {}).items()))
    with _LOCK:
        found = _HUBS.pop(key, None)
        if found is None:
            found = Hub(
                paths,
                endpoint=address,
                token=secret or False,
                library_name=library_name,
                library_version=library_version,
                user_agent=user_agent,
                headers=headers,
            )
        _HUBS[key] = found  # keep the order of last use
        while len(_HUBS) > _MAX_HUBS:
            # Do not close it: another thread may use it. Its connections close with the last reference.
            _HUBS.pop(next(iter(_HUBS)))
    return found

"""The listening address of a hub: validated, and reserved while the servers start."""

from __future__ import annotations

import contextlib
import errno
import socket
from collections.abc import Iterator

import attrs

from entrepot.errors import ConfigError

_SOURCE = "address to listen on"


@attrs.frozen
class Address:
    """An IP address and the actual port; ``is_secure``: whether the server uses TLS."""

    ip: str
    port: int
    is_secure: bool = False

    @property
    def url(self) -> str:
        """The URL at which a client on this machine reaches the hub."""
        reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.ip, self.ip)  # noqa: S104 - compared, not bound
        scheme = "https" if self.is_secure else "http"
        return f"{scheme}://[{reachable}]:{self.port}" if ":" in reachable else f"{scheme}://{reachable}:{self.port}"


@contextlib.contextmanager
def reserved(host: str, port: int) -> Iterator[Address]:
    """Reserve a free address for the processes of this user inside the ``with`` block.

    Args:
        host: a name or an IP address; a name stands for its first address.
        port: 0 picks a free one.

    Guarantees: a bound socket that does not listen reserves the port, so any
    number of worker processes of the same user can listen on it side by side
    (``SO_REUSEPORT``); without it, each would get its own when port is 0.

    Raises:
        ConfigError: the name is unknown, the address does not belong to this
            machine, or the port is in use or needs more privileges.
    """
    if not 0 <= port <= 65535:  # getaddrinfo would wrap the number around
        raise ConfigError("port", _SOURCE, "expected 0 to 65535")
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, place = found[0]
        if port:
            # Without SO_REUSEPORT, to fail if another hub uses the port instead of sharing it.
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(place)
        reservation = socket.socket(family, kind, protocol)
        try:
            reservation.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if hasattr(socket, "SO_REUSEPORT"):
                reservation.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            reservation.bind(place)
        except OSError:
            reservation.close()
            raise
    except OSError as error:
        cure = "; end the program that uses the port, or choose another port" if error.errno == errno.EADDRINUSE else ""
        reason = f"cannot listen on {host}:{port}: {error.strerror or error}{cure}"
        raise ConfigError("host/port", _SOURCE, reason) from error
    with reservation:
        if not hasattr(socket, "SO_REUSEPORT"):
            bound = reservation.getsockname()
            reservation.close()
            yield Address(str(bound[0]), int(bound[1]))
            return
        bound = reservation.getsockname()
        yield Address(str(bound[0]), int(bound[1]))

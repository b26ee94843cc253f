"""The addresses of PostgreSQL servers, looked up within a limit of time.

The driver limits how long a connection takes, but not how long the lookup of a name before it takes: without an answer,
that is as long as the operating system asks name servers, often half a minute. Here a lookup runs in a thread of its
own, one for each name at a time, and callers wait for it no longer than they may.
"""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import socket
import threading
import time
from collections.abc import Mapping, Sequence

import attrs
import psycopg

_lookups: dict[str, _Lookup] = {}
_lock = threading.Lock()

_AWAY = frozenset({errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN, errno.ETIMEDOUT})


@attrs.define(eq=False)
class _Lookup:
    """A lookup that runs; ``addresses`` and ``fault`` are set when it has ended."""

    ended: threading.Event = attrs.field(factory=threading.Event)
    addresses: Sequence[str] = ()
    fault: str = "its name was not resolved in time"


def addresses_of(options: Mapping[str, object], limit_s: float) -> Mapping[str, str]:
    """Return the parameters of the driver that lead to the hosts among ``options`` without a lookup.

    A host with several addresses is listed with each of them. Hosts that cannot be resolved are left out, unless no
    other remains.

    Args:
        options: of the driver; empty is returned if they name no host, or only addresses and folders of sockets.
        limit_s: how long all lookups together may take.

    Raises:
        psycopg.OperationalError: no host could be resolved within the limit; the message says which, and why.
    """
    hosts = str(options.get("host") or "").split(",")
    if options.get("hostaddr") or not any(map(_is_name, hosts)):
        return {}
    ports = str(options.get("port") or "").split(",")
    ports = ports * len(hosts) if len(ports) == 1 else ports
    running = {host: _look_up(host) for host in hosts if _is_name(host)}
    until_s = time.monotonic() + limit_s
    places, faults = list[tuple[str, str, str]](), list[str]()
    for host, port in zip(hosts, ports, strict=False):
        lookup = running.get(host)
        if lookup is None:
            places.append((host, "" if host.startswith(("/", "@")) else host, port))
        elif lookup.ended.wait(max(0.0, until_s - time.monotonic())) and lookup.addresses:
            places += [(host, address, port) for address in lookup.addresses]
        else:
            faults.append(f"host {host!r}: {lookup.fault}")
    if not places:
        raise psycopg.OperationalError("; ".join(faults))
    names, addresses, numbers = (",".join(column) for column in zip(*places, strict=True))
    return {"host": names, "hostaddr": addresses, "port": numbers}


def _is_name(host: str) -> bool:
    if not host or host.startswith(("/", "@")):
        return False
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return True
    return False


def _look_up(host: str) -> _Lookup:
    """Return the lookup of a name that runs, which is begun if there is none."""
    with _lock:
        lookup = _lookups.get(host)
        if lookup is None:
            lookup = _lookups[host] = _Lookup()
            threading.Thread(target=_resolve, args=(host, lookup), name="database-lookup", daemon=True).start()
    return lookup


def _resolve(host: str, lookup: _Lookup) -> None:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        lookup.addresses = list(dict.fromkeys(str(address[4][0]) for address in found))
    except (OSError, UnicodeError) as error:
        lookup.fault = str(error)
    finally:
        with _lock:
            _lookups.pop(host, None)
        lookup.ended.set()


def is_away(address: str, port: int, limit_s: float) -> bool:
    """Return whether no packet reaches an address, or none comes back, rather than that nothing listens there.

    Args:
        limit_s: how long a connection may take.
    """
    try:
        with contextlib.closing(socket.create_connection((address, port), limit_s)):
            return False
    except OSError as error:
        return isinstance(error, TimeoutError) or error.errno in _AWAY

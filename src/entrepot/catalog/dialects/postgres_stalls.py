"""Servers of PostgreSQL that hang: their connections are cut, so that nothing waits for them without a limit.

A server that stops or crashes closes its connections. One that hangs, or whose machine or network is lost, does not,
and libpq waits for it without a limit. A slow statement and a lock look the same on their connection, so another
connection to the same server decides. If the server does not respond on a new connection twice in a row, and meanwhile
on none of the existing ones, all connections to it are cut. Statements that wait on them fail as on a lost connection,
and new ones fail immediately, until the server responds again.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary

import attrs
import psycopg

from entrepot.catalog.dialects import postgres_hosts

_log = logging.getLogger("entrepot.catalog")

_SUSPECT_S = 2.0
"""How long a use of a connection lasts before the server is asked whether it responds."""
_EVERY_S = 0.5
_PROBES = 2
"""How many probes in a row fail before connections are cut: one may be slow to be accepted by a busy server."""
_AGAIN_S, _MAX_AGAIN_S = 5.0, 30.0
"""When a server that responded is asked again about the same connections: at first, and after doubling."""
_STALLED = "the server of the database does not respond"

Connection = psycopg.Connection[Any]

_Address: TypeAlias = "tuple[str, str, int]"
"""The host as it was configured, or the folder of a socket; the IP address, empty for a socket; the port."""


@attrs.define(eq=False)
class _WatchedServer:
    """A server with connections, and what is known of it.

    ``answered_s``: when a connection to it was made, or the use of one ended, last. ``failures``: probes that failed in
    a row. ``suspect_s``: when the newest use that it responded to a probe for began.
    """

    address: _Address
    answered_s: float
    is_stalled: bool = False
    failures: int = 0
    suspect_s: float = float("-inf")
    pause_s: float = _AGAIN_S
    next_s: float = float("-inf")


@attrs.define(eq=False)
class _Watched:
    """A connection.

    ``socket_id``: of the socket it had, to find out whether its number has become that of another one. ``since_s``:
    when its use began; None if it is not used.
    """

    server: _WatchedServer
    socket_id: tuple[int, int]
    since_s: float | None


class StallGuard:
    """Watches the connections of one engine, in a thread of its own while it has any. Thread-safe."""

    def __init__(self, patience_s: float) -> None:
        """Prepare; the first connection starts the thread.

        Args:
            patience_s: how long the first answer on a new connection may take; making one has its own limit.
        """
        self._patience_s = patience_s
        self._lock = threading.Lock()
        self._watched: WeakKeyDictionary[Connection, _Watched] = WeakKeyDictionary()
        self._servers: dict[_Address, _WatchedServer] = {}
        self._connect: Callable[[Mapping[str, Any]], Connection] | None = None
        self._closing: threading.Event | None = None

    def check_may_connect(self, args: Sequence[Any], options: Mapping[str, Any]) -> None:
        """Note how connections are made, before one is made.

        Args:
            args: of the driver, as ``options``.

        Raises:
            psycopg.OperationalError: the server does not respond now, nor does another of several.
        """
        self._connect = functools.partial(_connected, tuple(args), dict(options), self._patience_s)
        if self._stalled():
            raise psycopg.OperationalError(_STALLED)

    def add(self, connection: Connection) -> None:
        """Watch a new connection, which is in use."""
        address, now = _address_of(connection), time.monotonic()
        with self._lock:
            server = self._servers.setdefault(address, _WatchedServer(address, now))
            server.answered_s = now
            self._watched[connection] = _Watched(server, _id_of(connection.fileno()), now)
            if self._closing is None:
                self._closing = threading.Event()
                threading.Thread(target=self._work, args=(self._closing,), name="database-stalls", daemon=True).start()

    def begin(self, connection: Connection) -> None:
        """Note that someone uses a connection, and may wait for an answer.

        Raises:
            psycopg.OperationalError: the server does not respond now.
        """
        if (found := self._watched.get(connection)) is not None:
            if found.server.is_stalled:
                raise psycopg.OperationalError(_STALLED)
            found.since_s = time.monotonic()

    def end(self, connection: Connection | None) -> None:
        """Note that the use of a connection has ended, by which the server has answered; None is one that is lost."""
        if connection is not None and (found := self._watched.get(connection)) is not None:
            found.since_s = None
            if not connection.closed:
                found.server.answered_s = time.monotonic()

    def release(self, connection: Connection) -> None:
        """Record that a connection is no longer in use, whether or not the server has answered."""
        if (found := self._watched.get(connection)) is not None:
            found.since_s = None

    @contextlib.contextmanager
    def waiting(self, connection: Connection) -> Iterator[None]:
        """Note that someone waits on a connection for the duration of the block; errors as :meth:`begin`."""
        self.begin(connection)
        try:
            yield
        finally:
            self.end(connection)

    def close(self) -> None:
        """End the thread; a new connection starts it again."""
        with self._lock:
            if self._closing is not None:
                self._closing.set()
                self._closing = None
            for server in self._servers.values():
                server.is_stalled = False
                server.failures = 0

    def _work(self, closing: threading.Event) -> None:
        while not closing.wait(_EVERY_S):
            try:
                self._judge(closing)
            except Exception:  # noqa: BLE001 -- nothing is known, so nothing changes; a stall must not last for ever
                _log.exception("database.not-judged")
                closing.wait(_AGAIN_S)

    def _judge(self, closing: threading.Event) -> None:
        """Ask what has to be asked now, and act on the answers.

        Raises:
            OSError: a server could not be asked, for a reason on this side.
        """
        if stalled := self._stalled():
            if self._responds({}, *(server.address for server in stalled)):  # or, of several, one that has taken over
                self._end_stall(closing)
            else:
                self._cut_all(stalled, closing)
        for server, newest_s in self._suspects():
            begun = time.monotonic()
            responds = self._responds(_place_of(server.address), server.address) or server.answered_s >= begun
            self._note(server, newest_s, closing, responds=responds)

    def _stalled(self) -> Sequence[_WatchedServer]:
        with self._lock:
            return [server for server in self._servers.values() if server.is_stalled]

    def _suspects(self) -> Sequence[tuple[_WatchedServer, float]]:
        """Return the servers to be asked now, each with when the newest of its long uses began."""
        now = time.monotonic()
        newest: dict[_Address, float] = {}
        with self._lock:
            for connection, found in self._watched.items():
                since_s = found.since_s
                if since_s is not None and since_s < now - _SUSPECT_S and not connection.closed:
                    address = found.server.address
                    newest[address] = max(since_s, newest.get(address, since_s))
            for address, server in self._servers.items():
                if address not in newest:
                    server.failures = 0
            found_servers = [(self._servers[address], since_s) for address, since_s in newest.items()]
        return [
            (server, since_s)
            for server, since_s in found_servers
            if not server.is_stalled and (since_s > server.suspect_s or now >= server.next_s)
        ]

    def _note(self, server: _WatchedServer, newest_s: float, closing: threading.Event, *, responds: bool) -> None:
        """Note whether a server responds; cut its connections after enough failures."""
        if responds:
            is_new = newest_s > server.suspect_s
            server.pause_s = _AGAIN_S if is_new else min(2 * server.pause_s, _MAX_AGAIN_S)
            server.failures, server.suspect_s = 0, newest_s
            server.next_s = time.monotonic() + server.pause_s
            return
        server.failures += 1
        server.next_s = float("-inf")
        if server.failures >= _PROBES:
            self._cut_all([server], closing)

    def _end_stall(self, closing: threading.Event) -> None:
        with self._lock:
            if closing.is_set():
                return
            for server in self._servers.values():
                server.is_stalled = False
                server.failures = 0
        _log.info("database.responds")

    def _cut_all(self, servers: Sequence[_WatchedServer], closing: threading.Event) -> None:
        """Cut all connections to servers, and let new uses fail."""
        with self._lock:
            if closing.is_set():
                return
            new = [server for server in servers if not server.is_stalled]
            for server in new:
                server.is_stalled = True
            watched = [(used, found) for used, found in self._watched.items() if found.server in servers]
        for server in new:
            host, _, port = server.address
            _log.warning("database.stalled host=%r port=%d patience_s=%.0f", host, port, self._patience_s)
        for connection, found in watched:
            _cut(connection, found.socket_id)

    def _responds(self, place: Mapping[str, Any], *addresses: _Address) -> bool:
        """Return whether a server accepts a connection and answers on it; a refusal is a response.

        Args:
            place: parameters of the driver that name one server; without them, any of the configured ones may answer.
            addresses: of servers; if packets reach none of them, a failure to connect is not a refusal.

        Raises:
            OSError: this could not be found out.
        """
        assert self._connect is not None
        try:
            with contextlib.closing(self._connect(place)) as connection:
                connection.pgconn.send_query(b"SELECT 1")
                arrivals = select.poll()
                arrivals.register(connection.fileno(), select.POLLIN)
                return bool(arrivals.poll(self._patience_s * 1000))
        except psycopg.errors.ConnectionTimeout:
            return False
        except psycopg.Error:
            return not addresses or any(
                not ip or not postgres_hosts.is_away(ip, port, self._patience_s) for _, ip, port in addresses
            )


def _connected(args: Sequence[Any], options: Mapping[str, Any], limit_s: float, place: Mapping[str, Any]) -> Connection:
    found = {**options, **place}
    return psycopg.connect(*args, **{**found, **postgres_hosts.addresses_of(found, limit_s)})


def _address_of(connection: Connection) -> _Address:
    found = connection.info
    return found.host, found.hostaddr, found.port


def _place_of(address: _Address) -> Mapping[str, Any]:
    """Return the parameters of the driver that lead to one server again; the name may have got another address."""
    host, ip, port = address
    return {"host": host, "port": port} | ({"hostaddr": ip} if ip else {})


def _cut(connection: Connection, socket_id: tuple[int, int]) -> None:
    """Let every use of a connection fail, including one that waits in another thread; nothing if it has been closed."""
    with contextlib.suppress(OSError, psycopg.Error):
        number = os.dup(connection.fileno())
        if _id_of(number) != socket_id:  # asked of the copy, which nothing else closes
            os.close(number)
            return
        with socket.socket(fileno=number) as copied:
            copied.shutdown(socket.SHUT_RDWR)


def _id_of(number: int) -> tuple[int, int]:
    found = os.fstat(number)
    return found.st_dev, found.st_ino

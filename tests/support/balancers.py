"""A load balancer: each connection goes to the next server that says it is ready."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import socket
import threading
from collections.abc import Sequence
from typing import Final

_WAIT_S: Final = 30
_PIECE: Final = 1 << 16


class Balancer:
    """Listens on a loopback port and forwards bytes to servers in rotation, leaving out those that are not ready."""

    def __init__(self, servers: Sequence[str]) -> None:
        """Start with the URLs of the servers."""
        self._turns = itertools.cycle([server.removeprefix("http://") for server in servers])
        self._count = len(servers)
        self._choosing = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        """Where clients reach the servers."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def close(self) -> None:
        """Accept no more connections."""
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                peer, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer: socket.socket) -> None:
        with peer, contextlib.suppress(OSError):
            for _ in range(self._count):
                with self._choosing:
                    host, _, port = next(self._turns).partition(":")
                if _is_ready(host, int(port)):
                    break
            with socket.create_connection((host, int(port)), timeout=_WAIT_S) as server:
                server.settimeout(None)
                back = threading.Thread(target=_copy, args=(server, peer), daemon=True)
                back.start()
                _copy(peer, server)
                back.join()


def _is_ready(host: str, port: int) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=_WAIT_S)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while piece := source.recv(_PIECE):
            target.sendall(piece)
    # The end of one direction ends the other one too: clients see immediately that a server has closed.
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)

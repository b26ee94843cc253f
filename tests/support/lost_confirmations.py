"""A proxy before PostgreSQL that loses the connection when a transaction is confirmed."""

from __future__ import annotations

import contextlib
import shutil
import socket
import tempfile
import threading
from pathlib import Path
from typing import Final

_SOCKET: Final = ".s.PGSQL.5432"
_PIECE: Final = 1 << 16


class ConfirmationLoser:
    """Forwards connections to PostgreSQL; the next COMMIT after :attr:`loses` was set is lost, or its answer is.

    ``loses``: ``"answer"``: the database does what it is told, but its answer is lost; ``"commit"``: the database
    never hears of it. It is emptied when that has happened.
    """

    def __init__(self, database: Path) -> None:
        """Start to listen.

        Args:
            database: the folder with the socket of the real server.
        """
        self.folder = Path(tempfile.mkdtemp(prefix="lost-"))  # short: the names of sockets have few bytes
        self.loses = ""
        self._database = str(database / _SOCKET)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.folder / _SOCKET))
        self._listener.listen(32)
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Accept no more connections."""
        self._listener.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(self._database)
                is_lost = threading.Event()
                threading.Thread(target=self._forward, args=(client, server, is_lost), daemon=True).start()
                threading.Thread(target=self._answer, args=(server, client, is_lost), daemon=True).start()

    def _forward(self, client: socket.socket, server: socket.socket, is_lost: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while piece := client.recv(_PIECE):
                loses = self.loses if b"COMMIT" in piece else ""
                if loses:
                    self.loses = ""
                if loses == "commit":
                    break
                if loses == "answer":
                    is_lost.set()
                server.sendall(piece)
        _end(client, server)

    def _answer(self, server: socket.socket, client: socket.socket, is_lost: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while piece := server.recv(_PIECE):
                if is_lost.is_set():
                    break
                client.sendall(piece)
        _end(client, server)


def _end(*sockets: socket.socket) -> None:
    for each in sockets:
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)

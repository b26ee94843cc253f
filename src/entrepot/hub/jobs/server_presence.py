"""Marks that a server or worker uses a database, and adjusts its clock to that of the database.

The data folder of a hub on SQLite has a lock for the first purpose. A hub on PostgreSQL may have many
servers; ``entrepot admin migrate`` has to know about them, because their writes after the copy would be lost.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterator
from typing import Final

from entrepot.catalog.clocks import DatabaseClock
from entrepot.errors import EntrepotError, Refused
from entrepot.hub.context import HubContext
from entrepot.hub.folder_locks import hold_server_lock

_log = logging.getLogger("entrepot.hub")

_EVERY_S: Final = 10.0
_STOP_S: Final = 5.0


class ServerPresence:
    """A service of one process; it does nothing on a database without a server."""

    def __init__(self, hub: HubContext, *, every_s: float = _EVERY_S) -> None:
        """Prepare; :meth:`start` begins.

        Args:
            every_s: seconds between two looks at the database.
        """
        self._clock = hub.now_ms
        self._presence = hub.catalog.presence()
        self._every_s = every_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="server-presence", daemon=True)

    def start(self) -> None:
        """Set the mark and keep it; return immediately.

        Raises:
            Refused: the hub is being moved.
            DatabaseUnavailable, Busy: the database cannot be reached.
        """
        if self._presence is not None:
            self._presence.keep()
            self._thread.start()

    def stop(self) -> None:
        """Remove the mark. Calling it twice or before :meth:`start` has no effect."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(_STOP_S)

    def _work(self) -> None:
        assert self._presence is not None
        while not self._stopping.wait(self._every_s):
            try:
                self._presence.keep()
                if isinstance(self._clock, DatabaseClock):
                    self._clock.adjust()
            except Refused as error:  # its connection was lost while a move began
                _log.error("server.must_stop reason=%r", str(error))
            except EntrepotError:
                continue  # logged where it was raised; tried again
        self._presence.release()


@contextlib.contextmanager
def exclude_servers(hub: HubContext) -> Iterator[None]:
    """Keep servers from starting inside the block, and with PostgreSQL workers too.

    Raises:
        DataFolderError, Refused: one is running.
        DatabaseUnavailable, Busy: the database cannot be reached.
    """
    presence = hub.catalog.presence()
    with hold_server_lock(hub.settings.data, is_moving=True) if presence is None else presence.exclude():
        yield


def check_not_moving(hub: HubContext) -> None:
    """Raise if the hub is being moved, so that no server or worker may start.

    Raises:
        Refused: a move is running.
        DatabaseUnavailable, Busy: the database cannot be reached.
    """
    presence = hub.catalog.presence()
    if presence is not None:
        try:
            presence.keep()
        finally:
            presence.release()

"""Marks of the servers and workers that use one PostgreSQL database: advisory locks, which end with connections."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from entrepot.catalog.dialects.postgres import SPACE, outside_pool
from entrepot.catalog.engines import translated
from entrepot.errors import Refused

_KIND = SPACE + 255
"""The class of this lock, after those of :class:`~entrepot.catalog.named_locks.LockClass`."""

_SHARE = sa.text("SELECT pg_try_advisory_lock_shared(:kind, 0)")
_EXCLUDE = sa.text("SELECT pg_try_advisory_lock(:kind, 0)")
_STILL_THERE = sa.text("SELECT 1")
_RELEASE = sa.text("SELECT pg_advisory_unlock_all()")
_OTHERS = sa.text(
    "SELECT DISTINCT coalesce(host(client_addr), 'this machine') FROM pg_locks JOIN pg_stat_activity USING (pid) "
    "WHERE locktype = 'advisory' AND classid = CAST(:kind AS oid) AND granted AND pid <> pg_backend_pid() "
    "AND pg_locks.database = (SELECT oid FROM pg_database WHERE datname = current_database()) ORDER BY 1"
)
_IS_MOVING = "the hub is being moved by 'entrepot admin migrate'; when that has finished, start on the new data folder"


class PostgresPresence:
    """The mark of one process, on its own connection. Not thread-safe."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._held: sa.Connection | None = None

    def keep(self) -> None:
        """Set the mark; if it is set, check that its connection still exists.

        Raises:
            Refused: the hub is being moved.
            DatabaseUnavailable, Busy: the mark is lost; call this again.
        """
        try:
            with translated():
                if self._held is not None:
                    self._held.execute(_STILL_THERE)
                    return
                self._held = self._connect()
                is_set = self._held.execute(_SHARE, {"kind": _KIND}).scalar()
        except BaseException:
            self.release()
            raise
        if not is_set:
            self.release()
            raise Refused(_IS_MOVING)

    def release(self) -> None:
        """Remove the mark; harmless if there is none."""
        held, self._held = self._held, None
        if held is not None:
            _close(held)

    @contextlib.contextmanager
    def exclude(self) -> Iterator[None]:
        """Keep servers and workers from starting inside the block.

        Raises:
            Refused: some are running; the message names their machines.
            DatabaseUnavailable, Busy: the database cannot be reached.
        """
        with contextlib.ExitStack() as stack, translated():
            connection = self._connect()
            stack.callback(_close, connection)
            if not connection.execute(_EXCLUDE, {"kind": _KIND}).scalar():
                where: list[Any] = list(connection.execute(_OTHERS, {"kind": _KIND}).scalars())
                raise Refused(
                    f"servers or workers are using the database (connected from {', '.join(where) or 'unknown'}); "
                    "stop them first. If their machine is lost, end its connections with pg_terminate_backend()"
                )
            yield

    def _connect(self) -> sa.Connection:
        """Return a connection outside of the pool, so that closing it ends its locks."""
        return sa.Connection(self._engine, outside_pool(self._engine))


def _close(connection: sa.Connection) -> None:
    """Release the locks of a connection and close it, if it still exists.

    Closing alone would release them too, but a moment later, when the server has noticed it.
    """
    with contextlib.suppress(sa.exc.SQLAlchemyError):
        connection.execute(_RELEASE)
    with contextlib.suppress(sa.exc.SQLAlchemyError):
        connection.close()

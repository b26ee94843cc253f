"""Short messages between the processes that use one PostgreSQL database: LISTEN and NOTIFY."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, cast

import psycopg
import sqlalchemy as sa

from entrepot.catalog.dialects.postgres import outside_pool
from entrepot.catalog.engines import translated

_CHANNEL = "entrepot_jobs"
_SEND = sa.text("SELECT pg_notify(:channel, :text)")


class PostgresNotices:
    """The messages of one channel. The receiver has a connection of its own, besides those of the engine."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._listening: sa.PoolProxiedConnection | None = None

    def send(self, text: str) -> None:
        """Send a text in a transaction of its own: senders wait for each other until they commit."""
        with translated(), self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(_SEND, {"channel": _CHANNEL, "text": text})

    def receive(self, timeout_s: float) -> frozenset[str]:
        """Return the texts that arrive next, or no text after the timeout."""
        try:
            with translated(), _of_driver():
                if self._listening is None:
                    self._listen()
                    return frozenset({""})
                return frozenset(note.payload for note in self._driver().notifies(timeout=timeout_s, stop_after=1))
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the connection of the receiver."""
        if self._listening is not None:
            self._listening.close()
            self._listening = None

    def _listen(self) -> None:
        self._listening = outside_pool(self._engine)
        self._driver().execute(f"LISTEN {_CHANNEL}")

    def _driver(self) -> psycopg.Connection[Any]:
        assert self._listening is not None
        return cast("psycopg.Connection[Any]", self._listening.dbapi_connection)


@contextlib.contextmanager
def _of_driver() -> Iterator[None]:
    """Give errors of the driver the form that SQLAlchemy gives them."""
    try:
        yield
    except psycopg.Error as error:
        raise sa.exc.OperationalError(None, None, error) from error

"""Messages to a server of PostgreSQL, sent with libpq: one or several statements, and their results.

Several statements travel with one message: libpq calls this a pipeline. The server runs them in their order, and none
after one that failed.
"""

from __future__ import annotations

import select
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, TypeVar

import psycopg
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus, Format
from psycopg.pq.abc import PGconn, PGresult

_ENDS = (None, "57P01", "57P02")  # the second and third: the server is stopped, or has crashed
_NO_SUCH_STATEMENT, _IS_PREPARED = "26000", "42P05"

T = TypeVar("T")

PreparedCall: TypeAlias = "tuple[bytes, Any, Sequence[Format], Format]"
"""What libpq takes to run a prepared statement: its name, values, their formats and that of its rows."""

Command: TypeAlias = "tuple[bytes]"
"""A statement without parameters that is not prepared."""


class MessageConnection:
    """A connection on which messages are sent; it notices when the connection is lost. Not thread-safe.

    ``is_suspect``: whether prepared statements may have been dropped or made by another user of the connection.
    """

    def __init__(self, pgconn: PGconn, on_loss: Callable[[], None]) -> None:
        """Send messages on a connection of libpq.

        Args:
            on_loss: called when the connection turns out to be lost.
        """
        self._pgconn = pgconn
        self._on_loss = on_loss
        self._arrivals = select.poll()
        self._arrivals.register(pgconn.socket, select.POLLIN)
        self._is_lost = False
        self.is_suspect = False

    @property
    def is_lost(self) -> bool:
        """Whether the server has closed the connection."""
        return self._is_lost or self._pgconn.status == ConnStatus.BAD

    def await_result(self) -> None:
        """Receive the results of a statement that was sent before, and raise its error, if it failed.

        Raises:
            psycopg.OperationalError: the connection is lost.
        """
        try:
            self._send()
            while (result := self._received()) is not None:
                self.raise_failure(result)
        except psycopg.OperationalError:
            self._lose()
            raise

    def exchange(self, statements: Sequence[PreparedCall | Command]) -> list[PGresult]:
        """Send statements with one message; return their results, some of which may be errors.

        Raises:
            psycopg.OperationalError: the connection is lost.
        """
        pgconn = self._pgconn
        try:
            pgconn.enter_pipeline_mode()
            for call in statements:
                if len(call) == 1:
                    pgconn.send_query_params(*call, None)
                else:
                    pgconn.send_query_prepared(*call)
            pgconn.pipeline_sync()
            self._send()
            results = self._received_until_mark()
            pgconn.exit_pipeline_mode()
        except psycopg.OperationalError:
            self._lose()
            raise
        return results

    def _send(self) -> None:
        """Send the buffer, and receive while sending, so that the server never waits for the client."""
        while self._pgconn.flush():
            self._arrivals.modify(self._pgconn.socket, select.POLLIN | select.POLLOUT)
            self._arrivals.poll()
            self._arrivals.modify(self._pgconn.socket, select.POLLIN)
            self._pgconn.consume_input()

    def _received_until_mark(self) -> list[PGresult]:
        """Return the results of a pipeline; libpq returns None after each, and a mark at the end."""
        results: list[PGresult] = []
        was_missing = True
        while True:
            result = self._received()
            if result is None:
                if was_missing:
                    raise psycopg.OperationalError("the connection was lost")
            elif result.status == ExecStatus.PIPELINE_SYNC:
                return results
            else:
                results.append(result)
            was_missing = result is None

    def _received(self) -> PGresult | None:
        """Return the next result when it has arrived; unlike libpq, let other threads run until then."""
        pgconn = self._pgconn
        while pgconn.is_busy():
            self._arrivals.poll()
            pgconn.consume_input()
        return pgconn.get_result()

    def checked(self, call: Callable[..., PGresult], *values: object) -> PGresult:
        """Return the result of a call to the server.

        Raises:
            psycopg.OperationalError: the connection is lost, or its statements were changed by others.
            psycopg.Error: the server refuses the statement.
        """
        result = self.called(call, *values)
        self.raise_failure(result)
        return result

    def called(self, call: Callable[..., T], *values: object) -> T:
        """Return the result of a call to the server, which may be an error.

        Raises:
            psycopg.OperationalError: the connection is lost.
        """
        try:
            return call(*values)
        except psycopg.OperationalError:
            self._lose()
            raise

    def raise_failure(self, result: PGresult) -> None:
        """Raise the error of a result, if it is one; errors as :meth:`checked`."""
        if result.status in (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK):
            return
        error = error_from_result(result)
        if error.sqlstate in _ENDS or self._pgconn.status == ConnStatus.BAD:
            # An error without a state is one of libpq; its connection may still be called good.
            self._lose()
            raise psycopg.OperationalError(str(error))
        if error.sqlstate in (_NO_SUCH_STATEMENT, _IS_PREPARED):
            self.is_suspect = True
            raise psycopg.OperationalError("another user of the connection has changed its prepared statements")
        raise error

    def _lose(self) -> None:
        self._is_lost = True
        self._on_loss()

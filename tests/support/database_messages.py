"""Counts the messages of prepared statements to a PostgreSQL server."""

from __future__ import annotations

from typing import Any

import pytest

from entrepot.catalog.dialects.postgres_statements import PreparedConnection


def count_messages(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list to which the number of statements of every later message is added."""
    sent: list[int] = []
    pipelined, called = PreparedConnection._pipelined, PreparedConnection._called

    def count_pipelined(self: PreparedConnection, statements: Any) -> Any:
        sent.append(len(statements))
        return pipelined(self, statements)

    def count_called(self: PreparedConnection, call: Any, *values: Any) -> Any:
        if call == self._pgconn.exec_prepared:
            sent.append(1)
        return called(self, call, *values)

    monkeypatch.setattr(PreparedConnection, "_pipelined", count_pipelined)
    monkeypatch.setattr(PreparedConnection, "_called", count_called)
    return sent

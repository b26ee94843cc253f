"""Counts the messages of prepared statements to a PostgreSQL server."""

from __future__ import annotations

from typing import Any

import pytest

from entrepot.catalog.dialects.postgres_messages import MessageConnection


def count_messages(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list to which the number of statements of every later message is added."""
    sent: list[int] = []
    exchange, called = MessageConnection.exchange, MessageConnection.called

    def count_exchanged(self: MessageConnection, statements: Any) -> Any:
        sent.append(len(statements))
        return exchange(self, statements)

    def count_called(self: MessageConnection, call: Any, *values: Any) -> Any:
        if call == self._pgconn.exec_prepared:
            sent.append(1)
        return called(self, call, *values)

    monkeypatch.setattr(MessageConnection, "exchange", count_exchanged)
    monkeypatch.setattr(MessageConnection, "called", count_called)
    return sent

"""Collects the statements that a hub sends to its database, which a caller could measure as time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import sqlalchemy as sa

from entrepot.catalog import prepared
from entrepot.hub.context import HubContext


@contextmanager
def counted(hub: HubContext) -> Iterator[list[str]]:
    """Yield a list to which each SELECT is added that the hub runs within the block."""
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_others: object) -> None:
        if statement.startswith("SELECT"):
            sent.append(statement)

    def rows(compiled: Any, tx: Any, values: Any) -> Any:
        sent.append(compiled.text)
        return run(compiled, tx, values)

    engine, run = hub.catalog._engine, prepared._Compiled.rows
    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        with mock.patch.object(prepared._Compiled, "rows", rows):
            yield sent
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)

from __future__ import annotations

import pytest

from entrepot.catalog import Catalog
from entrepot.errors import DatabaseUnavailable


def test_a_text_reaches_every_receiver(opened: Catalog) -> None:
    receivers = [opened.notices() for _ in range(3)]
    for receiver in receivers:
        assert receiver.receive(0) == {""}  # more than the pool has connections
    receivers[0].send("hello")
    for receiver in receivers:
        assert receiver.receive(60) == {"hello"}
        assert receiver.receive(0) == frozenset()
        receiver.close()


def test_a_lost_connection_is_an_error_once(opened: Catalog) -> None:
    notices = opened.notices()
    assert notices.receive(0) == {""}
    with opened.read() as tx:
        listening = "FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND query LIKE 'LISTEN%%'"
        tx.sql.exec_driver_sql(f"SELECT pg_terminate_backend(pid, 60000) {listening}")
    with pytest.raises(DatabaseUnavailable):
        notices.receive(60)
    assert notices.receive(0) == {""}
    notices.close()

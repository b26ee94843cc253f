"""Reads of one thread that share a snapshot."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
import sqlalchemy as sa

from entrepot.catalog import Catalog, Lock, hub_metadata, tables
from entrepot.catalog.prepared import Prepared
from entrepot.catalog.shared_reads import SharedReads
from entrepot.errors import DataFolderError

FIND = Prepared(sa.select(tables.meta.c.value).where(tables.meta.c.key == sa.bindparam("key")))


def find(catalog: Catalog) -> str | None:
    with catalog.read() as tx:
        found: str | None = FIND.scalar(tx, {"key": "a"})
        return found


def in_thread(work: Callable[[], object]) -> None:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join(60)
    assert not thread.is_alive()


def put(catalog: Catalog) -> None:
    with catalog.write(Lock.hub()) as tx:
        hub_metadata.put_first(tx, "a", "1")


def test_reads_together_see_one_snapshot(catalog: Catalog) -> None:
    with catalog.together():
        assert find(catalog) is None
        in_thread(lambda: put(catalog))
        assert find(catalog) is None
        with catalog.read() as tx, catalog.read() as inner:
            assert inner.driver is tx.driver
            assert hub_metadata.find(tx, "a") is None, "also through SQLAlchemy"
    assert find(catalog) == "1"


def test_other_threads_are_left_alone(catalog: Catalog) -> None:
    seen: list[str | None] = []
    with catalog.together():
        assert find(catalog) is None
        in_thread(lambda: put(catalog))
        in_thread(lambda: seen.append(find(catalog)))
    assert seen == ["1"]


def test_a_thread_that_waits_or_writes_reads_a_later_snapshot(catalog: Catalog) -> None:
    with catalog.together():
        assert find(catalog) is None
        in_thread(lambda: put(catalog))
        catalog.check_may_wait()
        assert find(catalog) == "1"
        with catalog.write(Lock.hub()) as tx:
            tx.sql.execute(sa.update(tables.meta).where(tables.meta.c.key == "a").values(value="2"))
        assert find(catalog) == "2"


def test_reads_after_a_wait_see_snapshots_of_their_own(catalog: Catalog) -> None:
    with catalog.together():
        assert find(catalog) is None
        catalog.check_may_wait()
        assert find(catalog) is None
        in_thread(lambda: put(catalog))
        assert find(catalog) == "1"


def test_an_open_read_keeps_its_snapshot_whatever_happens_inside(catalog: Catalog) -> None:
    with catalog.together(), catalog.read() as tx:
        assert FIND.scalar(tx, {"key": "a"}) is None
        in_thread(lambda: put(catalog))
        catalog.check_may_wait()
        with pytest.raises(KeyError), catalog.read():
            raise KeyError
        assert FIND.scalar(tx, {"key": "a"}) is None


def test_after_a_failure_the_next_read_begins_anew(catalog: Catalog) -> None:
    with catalog.together():
        with pytest.raises((sa.exc.DBAPIError, DataFolderError)), catalog.read() as tx:
            tx.sql.exec_driver_sql("SELECT nothing FROM nowhere")
        assert find(catalog) is None
    for _ in range(200):  # more than there are connections
        with catalog.together(), pytest.raises(KeyError), catalog.read():
            raise KeyError


def test_blocks_are_not_nested(catalog: Catalog) -> None:
    with catalog.together(), pytest.raises(AssertionError), catalog.together():
        pass
    assert isinstance(catalog._shared, SharedReads)
    assert catalog._shared.present is None

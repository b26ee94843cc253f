"""Versions of a database: they change with every commit of any connection, before its writer knows of it."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from entrepot.catalog import Catalog, Lock, hub_metadata, open_catalog
from entrepot.catalog.versions import VersionWatch


@pytest.fixture
def watch(catalog: Catalog) -> Iterator[VersionWatch]:
    with contextlib.closing(catalog.watch()) as opened:
        yield opened


def put(catalog: Catalog, name: str, value: str) -> None:
    with catalog.write(Lock.hub()) as tx:
        hub_metadata.put_first(tx, name, value)


def test_a_version_stands_until_something_is_committed(catalog: Catalog, watch: VersionWatch) -> None:
    first = watch.version()
    assert first is not None
    with catalog.read() as tx:
        hub_metadata.find(tx, "a")
    assert watch.version() == first
    with catalog.write(Lock.hub()) as tx:
        hub_metadata.put_first(tx, "a", "1")
        assert watch.version() == first
    assert watch.version() not in (None, first)


def test_a_commit_of_another_connection_changes_the_version(
    catalog: Catalog, watch: VersionWatch, database_url: str
) -> None:
    with contextlib.closing(open_catalog(database_url)) as other:
        seen = {watch.version()}
        for number in range(20):
            put(other if number % 2 else catalog, f"key {number}", "x")
            seen.add(watch.version())
    assert len(seen) == 21


def test_a_commit_of_another_process_changes_the_version(watch: VersionWatch, database_url: str) -> None:
    program = (
        "import sys\n"
        "from entrepot.catalog import Lock, hub_metadata, open_catalog\n"
        "catalog = open_catalog(sys.argv[1])\n"
        "for number in range(50):\n"
        "    with catalog.write(Lock.hub()) as tx:\n"
        "        hub_metadata.put_first(tx, f'key {number}', 'x')\n"
        "    print(number, flush=True)\n"
        "    sys.stdin.readline()\n"
    )
    command = [sys.executable, "-c", program, database_url]
    seen = {watch.version()}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        assert writer.stdin is not None
        assert writer.stdout is not None
        for _ in writer.stdout:
            seen.add(watch.version())
            writer.stdin.write(b"\n")
            writer.stdin.flush()
    assert writer.returncode == 0
    assert len(seen) == 51


def test_what_was_read_under_a_version_that_stands_is_what_the_database_says(
    catalog: Catalog, watch: VersionWatch
) -> None:
    told = 0
    stop = threading.Event()

    def write_often() -> None:
        nonlocal told
        for number in range(1, 101):
            put(catalog, f"key {number}", "x")
            told = number
        stop.set()

    writer = threading.Thread(target=write_often)
    writer.start()
    version, known, reused = None, 0, 0
    try:
        while not stop.is_set() or version is None:
            at_least = told
            now = watch.version()
            if now is None or now != version:
                with catalog.read() as tx:
                    while hub_metadata.find(tx, f"key {known + 1}") is not None:
                        known += 1
                version = now
            else:
                reused += 1
            assert known >= at_least
    finally:
        writer.join(60)
    assert told == 100


def test_a_closed_watch_tells_nothing(catalog: Catalog) -> None:
    watch = catalog.watch()
    assert watch.version() is not None
    watch.close()
    watch.close()
    assert watch.version() is None


def test_a_lost_connection_gets_another_version(catalog: Catalog, watch: VersionWatch, database_url: str) -> None:
    if database_url.startswith("sqlite"):
        pytest.skip("connections to a file are not lost")
    first = watch.version()
    import sqlalchemy as sa

    others = "FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()"
    with catalog.write(Lock.hub()) as tx:
        tx.sql.execute(sa.text(f"SELECT pg_terminate_backend(pid) {others}"))
    found = [watch.version() for _ in range(5)]
    assert first not in found
    assert found[-1] is not None


def test_a_file_that_is_locked_for_a_moment_tells_nothing(catalog: Catalog, watch: VersionWatch) -> None:
    if not catalog.is_file:
        pytest.skip("a server is not locked")
    version = watch.version()

    def fail(_connection: object) -> int:
        import sqlite3

        raise sqlite3.OperationalError("database is locked")

    kept, watch._ask = watch._ask, fail  # type: ignore[attr-defined]
    assert watch.version() is None
    watch._ask = kept  # type: ignore[attr-defined]
    assert watch.version() == version

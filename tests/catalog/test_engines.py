"""Behaviour of SQLite only, and statements that differ between databases."""

import contextlib
import pathlib
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest import mock

import pytest
import sqlalchemy as sa

from entrepot.catalog import Catalog, Lock, Read, Write, engines, hub_metadata, open_catalog, prepared, tables
from entrepot.catalog.accounts import accounts, tokens
from entrepot.catalog.dialects import sqlite
from entrepot.catalog.engines import WriteLock, count_up, insert_missing, make_engine, translated
from entrepot.catalog.files import file_links, files, linked_forms, uploads
from entrepot.catalog.git import objects
from entrepot.catalog.jobs import jobs
from entrepot.catalog.repos import commits, refs, repo_tags, repositories
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.catalog.search import listings
from entrepot.catalog.search.listings import Search
from entrepot.catalog.visibility import Visibility
from entrepot.catalog.webhooks import webhooks
from entrepot.errors import Busy, DataFolderError, StoreFull
from entrepot.names import MAIN, Oid, RepoId, RepoPath, RepoRef, RepoType, Sha256

HOLD_LOCK = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.readline()
connection.execute("ROLLBACK")
"""

OID, SHA = Oid("a" * 40), Sha256("b" * 64)


@pytest.fixture
def path(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "lite.db"


@pytest.fixture
def lite(path: pathlib.Path) -> Iterator[Catalog]:
    opened = open_catalog(f"sqlite:///{path}")
    yield opened
    opened.close()


@contextlib.contextmanager
def locked_by_another_process(path: pathlib.Path) -> Iterator[None]:
    arguments = [sys.executable, "-c", HOLD_LOCK, str(path)]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield
        process.communicate("\n", timeout=30)


def pragma(catalog: Catalog, name: str) -> Any:
    with catalog.read() as tx:
        return tx.sql.exec_driver_sql(f"PRAGMA {name}").scalar()


# --- how SQLite is opened ---------------------------------------------------


def test_every_connection_logs_ahead_and_keeps_foreign_keys(lite: Catalog) -> None:
    assert pragma(lite, "journal_mode") == "wal"
    assert pragma(lite, "foreign_keys") == 1


def test_a_commit_waits_for_the_disk(path: pathlib.Path) -> None:
    full = "2"  # in a process of its own: those of the tests do not wait
    code = (
        "import sys; from entrepot.catalog import open_catalog\n"
        "with open_catalog('sqlite:///' + sys.argv[1]).read() as tx:\n"
        "    print(tx.sql.exec_driver_sql('PRAGMA synchronous').scalar())"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == full, done.stderr


def test_only_an_unflushed_transaction_does_not_wait_for_the_disk(
    path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "SYNCHRONOUS", "FULL")
    opened = open_catalog(f"sqlite:///{path}", pool_size=1)

    def level(tx: Read) -> Any:
        return tx.sql.exec_driver_sql("PRAGMA synchronous").scalar()

    with opened.write_unflushed(Lock.hub()) as tx:
        hub_metadata.put(tx, "a", "1")
        assert level(tx) == 1
    with pytest.raises(ZeroDivisionError), opened.write_unflushed(Lock.hub()):
        raise ZeroDivisionError
    with opened.write(Lock.hub()) as tx:
        assert (level(tx), hub_metadata.find(tx, "a")) == (2, "1")
    opened.close()


def test_a_writing_transaction_holds_the_lock_from_its_start_and_a_reading_one_never(
    lite: Catalog, path: pathlib.Path
) -> None:
    outsider = sqlite3.connect(path, isolation_level=None, timeout=0)
    with lite.write(), pytest.raises(sqlite3.OperationalError, match="locked"):
        outsider.execute("BEGIN IMMEDIATE")
    with lite.read() as tx:
        hub_metadata.find(tx, "a")
        outsider.execute("BEGIN IMMEDIATE")
        outsider.execute("ROLLBACK")
    outsider.close()


def test_a_database_locked_by_another_process_is_busy_for_writers_only(
    lite: Catalog, path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "_BUSY_TIMEOUT_MS", 20)
    impatient = open_catalog(f"sqlite:///{path}")
    with locked_by_another_process(path):
        with pytest.raises(Busy), impatient.write():
            pytest.fail("the lock is held elsewhere")
        assert not impatient.is_writing()
        with impatient.read() as tx:
            assert hub_metadata.find(tx, "a") is None
    with impatient.write() as tx:
        assert hub_metadata.put_first(tx, "a", "1") == "1"
    impatient.close()


def test_a_writer_waits_for_another_process(lite: Catalog, path: pathlib.Path) -> None:
    def write() -> str:
        with lite.write() as tx:
            return hub_metadata.put_first(tx, "a", "1")

    with ThreadPoolExecutor(1) as pool:
        with locked_by_another_process(path):
            written = pool.submit(write)
            with lite.read() as tx:
                assert hub_metadata.find(tx, "a") is None
            assert not written.done()
        assert written.result(timeout=30) == "1"


def test_a_database_that_no_other_dialect_can_open_is_refused() -> None:
    with pytest.raises(DataFolderError, match="SQLite"):
        make_engine("mysql://localhost/x")


def test_tables_without_row_ids_are_made_so_by_the_migrations(lite: Catalog) -> None:
    with lite.read() as tx:
        rows = tx.sql.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'table'").all()
    made = {row.name: row.sql for row in rows}
    for table in tables.metadata.sorted_tables:
        wanted = table.dialect_options["sqlite"]["with_rowid"] is False
        assert ("WITHOUT ROWID" in made[table.name]) is wanted, table.name


# --- the lock of this process -----------------------------------------------


def test_a_writer_of_this_process_gives_up_when_the_lock_stays_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "_BUSY_TIMEOUT_MS", 20)
    lock = WriteLock()

    def wait() -> None:
        with lock.hold():
            pytest.fail("the lock is held elsewhere")

    with ThreadPoolExecutor(1) as pool, lock.hold():
        with pytest.raises(Busy):
            pool.submit(wait).result()
        assert lock.held()
    assert not lock.held()
    with lock.hold():
        assert lock.held()


# --- failures ---------------------------------------------------------------


def test_a_full_disk_is_reported_and_nothing_is_kept(lite: Catalog) -> None:
    def fill(tx: Write) -> None:
        hub_metadata.put_first(tx, "small", "1")
        pages = tx.sql.exec_driver_sql("PRAGMA page_count").scalar_one()
        tx.sql.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        hub_metadata.put_first(tx, "large", "x" * 1_000_000)

    with pytest.raises(StoreFull), lite.write() as tx:
        fill(tx)
    with lite.read() as reading:
        assert (hub_metadata.find(reading, "small"), hub_metadata.find(reading, "large")) == (None, None)


def test_a_file_that_is_no_database_is_refused(path: pathlib.Path) -> None:
    path.write_bytes(b"these are not the bytes of a database " * 50)
    with pytest.raises(DataFolderError, match="not a database"):
        open_catalog(f"sqlite:///{path}")


def test_a_missing_table_means_that_the_database_cannot_be_used(lite: Catalog) -> None:
    with pytest.raises(DataFolderError, match="nothing"), lite.read() as tx:
        tx.sql.exec_driver_sql("SELECT * FROM nothing")


def test_a_pool_without_a_free_connection_is_busy(path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "_BUSY_TIMEOUT_MS", 20)
    narrow = open_catalog(f"sqlite:///{path}", pool_size=1)
    with narrow.read(), narrow.read(), pytest.raises(Busy), narrow.read():
        pytest.fail("there was no third connection to be had")
    narrow.close()


def test_other_errors_pass_through_as_they_are() -> None:
    with pytest.raises(KeyError), translated():
        raise KeyError("x")


# --- statements that differ between databases --------------------------------


def test_rows_that_are_missing_are_inserted_and_others_left_or_refreshed(catalog: Catalog) -> None:
    meta = tables.meta
    rows = [{"key": "a", "value": "2"}, {"key": "b", "value": "2"}]
    with catalog.write() as tx:
        hub_metadata.put_first(tx, "a", "1")
        insert_missing(tx, meta, rows)
        insert_missing(tx, meta, [])
        assert (hub_metadata.find(tx, "a"), hub_metadata.find(tx, "b")) == ("1", "2")
        insert_missing(tx, meta, [{"key": "a", "value": "3"}, {"key": "c", "value": "3"}], refresh=("value",))
        assert [hub_metadata.find(tx, key) for key in "abc"] == ["3", "2", "3"]


def test_counting_up_starts_at_the_first_count(catalog: Catalog, repo: RepoRow) -> None:
    table = tables.downloads
    with catalog.write() as tx:
        for day, count in [(1, 5), (1, 2), (2, 1)]:
            count_up(tx, table, {"repo_id": repo.id, "day": day, "count": count}, "count")
        rows = tx.sql.execute(sa.select(table.c.day, table.c["count"]).order_by(table.c.day)).all()
    assert [tuple(row) for row in rows] == [(1, 7), (2, 1)]


# --- no frequent query reads a whole table ----------------------------------

FIND = RepoRef(RepoType.MODEL, RepoId("alice", "gpt2"))
MODELS = Search(RepoType.MODEL, seen_by=Visibility([1]))
READS: dict[str, Callable[[Any], object]] = {
    "an account": lambda tx: accounts.find(tx, "alice"),
    "a token": lambda tx: tokens.find(tx, "c" * 64),
    "memberships": lambda tx: accounts.memberships(tx, 1),
    "a repository": lambda tx: repositories.find(tx, FIND),
    "a redirect": lambda tx: repositories.find_redirect(tx, FIND),
    "listening webhooks": lambda tx: webhooks.listening(tx, 1, 1, FIND),
    "an owner's repositories": lambda tx: repositories.owned_by(tx, 1),
    "tags": lambda tx: repo_tags.tags_of(tx, [1, 2]),
    "a ref": lambda tx: refs.find(tx, 1, MAIN),
    "some refs": lambda tx: refs.find_many(tx, 1, [MAIN]),
    "all refs": lambda tx: refs.everything(tx, 1),
    "an object": lambda tx: objects.find(tx, 1, OID),
    "objects": lambda tx: list(objects.find_many(tx, 1, [OID])),
    "sizes of objects": lambda tx: objects.measure(tx, 1, [OID]),
    "a short commit id": lambda tx: objects.with_prefix(tx, 1, "abcd"),
    "pointers": lambda tx: objects.pointing_at(tx, 1, [SHA]),
    "the number of commits": lambda tx: commits.count_ancestors(tx, 1, OID),
    "a page of commits": lambda tx: commits.ancestors(tx, 1, OID, limit=50),
    "an ancestor": lambda tx: commits.is_ancestor(tx, 1, OID, OID),
    "commits to index": lambda tx: commits.unindexed(tx, 1, OID),
    "last changes": lambda tx: commits.last_changes(tx, 1, OID, [RepoPath("a")]),
    "usable files": lambda tx: file_links.usable(tx, 1, [SHA]),
    "files elsewhere": lambda tx: linked_forms.readable_elsewhere(tx, Visibility([1]), [SHA]),
    "a link": lambda tx: file_links.link_of(tx, 1, SHA),
    "an upload": lambda tx: uploads.find(tx, 1, SHA, 1),
    "parts": lambda tx: uploads.parts(tx, "d" * 24),
    "the next turn": lambda tx: jobs.next_run(tx),
    "a listing of an author": lambda tx: listings.find(tx, Search(RepoType.MODEL, author="alice")),
    "a listing of a tag": lambda tx: listings.find(tx, Search(RepoType.MODEL, tags=("mit",))),
    "a second page": lambda tx: listings.find(tx, Search(RepoType.MODEL, after=(5, 5))),
}
WRITES: dict[str, Callable[[Any], object]] = {
    "claiming a job": lambda tx: jobs.claim(tx, "w1", 10, 10),
    "claiming a job by key": lambda tx: jobs.claim(tx, "w1", 10, 10, dedup_key="k"),
    "adding a job": lambda tx: jobs.enqueue(tx, "x", {"repo": 1}, 1, dedup_key="k"),
    "moving a ref": lambda tx: refs.swap(tx, 1, MAIN, OID, OID, 1),
    "touching files": lambda tx: files.touch(tx, [SHA], 1),
    "touching objects": lambda tx: objects.touch(tx, 1, [OID], 1),
    "marking a commit": lambda tx: commits.mark_indexed(tx, 1, OID),
}


@contextlib.contextmanager
def plans(path: pathlib.Path) -> Iterator[tuple[Catalog, list[str]]]:
    """Yield a catalog, and the query plans of the statements that run on it."""
    engine = make_engine(f"sqlite:///{path}")
    steps: list[str] = []

    def explain(connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
        if re.match(r"SELECT|WITH|INSERT|UPDATE|DELETE", statement):
            raw = connection.connection.driver_connection
            steps.extend(row[3] for row in raw.execute(f"EXPLAIN QUERY PLAN {statement}", parameters))

    def explained(run: Callable[..., Any]) -> Callable[..., Any]:
        def run_explained(compiled: Any, tx: Any, values: Any) -> Any:
            explain(tx.sql, None, compiled.text, compiled.parameters(values), None, False)
            return run(compiled, tx, values)

        return run_explained

    def run_all_explained(change: Any, tx: Any, rows: Any) -> None:
        compiled = change._checked(tx)
        for values in rows:
            explain(tx.sql, None, compiled.text, compiled.parameters(values), None, False)
        run_all(change, tx, rows)

    run_all = prepared.PreparedWrite.run_all
    sa.event.listen(engine, "before_cursor_execute", explain)
    watched = Catalog(engine)
    with contextlib.ExitStack() as patches:
        for name in ("rows", "change"):
            patched = explained(getattr(prepared._Compiled, name))
            patches.enter_context(mock.patch.object(prepared._Compiled, name, patched))
        patches.enter_context(mock.patch.object(prepared.PreparedWrite, "run_all", run_all_explained))
        yield watched, steps
    watched.close()


def whole_tables(steps: list[str]) -> list[str]:
    names = set(tables.metadata.tables)
    return [step for step in steps if (found := re.match(r"SCAN (\w+)", step)) and found[1] in names]


@pytest.mark.parametrize("what", READS)
def test_finding_does_not_scan(lite: Catalog, path: pathlib.Path, what: str) -> None:
    with plans(path) as (watched, steps), watched.read() as tx:
        READS[what](tx)
    assert any(step.startswith("SEARCH") for step in steps)
    assert whole_tables(steps) == []


@pytest.mark.parametrize("what", WRITES)
def test_writing_does_not_scan(lite: Catalog, path: pathlib.Path, what: str) -> None:
    with plans(path) as (watched, steps), watched.write() as tx:
        WRITES[what](tx)
    assert any(step.startswith("SEARCH") for step in steps)
    assert whole_tables(steps) == []


@pytest.mark.parametrize("seen", [Visibility(), Visibility(range(1, 99)), None], ids=["public", "very many", "all"])
@pytest.mark.parametrize("sort", listings.SORTS)
def test_a_listing_walks_an_index_in_order_and_sorts_nothing(
    lite: Catalog, path: pathlib.Path, sort: str, seen: Visibility | None
) -> None:
    with plans(path) as (watched, steps), watched.read() as tx:
        listings.find(tx, Search(RepoType.MODEL, seen_by=seen, sort=sort))
    assert whole_tables(steps) == []
    assert not [step for step in steps if "ORDER BY" in step]


@pytest.mark.parametrize("sort", listings.SORTS)
def test_a_listing_sorts_only_what_is_private_in_the_namespaces_of_a_caller(
    lite: Catalog, path: pathlib.Path, sort: str
) -> None:
    with plans(path) as (watched, steps), watched.read() as tx:
        listings.find(tx, Search(RepoType.MODEL, seen_by=Visibility([1]), sort=sort))
    assert whole_tables(steps) == []
    assert [step for step in steps if "ORDER BY" in step] == ["USE TEMP B-TREE FOR ORDER BY"]
    assert "SEARCH repos USING INDEX repos_by_owner (namespace_id=? AND mark=?)" in steps


@pytest.mark.parametrize("lane", jobs.LANES)
def test_claiming_a_job_walks_indexes_and_sorts_no_backlog(lite: Catalog, path: pathlib.Path, lane: str) -> None:
    with lite.write() as tx:
        jobs.enqueue(tx, {"heavy": "chunk", "outbound": "deliver", "maintenance": "mirror"}.get(lane, "card"), {}, 1)
    with plans(path) as (watched, steps), watched.write() as tx:
        assert jobs.claim(tx, "w1", 10, 10, lane=lane) is not None
    assert not [step for step in steps if step.startswith("SCAN jobs") or "ORDER BY" in step]
    assert [step for step in steps if "INDEX jobs_by_namespace (state=? AND lane=? AND namespace_id>?)" in step]


def test_a_query_that_does_scan_is_noticed(lite: Catalog, path: pathlib.Path) -> None:
    with plans(path) as (watched, steps), watched.read() as tx:
        tx.sql.execute(sa.select(tables.repos.c.id).where(tables.repos.c.sdk == "x"))
    assert len(whole_tables(steps)) == 1

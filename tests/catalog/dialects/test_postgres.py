"""What is special about PostgreSQL: locks, snapshots, and errors by their SQLSTATE."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import attrs
import pytest
import sqlalchemy as sa

from entrepot.catalog import Catalog, Lock, Read, Write, engines, hub_metadata, open_catalog, tables
from entrepot.catalog.accounts import accounts
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.dialects import postgres, postgres_pool
from entrepot.catalog.dialects.interfaces import TransactionOutcome
from entrepot.catalog.dialects.postgres import PostgresReceipt, PostgresTransaction
from entrepot.catalog.jobs import jobs
from entrepot.catalog.named_locks import LockClass
from entrepot.catalog.repos import repositories
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import Busy, DatabaseReadOnly, DatabaseUnavailable, DataFolderError
from entrepot.names import RepoId, RepoRef, RepoType, new_uid
from tests.support.lost_confirmations import ConfirmationLoser
from tests.support.postgres import PostgresServer, find_programs, running, running_if_installed, running_standby

REF = RepoRef(RepoType.MODEL, RepoId("alice", "gpt2"))


@pytest.fixture
def opened(url: str) -> Iterator[Catalog]:
    catalog = open_catalog(url)
    yield catalog
    catalog.close()


@pytest.mark.parametrize(
    ("url", "hosts"),
    [
        ("postgresql://u:p%40@h1:5432,h2:5433/d?target_session_attrs=read-write", ("h1,h2", "5432,5433")),
        ("postgresql://h1,[::1]:5433/d", ("h1,::1", ",5433")),
    ],
)
def test_several_hosts_are_tried_with_their_ports(
    monkeypatch: pytest.MonkeyPatch, url: str, hosts: tuple[str, str]
) -> None:
    monkeypatch.setattr(postgres_pool, "addresses_of", lambda _options, _limit_s: {})
    engine = postgres.PostgreSQL().open(url, 1, 1000, 1)
    asked = {}

    @sa.event.listens_for(engine, "do_connect")
    def note(_dialect: object, _record: object, _args: object, parameters: dict[str, Any]) -> None:
        asked.update(parameters)
        raise InterruptedError

    with pytest.raises(InterruptedError):
        engine.connect()
    assert (asked["host"], asked["port"], asked["dbname"]) == (*hosts, "d")


def held_locks(catalog: Catalog) -> int:
    with catalog.read() as tx:
        query = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted"
        return int(tx.sql.exec_driver_sql(query).scalar_one())


def test_locks_are_held_until_the_transaction_ends(opened: Catalog) -> None:
    with opened.write(Lock.repo(1), Lock.audit(), Lock.repo(1), Lock.nothing()):
        assert held_locks(opened) == 2
    assert held_locks(opened) == 0


def test_writers_wait_for_a_common_name_only(opened: Catalog) -> None:
    order = []
    is_locked, may_end = threading.Event(), threading.Event()

    def hold() -> None:
        with opened.write(Lock.repo(1)):
            is_locked.set()
            may_end.wait(timeout=240)
            order.append("first")

    def follow() -> None:
        with opened.write(Lock.repo(1)):
            order.append("second")

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(hold)
        assert is_locked.wait(timeout=240)
        second = pool.submit(follow)
        with opened.write(Lock.repo(2)):
            order.append("other")
        may_end.set()
        first.result(timeout=240)
        second.result(timeout=240)
    assert order == ["other", "first", "second"]


def test_a_lock_that_stays_taken_is_busy(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "_BUSY_TIMEOUT_MS", 200)
    catalog = open_catalog(url)

    def wait() -> None:
        with catalog.write(Lock.hub()):
            pytest.fail("the lock is held elsewhere")

    with ThreadPoolExecutor(1) as pool, catalog.write(Lock.hub()), pytest.raises(Busy):
        pool.submit(wait).result(timeout=240)
    catalog.close()


def test_a_name_is_locked_by_what_has_it_or_by_where_it_would_be(opened: Catalog) -> None:
    def kinds() -> set[int]:
        with opened.read() as tx:
            query = "SELECT CAST(classid AS bigint) % 256 FROM pg_locks WHERE locktype = 'advisory'"
            return set(tx.sql.exec_driver_sql(query.replace("%", "%%")).scalars())

    with opened.write(Lock.repo_at(REF)):
        assert kinds() == {LockClass.HUB}  # there is no such namespace yet
    with opened.write(Lock.hub()) as tx:
        alice = accounts.add(tx, accounts.fresh("alice", "user", 1))
    with opened.write(Lock.repo_at(REF)):
        assert kinds() == {LockClass.NAMESPACE}
    with opened.write(Lock.namespace(alice.id), Lock.new_repo()) as tx:
        row = repositories.add(tx, new_row(alice))
    with opened.write(Lock.repo_at(REF), Lock.repo_with_uid(row.uid)):
        assert (kinds(), held_locks(opened)) == ({LockClass.REPO}, 1)


def test_a_name_is_looked_up_with_the_same_statements_whether_or_not_something_has_it(opened: Catalog) -> None:
    with opened.write(Lock.hub()) as tx:
        alice = accounts.add(tx, accounts.fresh("alice", "user", 1))
    with opened.write(Lock.namespace(alice.id)) as tx:
        repositories.add(tx, new_row(alice))
    ran: list[str] = []
    sa.event.listen(opened._engine, "before_cursor_execute", lambda *given: ran.append(given[2]))
    seen = []
    for name in ("gpt2", "absent"):
        with opened.write(Lock.repo_at(attrs.evolve(REF, id=RepoId("alice", name)))):
            seen.append(list(ran))
        ran.clear()
    assert seen[0] == seen[1]


def new_row(owner: Account) -> RepoRow:
    names: dict[str, Any] = {"uid": new_uid(), "namespace_id": owner.id, "namespace": owner.name, "name": "gpt2"}
    state: dict[str, Any] = {"visibility": "public", "gated": "no", "is_disabled": False, "settings": {}}
    numbers: dict[str, Any] = dict.fromkeys(("id", "created_ms", "updated_ms", "downloads", "likes"), 0)
    card: dict[str, Any] = dict.fromkeys(("card", "config", "pipeline_tag", "library", "sdk"))
    return RepoRow(type=RepoType.MODEL, creator_id=owner.id, **names, **state, **numbers, **card)


def test_nul_characters_of_texts_and_json_are_left_out(opened: Catalog) -> None:
    with opened.write() as tx:
        hub_metadata.put_first(tx, "a", "x\0y")
        assert hub_metadata.find(tx, "a") == "xy"
        kept = {"a": "x\0y", "b": "\\u0000"}
        json = sa.cast(sa.literal(kept, tables.Json), tables.Json)
        assert tx.sql.execute(sa.select(json)).scalar_one() == {"a": "xy", "b": "\\u0000"}


def test_readers_cannot_write(opened: Catalog) -> None:
    with pytest.raises(sa.exc.InternalError, match="read-only"), opened.read() as tx:
        tx.sql.execute(sa.delete(tables.meta))


def test_connections_that_the_server_has_closed_are_replaced(opened: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "_TRUSTED_S", 0.0)
    with opened.read(), opened.read():
        pass
    idle = "FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database() AND state = 'idle'"
    with opened.read() as tx:
        assert tx.sql.exec_driver_sql(f"SELECT count(pg_terminate_backend(pid)) {idle}").scalar_one() >= 1
    with opened.read(), opened.read() as tx:
        assert hub_metadata.find(tx, "a") is None


@pytest.mark.parametrize("writes", [False, True])
def test_a_connection_that_replaces_a_lost_one_and_is_lost_too_is_reported(
    opened: Catalog, monkeypatch: pytest.MonkeyPatch, writes: bool
) -> None:
    monkeypatch.setattr(postgres, "_TRUSTED_S", 0.0)
    with opened.read() as tx:
        tx.sql.exec_driver_sql("SELECT 1")
    sa.event.listen(opened._engine, "checkout", lambda connection, *_: connection.pgconn.finish(), insert=True)
    with pytest.raises(DatabaseUnavailable), opened.write(Lock.hub()) if writes else opened.read():
        pytest.fail("the connection is lost")


def test_only_connections_that_were_idle_for_a_while_are_checked(
    opened: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked = []
    monkeypatch.setattr(opened._engine.dialect, "do_ping", lambda connection: checked.append(connection))
    monkeypatch.setattr(postgres, "_TRUSTED_S", 3_600.0)
    for _ in range(3):
        with opened.read() as tx:
            assert hub_metadata.find(tx, "a") is None
    assert len(checked) <= 1  # a new connection
    monkeypatch.setattr(postgres, "_TRUSTED_S", 0.0)
    with opened.read():
        assert checked


@pytest.mark.parametrize("lock", [Lock.hub(), Lock.nothing()])
def test_a_write_on_a_lost_connection_that_was_not_checked_begins_on_another_one(
    opened: Catalog, url: str, lock: Lock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "_TRUSTED_S", 3_600.0)
    with opened.read(), opened.write(Lock.hub()):
        pass
    others = "FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()"
    engine = sa.create_engine(sa.make_url(url).set(drivername="postgresql+psycopg"))
    with engine.connect() as other:
        assert other.exec_driver_sql(f"SELECT count(pg_terminate_backend(pid, 60000)) {others}").scalar_one() >= 1
    engine.dispose()
    with opened.write(lock) as tx:
        assert tx.sql.exec_driver_sql("SELECT 1").scalar_one() == 1


def test_a_connection_that_is_lost_inside_a_transaction_is_reported(opened: Catalog) -> None:
    with pytest.raises(DatabaseUnavailable), opened.write() as tx:
        tx.sql.exec_driver_sql("SELECT pg_terminate_backend(pg_backend_pid())")
    with opened.write() as tx:
        assert hub_metadata.put_first(tx, "a", "1") == "1"


def test_a_statement_that_is_cancelled_can_be_repeated(opened: Catalog) -> None:
    def cancelled(tx: Read) -> None:
        tx.sql.exec_driver_sql("SET LOCAL statement_timeout = 20")
        tx.sql.exec_driver_sql("SELECT pg_sleep(20)")

    with pytest.raises(Busy), opened.read() as tx:
        cancelled(tx)
    with pytest.raises(Busy), opened.write() as tx:
        cancelled(tx)
    assert opened.clock_ms()


def test_a_server_that_does_not_answer_cannot_be_used(url: str) -> None:
    with pytest.raises(DataFolderError, match="No such file"):
        open_catalog("postgresql:///x?host=/nowhere")


def test_a_job_that_another_transaction_needs_is_not_claimed_before_its_rows_can_be_seen(opened: Catalog) -> None:
    with opened.write() as tx:
        jobs.enqueue(tx, "card", {}, 1, dedup_key="k")
    with opened.write() as first:
        jobs.enqueue(first, "card", {}, 1, dedup_key="k")
        assert jobs.is_pending(first, "k")  # with which the server learns of the job
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(claim, opened).result(timeout=240) is None
    assert claim(opened) is not None
    assert claim(opened) is None, "there is one job"


def test_a_job_that_is_claimed_before_the_server_learns_of_an_equal_one_is_added_again(opened: Catalog) -> None:
    with opened.write() as tx:
        jobs.enqueue(tx, "card", {}, 1, dedup_key="k")
    with opened.write() as first:
        jobs.enqueue(first, "card", {}, 1, dedup_key="k")
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(claim, opened).result(timeout=240) is not None
    assert claim(opened) is not None


def claim(catalog: Catalog) -> jobs.Job | None:
    with catalog.write(Lock.nothing()) as tx:
        return jobs.claim(tx, "w1", 10, 10)


def change(tx: Write, lock: Lock) -> None:
    """Change a row that may be changed under a lock."""
    if lock == Lock.nothing():
        jobs.enqueue(tx, "card", {}, 1, dedup_key="k")
    else:
        hub_metadata.put_first(tx, "b", "1")


@pytest.mark.parametrize("lock", [Lock.hub(), Lock.nothing()])
def test_a_server_that_accepts_no_changes_is_an_outage_until_it_does(
    opened: Catalog, url: str, lock: Lock, caplog: pytest.LogCaptureFixture
) -> None:
    admin = sa.create_engine(
        sa.make_url(url).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool
    )
    setting = f"ALTER DATABASE {admin.url.database} SET default_transaction_read_only ="
    with admin.connect() as asked:
        asked.exec_driver_sql(f"{setting} on")
    catalog = open_catalog(url, pool_size=1)
    with pytest.raises(DatabaseReadOnly, match="accepts no changes"), catalog.write(lock) as tx:
        change(tx, lock)
    assert "database.read-only" in caplog.text
    assert "target_session_attrs=read-write" in caplog.text
    with admin.connect() as asked:
        asked.exec_driver_sql("SET default_transaction_read_only = off")
        asked.exec_driver_sql(f"{setting} off")
    with catalog.write(lock) as tx:
        change(tx, lock)
    with catalog.read() as later:
        assert jobs.is_pending(later, "k") or hub_metadata.find(later, "b") == "1"
    catalog.close()


def test_a_standby_is_one_too(caplog: pytest.LogCaptureFixture) -> None:
    programs = find_programs()
    assert programs is not None
    with running(programs) as primary:
        name = primary.create()
        with contextlib.closing(open_catalog(primary.url(name))) as writer, writer.write(Lock.hub()) as tx:
            hub_metadata.put_first(tx, "a", "1")
        with running_standby(programs, primary) as standby:  # which begins with a copy of all that
            catalog = Catalog(engines.make_engine(standby.url(name)))
            for lock in (Lock.hub(), Lock.nothing()):
                with pytest.raises(DatabaseReadOnly), catalog.write(lock) as tx:
                    change(tx, lock)
            with catalog.read() as later:
                assert hub_metadata.find(later, "a") == "1"
            catalog.close()
    assert "recovery" in caplog.text


def test_a_repository_that_does_not_exist_can_be_locked(opened: Catalog) -> None:
    with opened.write(Lock.repo_with_uid("0" * 24), Lock.namespace_named("nobody")) as tx:
        assert repositories.find(tx, REF) is None


@pytest.fixture
def loser(postgres: PostgresServer) -> Iterator[ConfirmationLoser]:
    found = ConfirmationLoser(postgres.folder)
    yield found
    found.close()


@pytest.fixture
def losing(url: str, loser: ConfirmationLoser) -> Iterator[Catalog]:
    catalog = open_catalog(str(sa.make_url(url).update_query_dict({"host": str(loser.folder)})))
    yield catalog
    catalog.close()


def put(catalog: Catalog, loser: ConfirmationLoser, loses: str, *, proof: bool | None = None) -> None:
    """Write a value in a transaction whose confirmation is lost."""
    with catalog.write(Lock.hub()) as tx:
        hub_metadata.put_first(tx, "a", "1")
        tx.proof = None if proof is None else lambda _later: proof
        loser.loses = loses


def found(catalog: Catalog) -> str | None:
    with catalog.read() as tx:
        return hub_metadata.find(tx, "a")


def test_a_confirmation_that_was_lost_is_found_out(losing: Catalog, loser: ConfirmationLoser) -> None:
    put(losing, loser, "answer")
    assert found(losing) == "1"


def test_a_write_of_which_the_database_never_heard_fails(losing: Catalog, loser: ConfirmationLoser) -> None:
    with pytest.raises(DatabaseUnavailable):
        put(losing, loser, "commit")
    assert found(losing) is None
    put(losing, loser, "")
    assert found(losing) == "1"


def test_the_number_of_a_transaction_comes_with_its_locks(opened: Catalog) -> None:
    with opened.write(Lock.hub()) as tx:
        number = tx.sql.exec_driver_sql("SELECT CAST(pg_current_xact_id_if_assigned() AS text)").scalar_one()
        receipt = tx._transaction.receipt()
        assert isinstance(receipt, PostgresReceipt)
        assert receipt.number == number


def test_a_transaction_without_locks_that_changes_nothing_needs_no_number(losing: Catalog) -> None:
    with losing.write(Lock.nothing()) as tx:
        assert tx.sql.exec_driver_sql("SELECT pg_current_xact_id_if_assigned()").scalar() is None
        assert tx._transaction.receipt() is None


@pytest.mark.parametrize("proof", [True, False, None])
def test_after_a_failover_numbers_mean_nothing_and_the_proof_decides(
    losing: Catalog, loser: ConfirmationLoser, proof: bool | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    receipt = PostgresTransaction.receipt

    def of_another_server(transaction: PostgresTransaction) -> PostgresReceipt | None:
        own = receipt(transaction)
        return None if own is None else attrs.evolve(own, cluster="another")

    monkeypatch.setattr(PostgresTransaction, "receipt", of_another_server)
    if proof:
        put(losing, loser, "answer", proof=proof)
    else:
        with pytest.raises(DatabaseUnavailable):
            put(losing, loser, "answer", proof=proof)
    assert found(losing) == "1"


def test_a_service_that_does_not_tell_which_server_it_is_can_be_used(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "_CLUSTER", "SELECT no_such_function()")
    catalog = open_catalog(url)
    with catalog.write(Lock.hub()) as tx:
        hub_metadata.put_first(tx, "a", "1")
        assert tx._transaction.receipt() is None
    assert found(catalog) == "1"
    catalog.close()


def test_what_was_forgotten_and_what_goes_on_is_not_taken_for_applied(opened: Catalog) -> None:
    with opened.write(Lock.hub()) as tx:
        hub_metadata.put_first(tx, "a", "1")
        receipt = tx._transaction.receipt()
        assert receipt is not None
        with opened.read() as other:
            assert receipt.outcome(other.sql) is TransactionOutcome.PENDING
    with opened.read() as tx:
        assert receipt.outcome(tx.sql) is TransactionOutcome.APPLIED


def test_only_an_unflushed_transaction_does_not_wait_for_the_disk(opened: Catalog) -> None:
    with opened.write() as tx:
        name = tx.sql.exec_driver_sql("SELECT current_database()").scalar()
        tx.sql.exec_driver_sql(f'ALTER DATABASE "{name}" SET synchronous_commit = on')
    opened._engine.dispose()
    with opened.write_unflushed(Lock.hub()) as tx:
        hub_metadata.put(tx, "a", "1")
        assert tx.sql.exec_driver_sql("SHOW synchronous_commit").scalar() == "off"
    with opened.write(Lock.hub()) as tx:
        assert tx.sql.exec_driver_sql("SHOW synchronous_commit").scalar() == "on"
    assert found(opened) == "1"


@pytest.fixture
def crashing() -> Iterator[PostgresServer]:
    """A server of its own, which a test may crash; what it confirms is in its log."""
    with running_if_installed("synchronous_commit=on") as server:
        yield server


def number_of(catalog: Catalog) -> str:
    with catalog.write() as tx:
        hub_metadata.put(tx, "b", "2")
        receipt = tx._transaction.receipt()
        assert isinstance(receipt, PostgresReceipt)
    return receipt.number


def test_after_a_crash_a_number_that_another_transaction_got_again_does_not_prove_a_write(
    crashing: PostgresServer,
) -> None:
    opened = open_catalog(crashing.url(crashing.create()))
    number_of(opened)
    connection = opened._engine.connect()
    connection.execute(sa.insert(tables.meta), {"key": "a", "value": "1"})
    receipt = PostgresTransaction(connection).receipt()
    assert isinstance(receipt, PostgresReceipt)
    crashing.stop()
    connection.invalidate()
    connection.close()
    crashing.start()
    with opened.read() as later:
        assert receipt.outcome(later.sql) is TransactionOutcome.UNDONE  # no transaction has the number yet
    assert number_of(opened) == receipt.number
    with opened.read() as later:
        assert receipt.outcome(later.sql) is TransactionOutcome.UNKNOWN
    assert found(opened) is None
    opened.close()


def test_a_restart_without_a_crash_leaves_numbers_their_meaning(crashing: PostgresServer) -> None:
    opened = open_catalog(crashing.url(crashing.create()))
    with opened.write(Lock.hub()) as tx:
        hub_metadata.put_first(tx, "a", "1")
        receipt = tx._transaction.receipt()
        assert receipt is not None
    crashing.stop(signal.SIGINT)
    crashing.start()
    with opened.read() as later:
        assert receipt.outcome(later.sql) is TransactionOutcome.APPLIED
    opened.close()


def test_a_last_check_sees_what_transactions_with_other_locks_have_written(opened: Catalog) -> None:
    met = threading.Barrier(2)

    def add(number: int) -> bool:
        try:
            with opened.write(Lock.repo(number)) as tx:
                jobs.enqueue(tx, f"kind{number}", {}, 1)
                met.wait(timeout=240)

                def check() -> None:
                    if len(jobs.find(tx)) > 1:
                        raise Busy("the sum")

                tx.check_last(Lock.quota(1), check)
        except Busy:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(add, range(2))) == [False, True]
    with opened.read() as tx:
        assert len(jobs.find(tx)) == 1

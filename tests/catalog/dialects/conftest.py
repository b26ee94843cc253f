from __future__ import annotations

from collections.abc import Iterator

import pytest

from entrepot.catalog import Catalog, open_catalog
from tests.support.postgres import PostgresServer


@pytest.fixture
def url(postgres: PostgresServer) -> Iterator[str]:
    made = postgres.create_with_tables()
    yield made
    postgres.drop(made)


@pytest.fixture
def opened(url: str) -> Iterator[Catalog]:
    """Return a catalog with one connection, so that every transaction is on it."""
    catalog = open_catalog(url, pool_size=1)
    yield catalog
    catalog.close()

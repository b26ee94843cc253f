from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from entrepot.settings import Settings
from tests.support.postgres import PostgresServer
from tests.support.s3_server import S3Server

NUMBERS = itertools.count()


@pytest.fixture
def elsewhere(
    tmp_path: Path, postgres: PostgresServer, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Settings]:
    """Settings of a hub on an empty PostgreSQL database and in an empty bucket."""
    for name, value in s3_server.environ().items():
        monkeypatch.setenv(name, value)
    url = postgres.create_with_tables()
    store = f"s3://shared/elsewhere{os.getpid()}x{next(NUMBERS)}?endpoint={s3_server.url}"
    yield Settings(data=tmp_path / "elsewhere", database=url, store=store)
    postgres.drop(url)

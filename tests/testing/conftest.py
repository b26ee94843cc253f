"""Hubs of these tests start as those of users do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.warm_servers import cold_servers


@pytest.fixture(scope="module", autouse=True)
def as_users_start_them() -> Iterator[None]:
    with cold_servers():
        yield

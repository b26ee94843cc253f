from __future__ import annotations

import pathlib
from collections.abc import Callable

import pytest

from entrepot.blobs import Blobs, LocalBlobs
from tests.support.guarded_blobs import GuardedLocalBlobs

# All stores that test_interfaces.py checks: add new ones here.
STORES: dict[str, Callable[[pathlib.Path], Blobs]] = {
    "local": lambda folder: LocalBlobs(folder),
    "local-guarded": lambda folder: GuardedLocalBlobs(LocalBlobs(folder), lambda: False),
}


@pytest.fixture(params=STORES)
def blobs(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> Blobs:
    return STORES[request.param](tmp_path / "store")


@pytest.fixture
def root(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "store"


@pytest.fixture
def local(root: pathlib.Path) -> LocalBlobs:
    return LocalBlobs(root)

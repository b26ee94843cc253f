from __future__ import annotations

import itertools
import pathlib
from collections.abc import Callable

import pytest
from obstore.store import MemoryStore

from entrepot.blobs import Blobs, LocalBlobs
from entrepot.blobs.s3.buckets import S3Bucket
from entrepot.blobs.s3.locations import S3Location
from entrepot.blobs.s3.opening import open_bucket
from entrepot.blobs.s3.stores import S3Blobs
from tests.support.guarded_blobs import GuardedLocalBlobs
from tests.support.moto_server import MotoServer
from tests.support.s3_server import S3Server

CACHE = 64 << 20
NUMBERS = itertools.count()


def on_seaweedfs(request: pytest.FixtureRequest, folder: pathlib.Path) -> Blobs:
    return S3Blobs(seaweed_bucket(request.getfixturevalue("s3_server")), folder, CACHE)


def on_moto(request: pytest.FixtureRequest, folder: pathlib.Path) -> Blobs:
    server: MotoServer = request.getfixturevalue("moto_server")
    location = S3Location("moto", f"p{next(NUMBERS)}", server.url)
    return S3Blobs(open_bucket(location, server.environ(), folder), folder, CACHE)


def seaweed_bucket(server: S3Server, *, url: str | None = None) -> S3Bucket:
    """Return a new prefix of the shared bucket, reached directly or through a proxy."""
    location = S3Location("shared", f"p{next(NUMBERS)}", url or server.url)
    return open_bucket(location, server.environ(), server.home)


# All stores that test_interfaces.py checks: add new ones here.
STORES: dict[str, Callable[[pytest.FixtureRequest, pathlib.Path], Blobs]] = {
    "local": lambda _request, folder: LocalBlobs(folder),
    "local-guarded": lambda _request, folder: GuardedLocalBlobs(LocalBlobs(folder), lambda: False),
    "memory": lambda _request, folder: S3Blobs(S3Bucket(MemoryStore(), "memory", "p/"), folder, CACHE),
    "seaweedfs": on_seaweedfs,
    "moto": on_moto,
}


@pytest.fixture(params=STORES)
def blobs(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> Blobs:
    if request.param == "moto" and "simultaneous" in request.node.name:
        pytest.skip("moto looks at the condition of a write and writes in two steps")
    return STORES[request.param](request, tmp_path / "store")


@pytest.fixture
def root(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "store"


@pytest.fixture
def local(root: pathlib.Path) -> LocalBlobs:
    return LocalBlobs(root)

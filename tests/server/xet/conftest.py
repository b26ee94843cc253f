"""A chunk store behind a real server, and hand-built uploads that can also be invalid."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from entrepot.hub.accounts import accounts
from entrepot.hub.context import open_hub
from entrepot.server.app import make_app
from entrepot.settings import Settings
from entrepot.xet import FileBlock, Term, Xorb
from tests.support.chunk_store import _CHUNK, _NUMBERS, Clock, Store, Upload, file_of, upload_of
from tests.support.running_apps import running


@contextlib.contextmanager
def opened(folder: Path, **settings: Any) -> Iterator[Store]:
    clock = Clock()
    hub = attrs.evolve(open_hub(Settings(data=folder / "data", **settings), fsync=False), now_ms=clock)
    tokens = {}
    for name in ("alice", "bob"):
        accounts.create_user(hub, name)
        tokens[name] = accounts.create_token(hub, name, role="write").secret
    try:
        with running(make_app(hub)) as address:
            yield Store(hub, address.url, clock, tokens)
    finally:
        hub.close()


@pytest.fixture(scope="module")
def opened_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with opened(tmp_path_factory.mktemp("store")) as found:
        yield found


@pytest.fixture
def store(opened_store: Store) -> Iterator[Store]:
    yield opened_store
    opened_store.clock.ahead_s = 0


@pytest.fixture(scope="module")
def strict_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A hub whose namespaces share no chunks."""
    with opened(tmp_path_factory.mktemp("strict"), dedup_scope="namespace") as found:
        yield found


@pytest.fixture(scope="module")
def shared_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A hub that shares every chunk."""
    with opened(tmp_path_factory.mktemp("shared"), dedup_scope="hub") as found:
        yield found


@pytest.fixture
def content() -> bytes:
    """Return content of six chunks that no other test uses."""
    return random.Random(next(_NUMBERS)).randbytes(6 * _CHUNK - 1000)


@pytest.fixture
def make_upload() -> Callable[[bytes], Upload]:
    return upload_of


@pytest.fixture
def make_file() -> Callable[[list[Term], Xorb, bytes], FileBlock]:
    return file_of

"""A complete hub on a loopback port, with the real application, server and data folder."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from entrepot.hub.accounts import accounts
from entrepot.hub.context import HubContext, open_hub
from entrepot.server.app import make_app
from entrepot.settings import Settings
from tests.support.running_apps import running
from tests.support.site import Committer, Site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with opened(tmp_path_factory.mktemp("hub")) as hub, running(make_app(hub)) as address:
        for user in ("alice", "bob"):
            accounts.create_user(hub, user)
        tokens = [
            accounts.create_token(hub, user, role=role).secret
            for user, role in (("alice", "write"), ("alice", "read"), ("bob", "write"))
        ]
        yield Site(hub, f"http://{address.ip}:{address.port}", *tokens)


@contextlib.contextmanager
def opened(folder: Path) -> Iterator[HubContext]:
    hub = open_hub(
        Settings(data=folder, port=0, trusted_proxies=("127.0.0.1",), allowed_hosts=("hub.example",)), fsync=False
    )
    try:
        yield hub
    finally:
        hub.close()


@pytest.fixture
def alice(site: Site) -> Iterator[httpx2.Client]:
    with site.client(site.alice) as client:
        yield client


@pytest.fixture
def stranger(site: Site) -> Iterator[httpx2.Client]:
    with site.client(site.bob) as client:
        yield client


@pytest.fixture
def anonymous(site: Site) -> Iterator[httpx2.Client]:
    with site.client(None) as client:
        yield client


@pytest.fixture
def committer(alice: httpx2.Client) -> Committer:
    return Committer(alice)

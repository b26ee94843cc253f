"""Shared fixtures of the client tests: git with a separate configuration, and a remote in a folder."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from entrepot.client.hubs import Hub
from entrepot.client.paths import read_paths
from entrepot.testing.hubs import RunningHub
from tests.support.faulty_hub import FaultyHub, _FaultyHandler
from tests.support.git_remote import GitRemote
from tests.support.library import Library
from tests.support.progress import RecordedProgress
from tests.support.relay import Relay
from tests.support.uploader import Uploader


@pytest.fixture
def git_remote(tmp_path: Path) -> GitRemote:
    return GitRemote(tmp_path / "desk")


@pytest.fixture
def library(entrepot_hub: RunningHub, tmp_path: Path) -> Iterator[Library]:
    settings = {"ENTREPOT_ENDPOINT": entrepot_hub.url, "ENTREPOT_HOME": str(tmp_path / "home")}
    hub = Hub(read_paths(settings), token=entrepot_hub.token)
    yield Library(entrepot_hub, hub)
    hub.close()


@pytest.fixture
def faulty_hub() -> Iterator[FaultyHub]:
    data = bytes(range(256)) * 4096
    server = ThreadingHTTPServer(("127.0.0.1", 0), _FaultyHandler)
    server.daemon_threads = True
    stand = FaultyHub(f"http://127.0.0.1:{server.server_port}", data, hashlib.sha256(data).hexdigest())
    server.stand = stand  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield stand
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def recorded_progress() -> RecordedProgress:
    return RecordedProgress()


@pytest.fixture
def faulty_hub_client(faulty_hub: FaultyHub, tmp_path: Path) -> Iterator[Hub]:
    hub = Hub(read_paths({"ENTREPOT_ENDPOINT": faulty_hub.url, "ENTREPOT_HOME": str(tmp_path / "home")}), token=False)
    yield hub
    hub.close()


# --- uploads ---------------------------------------------------------------------


@pytest.fixture
def uploader(tmp_path: Path, entrepot_hub: RunningHub) -> Iterator[Uploader]:
    (tmp_path / "files").mkdir()
    given = {
        "ENTREPOT_ENDPOINT": entrepot_hub.url,
        "ENTREPOT_TOKEN": entrepot_hub.token,
        "ENTREPOT_HOME": str(tmp_path / "home"),
    }
    hub = Hub(read_paths(given))
    yield Uploader(entrepot_hub, hub, tmp_path / "files")
    hub.close()


@pytest.fixture
def relay(entrepot_hub: RunningHub) -> Iterator[Relay]:
    state = Relay(entrepot_hub.url)
    yield state
    state.close()

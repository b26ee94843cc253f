"""Shared fixtures of the client tests: git with a separate configuration, and a remote in a folder."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from entrepot.client.hubs import Hub
from entrepot.client.paths import places
from entrepot.testing.hubs import RunningHub
from tests.support.faulty_hub import Stall, _StallHandler
from tests.support.git_remote import GitDesk
from tests.support.library import Library
from tests.support.progress import Tally
from tests.support.relay import Relay
from tests.support.uploader import Quay


@pytest.fixture
def git_desk(tmp_path: Path) -> GitDesk:
    return GitDesk(tmp_path / "desk")


@pytest.fixture
def library(entrepot_hub: RunningHub, tmp_path: Path) -> Iterator[Library]:
    settings = {"ENTREPOT_ENDPOINT": entrepot_hub.url, "ENTREPOT_HOME": str(tmp_path / "home")}
    hub = Hub(places(settings), token=entrepot_hub.token)
    yield Library(entrepot_hub, hub)
    hub.close()


@pytest.fixture
def stall() -> Iterator[Stall]:
    data = bytes(range(256)) * 4096
    server = ThreadingHTTPServer(("127.0.0.1", 0), _StallHandler)
    server.daemon_threads = True
    stand = Stall(f"http://127.0.0.1:{server.server_port}", data, hashlib.sha256(data).hexdigest())
    server.stand = stand  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield stand
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def tally() -> Tally:
    return Tally()


@pytest.fixture
def stall_hub(stall: Stall, tmp_path: Path) -> Iterator[Hub]:
    hub = Hub(places({"ENTREPOT_ENDPOINT": stall.url, "ENTREPOT_HOME": str(tmp_path / "home")}), token=False)
    yield hub
    hub.close()


# --- uploads ---------------------------------------------------------------------


@pytest.fixture
def quay(tmp_path: Path, entrepot_hub: RunningHub) -> Iterator[Quay]:
    (tmp_path / "files").mkdir()
    given = {
        "ENTREPOT_ENDPOINT": entrepot_hub.url,
        "ENTREPOT_TOKEN": entrepot_hub.token,
        "ENTREPOT_HOME": str(tmp_path / "home"),
    }
    hub = Hub(places(given))
    yield Quay(entrepot_hub, hub, tmp_path / "files")
    hub.close()


@pytest.fixture
def relay(entrepot_hub: RunningHub) -> Iterator[Relay]:
    state = Relay(entrepot_hub.url)
    yield state
    state.close()

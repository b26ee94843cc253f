"""Fixtures that point this process at the hub of the test."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from huggingface_hub import CommitOperationAdd
from huggingface_hub import HfApi as Oracle

from entrepot import HubApi
from entrepot.testing.hubs import RunningHub


@pytest.fixture
def api(entrepot_hub: RunningHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> HubApi:
    """The shared hub as ``tester``, with an empty home folder."""
    monkeypatch.setenv("ENTREPOT_HOME", str(tmp_path / "home"))
    return HubApi(entrepot_hub.url, entrepot_hub.token)


@pytest.fixture
def at_hub(entrepot_hub: RunningHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunningHub:
    """The shared hub. Module-level functions use it as ``tester``; the current folder is empty."""
    return settle(entrepot_hub, tmp_path, monkeypatch)


@pytest.fixture
def at_fresh_hub(entrepot_fresh_hub: RunningHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunningHub:
    """Like ``at_hub``, but with a separate hub that the test can stop."""
    return settle(entrepot_fresh_hub, tmp_path, monkeypatch)


def settle(hub: RunningHub, folder: Path, monkeypatch: pytest.MonkeyPatch) -> RunningHub:
    """Point this process at a hub."""
    for name, value in {**hub.environ(), "ENTREPOT_HOME": str(folder / "entrepot-home")}.items():
        monkeypatch.setenv(name, value)
    work = folder / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return hub


@pytest.fixture
def oracle(entrepot_hub: RunningHub) -> Oracle:
    """A second client that reads the state of the hub."""
    return Oracle(endpoint=entrepot_hub.url, token=entrepot_hub.token)


@pytest.fixture
def fresh_name(request: pytest.FixtureRequest) -> str:
    """Return an unused repository id in the namespace ``tester``."""
    words = request.node.name.split("[")[0].removeprefix("test_")[:60].strip("_").replace("_", "-")
    return f"tester/{words}-{os.urandom(3).hex()}"


@pytest.fixture
def client_home(at_hub: RunningHub, tmp_path: Path) -> Path:
    """Return the folder in which this process caches downloads from the shared hub."""
    return tmp_path / "entrepot-home"


@pytest.fixture
def write_repo(oracle: Oracle, fresh_name: str) -> Callable[[dict[str, bytes]], str]:
    """Return a function that creates the repository of the test with these files and returns its id."""

    def write(files: dict[str, bytes]) -> str:
        oracle.create_repo(fresh_name)
        operations = [CommitOperationAdd(path, data) for path, data in files.items()]
        oracle.create_commit(fresh_name, operations, commit_message="write")
        return fresh_name

    return write

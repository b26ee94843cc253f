"""A process that is set up for the hub of the test."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from huggingface_hub import CommitOperationAdd
from huggingface_hub import HfApi as Oracle

from entrepot.testing.hubs import RunningHub


@pytest.fixture
def at_hub(entrepot_hub: RunningHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunningHub:
    """The shared hub; module functions use it, as ``tester``, from an empty folder."""
    return settle(entrepot_hub, tmp_path, monkeypatch)


@pytest.fixture
def at_fresh_hub(entrepot_fresh_hub: RunningHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunningHub:
    """As ``at_hub``, but a hub of one's own, which may be stopped."""
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
    """Another client, which says what the hub has."""
    return Oracle(endpoint=entrepot_hub.url, token=entrepot_hub.token)


@pytest.fixture
def fresh_name(request: pytest.FixtureRequest) -> str:
    """``tester/…``, which no repository has yet."""
    words = request.node.name.split("[")[0].removeprefix("test_")[:60].strip("_").replace("_", "-")
    return f"tester/{words}-{os.urandom(3).hex()}"


@pytest.fixture
def client_home(at_hub: RunningHub, tmp_path: Path) -> Path:
    """Where this process keeps what it downloads from the shared hub."""
    return tmp_path / "entrepot-home"


@pytest.fixture
def write_repo(oracle: Oracle, fresh_name: str) -> Callable[[dict[str, bytes]], str]:
    """Makes the repository of the test with these files; its id."""

    def write(files: dict[str, bytes]) -> str:
        oracle.create_repo(fresh_name)
        operations = [CommitOperationAdd(path, data) for path, data in files.items()]
        oracle.create_commit(fresh_name, operations, commit_message="write")
        return fresh_name

    return write

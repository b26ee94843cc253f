"""A session of the dialect at a real hub, without one of the user who runs the tests."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from entrepot import ah
from entrepot.ah import sessions
from entrepot.ah.sessions import HubSession
from entrepot.testing.hubs import RunningHub


@pytest.fixture(autouse=True)
def fresh_session(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Begin and end without a session, with a home that has no file of the T9k SDK."""
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.delenv("T9K_CONFIG", raising=False)
    monkeypatch.setattr(sessions, "_STATE", sessions._State())


@pytest.fixture
def at_hub(entrepot_hub: RunningHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunningHub:
    """The shared hub. The functions use it as ``tester``; the current folder is empty."""
    for name, value in {**entrepot_hub.environ(), "ENTREPOT_HOME": str(tmp_path / "home")}.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return entrepot_hub


@pytest.fixture
def fresh_folder(at_hub: RunningHub) -> str:
    """Return the name of an unused folder of ``tester``."""
    return f"f{os.urandom(4).hex()}"


@pytest.fixture
def fresh_model(fresh_folder: str) -> str:
    """Create a model in a new folder and return its path: ``model/f…/gpt2``."""
    ah.create(f"model/{fresh_folder}/gpt2")
    return f"model/{fresh_folder}/gpt2"


@pytest.fixture
def session_of(at_hub: RunningHub) -> Callable[[str], HubSession]:
    """Return a function that opens a session of another user."""

    def open_for(name: str) -> HubSession:
        return sessions.opened(at_hub.url, api_key=at_hub.user(name).token)

    return open_for

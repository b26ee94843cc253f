"""A file system on a real hub, and a second client that reads the state of the hub."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx2
import pytest
from huggingface_hub import HfApi

from entrepot.fs.filesystem import EntrepotFileSystem
from entrepot.testing.hubs import RunningHub
from tests.support.hub_files import HubFiles


@pytest.fixture
def hub_files(entrepot_hub: RunningHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> HubFiles:
    monkeypatch.setenv("ENTREPOT_HOME", str(tmp_path / "home"))
    fs = EntrepotFileSystem(entrepot_hub.url, entrepot_hub.token, skip_instance_cache=True)
    return HubFiles(entrepot_hub, fs, HfApi(endpoint=entrepot_hub.url, token=entrepot_hub.token))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the paths of all requests that this process sends.

    The server's log is no substitute, because it may be written later.
    """
    paths: list[str] = []
    send = httpx2.Client.send

    def noted(client: httpx2.Client, request: httpx2.Request, **options: Any) -> httpx2.Response:
        paths.append(request.url.path)
        return send(client, request, **options)

    monkeypatch.setattr(httpx2.Client, "send", noted)
    return paths

"""Bodies that change something name only what can be changed; a change that is not made is never reported as made."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

import entrepot.server
from entrepot.hub.accounts import accounts
from entrepot.hub.context import open_hub
from entrepot.server.app import make_app
from entrepot.settings import Settings
from tests.support.running_apps import running
from tests.support.served_hub import ServedHub

_API = json.loads((Path(entrepot.server.__file__).parent / "openapi.json").read_text(encoding="utf-8"))


def _changes() -> list[tuple[str, str]]:
    found = [
        (method, path)
        for path, methods in _API["paths"].items()
        for method, described in methods.items()
        if "application/json" in described.get("requestBody", {}).get("content", {})
        and (method in ("put", "patch") or path.startswith("/api/admin/"))
    ]
    assert len(found) > 15
    return found


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedHub]:
    hub = open_hub(Settings(data=tmp_path_factory.mktemp("fields") / "data", port=0), fsync=False)
    try:
        accounts.create_user(hub, "alice", is_admin=True)
        secret = accounts.create_token(hub, "alice", role="write").secret
        with running(make_app(hub)) as address:
            yield ServedHub(hub, f"http://{address.ip}:{address.port}", secret, "", "")
    finally:
        hub.close()


@pytest.fixture
def alice(site: ServedHub) -> Iterator[httpx2.Client]:
    with site.client(site.alice) as client:
        yield client


@pytest.mark.parametrize(("method", "path"), _changes())
def test_an_unknown_field_is_refused_in_words(alice: httpx2.Client, method: str, path: str) -> None:
    place = re.sub(r"\{[^}]*\}", "x", path.replace("{type}", "models").replace("{num}", "1"))
    answer = alice.request(method.upper(), place, json={"nonsense": True})
    assert answer.status_code == 400, answer.text
    assert "this hub has no field 'nonsense' here; nothing was changed; known fields: " in answer.text


def test_the_known_fields_are_not_set_either(alice: httpx2.Client, site: ServedHub) -> None:
    repo = site.repo("half").id
    answer = alice.put(f"/api/models/{repo}/settings", json={"private": True, "frozen": True})
    assert answer.status_code == 400
    assert "'frozen'" in answer.json()["error"]
    assert "discussionsDisabled" in answer.json()["error"]
    assert alice.get(f"/api/models/{repo}").json()["private"] is False


def test_a_creation_may_have_fields_that_mean_nothing_here(alice: httpx2.Client) -> None:
    body = {"name": "with-more", "type": "model", "resourceGroupId": None, "storageTier": "large"}
    assert alice.post("/api/repos/create", json=body).status_code == 200

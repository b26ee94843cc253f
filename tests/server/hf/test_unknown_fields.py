"""Bodies that change something name only what can be changed; a change that is not made is never reported as made."""

from __future__ import annotations

import json
import re
from pathlib import Path

import httpx2
import pytest

import entrepot.server
from entrepot.hub.accounts import accounts
from tests.support.site import Site

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
def admin(site: Site) -> httpx2.Client:
    accounts.create_user(site.hub, "boss", is_admin=True)
    return site.client(accounts.create_token(site.hub, "boss", role="write").secret)


@pytest.mark.parametrize(("method", "path"), _changes())
def test_an_unknown_field_is_refused_in_words(admin: httpx2.Client, method: str, path: str) -> None:
    place = re.sub(r"\{[^}]*\}", "x", path.replace("{type}", "models").replace("{num}", "1"))
    answer = admin.request(method.upper(), place, json={"nonsense": True})
    assert answer.status_code == 400, answer.text
    assert "this hub has no field 'nonsense' here; nothing was changed; known fields: " in answer.text


def test_the_known_fields_are_not_set_either(alice: httpx2.Client, site: Site) -> None:
    repo = site.new_repo()
    answer = alice.put(f"/api/models/{repo}/settings", json={"private": True, "archived": True})
    assert answer.status_code == 400
    assert "'archived'" in answer.json()["error"]
    assert "discussionsDisabled" in answer.json()["error"]
    assert alice.get(f"/api/models/{repo}").json()["private"] is False


def test_a_creation_may_have_fields_that_mean_nothing_here(alice: httpx2.Client) -> None:
    body = {"name": "with-more", "type": "model", "resourceGroupId": None, "storageTier": "large"}
    assert alice.post("/api/repos/create", json=body).status_code == 200

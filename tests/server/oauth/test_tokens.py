from __future__ import annotations

import importlib.util
from typing import Any

import httpx2
import pytest

from entrepot.catalog.accounts import accounts as rows
from entrepot.hub import callers
from entrepot.hub.accounts import devices
from tests.support.served_hub import ServedHub

CLIENT = "a-program"
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"


def accept(world: ServedHub, user_code: str) -> None:
    with world.hub.read() as tx:
        account = rows.find(tx, "alice")
        assert account is not None
        caller = callers.acting_as(tx, account)
    devices.decide(world.hub, caller, user_code, accepts=True)


def begin(client: httpx2.Client) -> dict[str, Any]:
    found: dict[str, Any] = client.post("/oauth/device", data={"client_id": CLIENT}).json()
    return found


def ask(client: httpx2.Client, **fields: str) -> httpx2.Response:
    return client.post("/oauth/token", data={"client_id": CLIENT, **fields})


def test_a_program_signs_in_and_renews_its_access(world: ServedHub) -> None:
    with world.client() as client:
        begun = begin(client)
        code = {"grant_type": DEVICE, "device_code": begun["device_code"]}
        waiting = ask(client, **code)
        assert (waiting.status_code, waiting.json()["error"]) == (400, "authorization_pending")
        accept(world, begun["user_code"])
        issued = ask(client, **code)
        assert issued.status_code == 200
        assert issued.headers["cache-control"] == "no-store"
        assert set(issued.json()) == {"access_token", "token_type", "expires_in", "refresh_token"}
        assert issued.json()["token_type"] == "bearer"
        assert 0 < issued.json()["expires_in"] <= 2_592_000
        refreshed = ask(client, grant_type="refresh_token", refresh_token=issued.json()["refresh_token"])
        assert refreshed.status_code == 200
        unknown = ask(client, grant_type="refresh_token", refresh_token="made up")
        assert (unknown.status_code, unknown.json()["error"]) == (400, "invalid_grant")
    with world.client(refreshed.json()["access_token"]) as client:
        found = client.get("/api/whoami-v2").json()
        assert found["name"] == "alice"
        assert found["auth"]["type"] == "oauth"
        assert found["auth"]["expiresAt"].endswith("Z")
        assert "accessToken" not in found["auth"]
        listed = client.get("/api/settings/tokens").json()
        assert [item["displayName"] for item in listed].count(CLIENT) == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"grant_type": DEVICE},
        {"grant_type": DEVICE, "device_code": "x", "client_id": ""},
        {"grant_type": "refresh_token"},
        {"grant_type": "refresh_token", "refresh_token": "x", "client_id": ""},
    ],
)
def test_missing_fields_are_named(world: ServedHub, fields: dict[str, str]) -> None:
    with world.client() as client:
        answer = ask(client, **fields)
    assert answer.json()["error"] == "invalid_request"
    assert "is missing" in answer.json()["error_description"]


def test_scopes_cannot_be_changed(world: ServedHub) -> None:
    with world.client() as client:
        answer = ask(client, grant_type="refresh_token", refresh_token="x", scope="read")
    assert answer.json()["error"] == "invalid_scope"


def test_only_post_is_answered(world: ServedHub) -> None:
    with world.client() as client:
        assert {client.get(path).status_code for path in ("/oauth/token", "/oauth/device")} == {405}


EXCHANGE = {
    "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
    "subject_token_type": "urn:ietf:params:oauth:token-type:id_token",
    "subject_token": "x",
    "resource": "alice/m",
}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"subject_token": ""}, "'subject_token' is missing"),
        ({"resource": ""}, "'resource' is missing"),
        ({"subject_token_type": "urn:ietf:params:oauth:token-type:saml2"}, "'subject_token_type' is not"),
        ({"requested_token_type": "urn:ietf:params:oauth:token-type:refresh_token"}, "'requested_token_type' is not"),
        ({"audience": "https://x"}, "leave 'audience' out"),
        ({"scope": "write"}, "leave 'scope' out"),
        ({"actor_token": "x"}, "leave 'actor_token' out"),
        ({}, "base_url"),
    ],
)
def test_an_exchange_that_cannot_be_made_says_why(world: ServedHub, change: dict[str, str], why: str) -> None:
    with world.client() as client:
        for answer in (
            client.post("/oauth/token", json=EXCHANGE | change),
            client.post("/oauth/token", data=EXCHANGE | change),
        ):
            assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
            assert why in answer.json()["error_description"]
            assert answer.headers["cache-control"] == "no-store"


def test_without_the_library_an_exchange_says_what_to_install(
    world: ServedHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with world.client() as client:
        answer = client.post("/oauth/token", json=EXCHANGE)
    assert answer.status_code == 501
    assert "entrepot[server,sso]" in answer.json()["error_description"]

from __future__ import annotations

import pytest

from entrepot.hub.accounts import devices
from tests.support.served_hub import ServedHub


def test_errors_have_a_word_and_a_sentence_and_are_not_cached(world: ServedHub) -> None:
    with world.client() as client:
        answer = client.post("/oauth/token", data={"grant_type": "password"})
    assert answer.status_code == 400
    assert answer.json() == {
        "error": "unsupported_grant_type",
        "error_description": answer.json()["error_description"],
    }
    assert "urn:ietf:params:oauth:grant-type:device_code" in answer.json()["error_description"]
    assert answer.headers["cache-control"] == "no-store"


def test_too_many_waiting_programs_are_told_to_come_back(world: ServedHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "MAX_PER_NETWORK", 0)
    with world.client() as client:
        answer = client.post("/oauth/device", data={"client_id": "a-program"})
    assert answer.status_code == 503
    assert answer.json()["error"] == "temporarily_unavailable"
    assert answer.headers["retry-after"]


def test_pages_of_other_sites_can_use_the_endpoints_without_cookies(world: ServedHub) -> None:
    with world.client(origin="https://app.example") as client:
        answer = client.post("/oauth/device", data={"client_id": "a-program"})
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers

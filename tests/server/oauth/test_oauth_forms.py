from __future__ import annotations

import pytest

from tests.support.served_hub import ServedHub

FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("kind", "body", "reason"),
    [
        (FORM, b"", "the field 'grant_type' is missing"),
        (FORM, b"grant_type=", "the field 'grant_type' is missing"),
        (FORM, b"grant_type=a&grant_type=b", "a field occurs twice"),
        (FORM, b"\xff", "the body is not a form"),
        (FORM, b"&".join(b"a%d=1" % number for number in range(60)), "the body is not a form"),
        ("application/json", b"[]", "not a JSON object"),
        ("application/json", b'{"grant_type": 1}', "not a JSON object"),
        ("application/json", b"{", "not a JSON object"),
        ("application/json", b"\xff", "not a JSON object"),
        ("application/json", b"{}", "the field 'grant_type' is missing"),
    ],
)
def test_a_body_that_cannot_be_read_is_an_invalid_request(
    world: ServedHub, kind: str, body: bytes, reason: str
) -> None:
    with world.client(**{"content-type": kind}) as client:
        answer = client.post("/oauth/token", content=body)
    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_request"
    assert reason in answer.json()["error_description"]


def test_fields_may_be_json(world: ServedHub) -> None:
    with world.client() as client:
        answer = client.post("/oauth/device", json={"client_id": "a-program"})
        assert answer.status_code == 200
        fields = {"grant_type": "urn:ietf:params:oauth:grant-type:device_code", "client_id": "a-program"}
        answer = client.post("/oauth/token", json={**fields, "device_code": answer.json()["device_code"]})
    assert answer.json()["error"] == "authorization_pending"


def test_a_body_that_is_too_large_is_refused(world: ServedHub) -> None:
    with world.client() as client:
        answer = client.post("/oauth/token", data={"grant_type": "x" * 70_000})
    assert answer.status_code == 413
    assert answer.json()["error"] == "invalid_request"

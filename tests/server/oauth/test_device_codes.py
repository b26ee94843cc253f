from __future__ import annotations

from tests.support.served_hub import ServedHub


def test_a_program_gets_codes_and_the_address_of_the_page(world: ServedHub) -> None:
    with world.client(authorization="Bearer hf_revoked") as client:  # a stale token does not matter
        answer = client.post("/oauth/device", data={"client_id": "26be6b09-91c5-47da-9861-d2d2bb7a7e36"})
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    found = answer.json()
    page = f"{world.url}/-/device"
    assert found.pop("device_code") != found["user_code"]
    assert found == {
        "user_code": found["user_code"],
        "verification_uri": page,
        "verification_uri_complete": f"{page}?user_code={found['user_code']}",
        "expires_in": 900,
        "interval": 5,
    }


def test_the_page_has_the_address_that_the_client_uses(world: ServedHub) -> None:
    with world.client(**{"x-forwarded-host": "hub.example", "x-forwarded-proto": "https"}) as client:
        answer = client.post("/oauth/device", data={"client_id": "a-program"})
    assert answer.json()["verification_uri"] == "https://hub.example/-/device"


def test_a_client_must_say_what_it_is_and_cannot_limit_itself(world: ServedHub) -> None:
    with world.client() as client:
        for data, word in (
            ({}, "invalid_request"),
            ({"client_id": "a b"}, "invalid_client"),
            ({"client_id": "x", "scope": "read"}, "invalid_scope"),
        ):
            answer = client.post("/oauth/device", data=data)
            assert (answer.status_code, answer.json()["error"]) == (400, word)

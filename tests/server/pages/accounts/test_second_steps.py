from __future__ import annotations

import html
import re

import httpx2
import pytest

from entrepot.hub.accounts import accounts
from entrepot.hub.limits.attempts import PER_ACCOUNT
from tests.server.pages.conftest import PASSWORD, browse, field_of
from tests.support.second_factors import App, add_app
from tests.support.served_hub import ServedHub


def user_with_app(site: ServedHub, name: str) -> App:
    accounts.create_user(site.hub, name, password=PASSWORD)
    return add_app(site.hub, name, PASSWORD)


def enter_password(client: httpx2.Client, name: str, target: str = "/settings/profile") -> str:
    answer = client.post("/login", data={"name": name, "password": PASSWORD, "next": target})
    assert answer.status_code == 200
    assert "Enter a code" in answer.text
    assert "set-cookie" not in answer.headers
    assert answer.headers["cache-control"] == "no-store"
    return field_of(answer.text, "proof")


def enter_code(client: httpx2.Client, proof: str, code: str) -> httpx2.Response:
    return client.post("/login/code", data={"proof": proof, "code": code, "next": "/settings/profile"})


def test_the_password_alone_reaches_nothing_and_the_code_goes_on_to_the_page(site: ServedHub) -> None:
    app = user_with_app(site, "two-steps")
    with browse(site) as client:
        proof = enter_password(client, "two-steps")
        for path in ("/settings/profile", "/settings/security", "/settings/tokens", "/new"):
            assert client.get(path).status_code == 401
        for value in (proof, f"Bearer {proof}"):
            assert client.get("/api/whoami-v2", headers={"authorization": value}).status_code == 401
        client.cookies.set("entrepot_session", proof)
        assert client.get("/settings/profile").status_code == 401
        client.cookies.clear()
        answer = enter_code(client, proof, app.codes[0])
        assert (answer.status_code, answer.url.path) == (200, "/settings/profile")
        assert "a password and a recovery code" in client.get("/settings/sessions").text


def test_a_recovery_code_fits_into_every_field(site: ServedHub) -> None:
    app = user_with_app(site, "fitting")
    with browse(site) as client:
        answer = client.post("/login", data={"name": "fitting", "password": PASSWORD})
        limits = re.findall(r'<input[^>]* name="code"[^>]* maxlength="(\d+)"', answer.text)
        assert len(limits) == 2
        assert min(int(limit) for limit in limits) >= len(app.codes[0])


def test_a_code_that_was_used_is_refused_in_another_browser_too(site: ServedHub) -> None:
    app = user_with_app(site, "replayed")
    with browse(site) as client, browse(site) as other:
        proof = enter_password(client, "replayed")
        code = app.shows(site.hub, 1)
        assert enter_code(client, proof, code).url.path == "/settings/profile"
        for attempt in (client, other):
            answer = enter_code(attempt, proof, code)
            assert answer.status_code == 401
            assert "was used already" in answer.text
            assert code not in re.sub(r'value="[^"]*"', "", answer.text)


def test_wrong_codes_wait_for_one_address_and_then_for_all(site: ServedHub) -> None:
    app = user_with_app(site, "guessed")
    with browse(site) as client:
        proof = enter_password(client, "guessed")
        for number in range(PER_ACCOUNT):
            client.headers["x-forwarded-for"] = f"203.0.113.{number}"
            assert enter_code(client, proof, "000 00x").status_code == 401
        client.headers["x-forwarded-for"] = "203.0.113.99"
        answer = enter_code(client, proof, app.shows(site.hub))
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) in range(1, 61)
        assert "use a recovery code" in answer.text
        assert enter_code(client, proof, app.codes[0]).url.path == "/settings/profile"


def test_one_address_waits_also_with_recovery_codes(site: ServedHub) -> None:
    app = user_with_app(site, "same-address")
    with browse(site) as client:
        client.headers["x-forwarded-for"] = "198.51.100.77"
        proof = enter_password(client, "same-address")
        for _ in range(PER_ACCOUNT):
            assert enter_code(client, proof, "a" * 16).status_code == 401
        assert enter_code(client, proof, app.codes[0]).status_code == 429
        client.headers["x-forwarded-for"] = "198.51.100.78"
        assert enter_code(client, proof, app.codes[0]).status_code == 200


@pytest.mark.parametrize("proof", ["", "x", "x.y", "é.ü", "A" * 5_000])
def test_without_the_password_there_is_no_second_step(site: ServedHub, proof: str) -> None:
    with browse(site) as client:
        answer = enter_code(client, proof, "000000")
        assert answer.status_code == 401
        assert "start again" in answer.text
        assert 'name="password"' in answer.text


def test_the_form_needs_its_own_page(site: ServedHub) -> None:
    app = user_with_app(site, "crossed")
    with browse(site) as client:
        proof = enter_password(client, "crossed")
        answer = client.post(
            "/login/code",
            data={"proof": proof, "code": app.codes[0]},
            headers={"sec-fetch-site": "cross-site"},
        )
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers
        assert enter_code(client, proof, app.codes[0]).status_code == 200


def test_a_hostile_target_leads_home(site: ServedHub) -> None:
    app = user_with_app(site, "led-away")
    with browse(site) as client:
        proof = enter_password(client, "led-away", "//evil.example")
        data = {"proof": proof, "code": app.codes[0], "next": "https://evil.example/"}
        answer = client.post("/login/code", data=data, follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, "/")


def test_names_are_not_told_apart_without_the_password(site: ServedHub) -> None:
    user_with_app(site, "hidden-factor")
    texts = set()
    with browse(site) as client:
        for name in ("hidden-factor", "no-such-user-x"):
            answer = client.post("/login", data={"name": name, "password": "wrong horse"})
            texts.add((answer.status_code, html.unescape(answer.text).replace(name, "NAME")))
    assert len({re.sub(r"[0-9a-f]{16,}", "", text) for _, text in texts}) == 1
    assert {status for status, _ in texts} == {401}

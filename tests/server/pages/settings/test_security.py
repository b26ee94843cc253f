from __future__ import annotations

import html
import re

import httpx2
import pytest

from entrepot.hub.accounts import accounts
from entrepot.hub.limits.attempts import PER_ACCOUNT
from entrepot.server.pages.settings.security import qr_code
from tests.server.pages.conftest import PASSWORD, browse, field_of
from tests.server.pages.settings.conftest import sender
from tests.support.second_factors import App, add_app, decode_secret
from tests.support.served_hub import ServedHub


def enter(client: httpx2.Client, site: ServedHub, name: str) -> None:
    accounts.create_user(site.hub, name, password=PASSWORD)
    assert client.post("/login", data={"name": name, "password": PASSWORD}).status_code == 200


def shown_codes(text: str) -> list[str]:
    return re.findall(r"\b[a-z2-7]{4}(?:-[a-z2-7]{4}){3}\b", text)


def test_an_app_is_set_up_with_its_first_code(site: ServedHub) -> None:
    with browse(site) as client:
        enter(client, site, "setting-up")
        send = sender(client)
        assert "Set up an app" in client.get("/settings/security").text
        page = send("/settings/security/app")
        assert page.headers["cache-control"] == "no-store"
        found = re.search(r'aria-label="secret for the app"><code>([A-Z2-7 ]{39})</code>', page.text)
        assert found is not None
        app = App(decode_secret(found[1]), ())
        sealed = field_of(page.text, "setup")
        wrong = send("/settings/security/app/confirm", {"setup": sealed, "code": "00000x"})
        assert wrong.status_code == 401
        assert found[1] in wrong.text
        done = send("/settings/security/app/confirm", {"setup": sealed, "code": app.shows(site.hub)})
        assert done.status_code == 200
        assert done.headers["cache-control"] == "no-store"
        codes = shown_codes(done.text)
        assert len(codes) == 10
        reloaded = send("/settings/security/app/confirm", {"setup": sealed, "code": app.shows(site.hub)})
        assert reloaded.status_code == 409
        assert "Two-step sign-in is on already." in reloaded.text
        assert "On since" in reloaded.text
        assert "Nothing has changed yet" not in reloaded.text
        again = client.get("/settings/security").text
        assert shown_codes(again) == []
        assert "10 of 10 recovery codes are left" in again
        fresh = send("/settings/security/codes", {"code": codes[0]})
        assert len(shown_codes(fresh.text)) == 10
        assert not set(shown_codes(fresh.text)) & set(codes)


def test_a_set_up_of_another_session_starts_again(site: ServedHub) -> None:
    with browse(site) as client:
        enter(client, site, "half-set-up")
        answer = sender(client)("/settings/security/app/confirm", {"setup": "x.y", "code": "000000"})
        assert answer.status_code == 401
        assert "start again" in answer.text
        assert "Set up an app" in answer.text


def test_it_is_turned_off_with_password_and_code(site: ServedHub) -> None:
    accounts.create_user(site.hub, "turning-off", password=PASSWORD)
    app = add_app(site.hub, "turning-off", PASSWORD)
    with browse(site) as client:
        step = client.post("/login", data={"name": "turning-off", "password": PASSWORD})
        client.post("/login/code", data={"proof": field_of(step.text, "proof"), "code": app.codes[0]})
        send = sender(client)
        for fields in ({"password": "wrong horse", "code": app.codes[1]}, {"password": PASSWORD, "code": app.codes[0]}):
            assert send("/settings/security/app/disable", fields).status_code in (401, 403)
        done = send("/settings/security/app/disable", {"password": PASSWORD, "code": app.codes[1]})
        assert "Two-step sign-in is off." in done.text
    with browse(site) as client:
        assert client.post("/login", data={"name": "turning-off", "password": PASSWORD}).status_code == 200
        assert client.get("/settings/security").status_code == 200


def test_wrong_passwords_wait(site: ServedHub) -> None:
    accounts.create_user(site.hub, "guesses-off", password=PASSWORD)
    app = add_app(site.hub, "guesses-off", PASSWORD)
    with browse(site) as client:
        client.headers["x-forwarded-for"] = "198.51.100.91"
        step = client.post("/login", data={"name": "guesses-off", "password": PASSWORD})
        client.post("/login/code", data={"proof": field_of(step.text, "proof"), "code": app.codes[0]})
        send = sender(client)
        for _ in range(PER_ACCOUNT):
            fields = {"password": "wrong horse", "code": app.codes[1]}
            assert send("/settings/security/app/disable", fields).status_code == 403
        fields = {"password": PASSWORD, "code": app.codes[1]}
        assert send("/settings/security/app/disable", fields).status_code == 429


@pytest.mark.parametrize(
    "path", ["/settings/security/app", "/settings/security/app/disable", "/settings/security/codes"]
)
def test_forms_need_the_token_of_the_session(signed_in: httpx2.Client, path: str) -> None:
    assert signed_in.post(path, data={"csrf": "0" * 64}).status_code == 403


def test_the_qr_code_has_no_style_and_carries_the_url() -> None:
    drawn = qr_code("otpauth://totp/hub:alice?secret=ABC")
    assert drawn.startswith("<svg ")
    assert "style" not in drawn
    assert "http" not in drawn.replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert html.unescape(drawn) == drawn

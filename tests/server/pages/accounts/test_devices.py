from __future__ import annotations

import hashlib
import re

import httpx2
import pytest

from entrepot.errors import OAuthRefused
from entrepot.hub.accounts import accounts, devices
from entrepot.hub.accounts.devices import DeviceLogin, DeviceOrigin
from entrepot.hub.limits.attempts import PER_ACCOUNT
from tests.server.pages.conftest import PASSWORD, browse
from tests.support.served_hub import ServedHub

CLIENT = "26be6b09-91c5-47da-9861-d2d2bb7a7e36"
PATH = "/-/device"


def begin(site: ServedHub, client: str = CLIENT) -> DeviceLogin:
    return devices.begin(site.hub, client, DeviceOrigin(b"here", "198.51.100.9"))


def outcome(site: ServedHub, begun: DeviceLogin, client: str = CLIENT) -> str:
    try:
        return devices.poll(site.hub, client, begun.device_code).access_token[:3]
    except OAuthRefused as refused:
        return refused.code


def csrf(client: httpx2.Client) -> str:
    found = re.search(r'name="csrf" value="([0-9a-f]{64})"', client.get(PATH).text)
    assert found is not None
    return found[1]


def test_a_program_is_shown_and_then_accepted(site: ServedHub, signed_in: httpx2.Client) -> None:
    begun = begin(site)
    page = signed_in.get(f"{PATH}?user_code={begun.user_code}")
    assert page.status_code == 200
    assert f'value="{begun.user_code}"' in page.text
    assert 'name="decision"' not in page.text, "opening an address leads to no button that accepts"
    form = {"csrf": csrf(signed_in), "user_code": begun.user_code.lower()}
    shown = signed_in.post(PATH, data=form)
    assert shown.status_code == 200
    for text in (begun.user_code, "hf auth login", "198.51.100.9", "alice", "Accept only if you started it yourself"):
        assert text in shown.text
    assert outcome(site, begun) == "authorization_pending"
    done = signed_in.post(PATH, data={**form, "decision": "accept"})
    assert done.url.query == b"done=device-accepted"
    assert "The program is signed in." in done.text
    assert outcome(site, begun) == "hf_"
    again = signed_in.post(PATH, data={**form, "decision": "accept"})
    assert again.status_code == 400
    assert "No program is waiting with this code" in again.text


def test_a_program_is_rejected(site: ServedHub, signed_in: httpx2.Client) -> None:
    begun = begin(site, "evil://<b>".replace("<b>", "b"))
    form = {"csrf": csrf(signed_in), "user_code": begun.user_code}
    assert "unknown; it calls itself <code>evil://b</code>" in signed_in.post(PATH, data=form).text
    done = signed_in.post(PATH, data={**form, "decision": "reject"})
    assert "It gets no access." in done.text
    assert outcome(site, begun, "evil://b") == "access_denied"


def test_a_wrong_code_is_shown_again_and_then_waits(site: ServedHub) -> None:
    accounts.create_user(site.hub, "guesser", password=PASSWORD)
    begun = begin(site)
    with browse(site) as client:
        client.headers["x-forwarded-for"] = "198.51.100.77"
        client.post("/login", data={"name": "guesser", "password": PASSWORD})
        form = {"csrf": csrf(client), "user_code": "BBBB-BBBB"}
        for _ in range(PER_ACCOUNT):
            answer = client.post(PATH, data=form)
            assert answer.status_code == 400
            assert 'value="BBBB-BBBB"' in answer.text
        for data in ({"user_code": begun.user_code}, {"user_code": begun.user_code, "decision": "accept"}):
            answer = client.post(PATH, data={**form, **data})
            assert answer.status_code == 429
            assert "Wait 60 seconds." in answer.text
    assert outcome(site, begun) == "authorization_pending"


def test_a_visitor_who_is_not_signed_in_signs_in_first(site: ServedHub) -> None:
    begun = begin(site)
    with browse(site) as client:
        page = client.get(f"{PATH}?user_code={begun.user_code}")
        assert page.status_code == 401
        target = f"/login?next=/-/device%3Fuser_code%3D{begun.user_code}".replace("/-/", "%2F-%2F")
        assert target in page.text
        assert client.post(PATH, data={"user_code": begun.user_code, "decision": "accept"}).status_code == 403
    assert outcome(site, begun) == "authorization_pending"


@pytest.mark.parametrize("headers", [{"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "none"}])
def test_another_site_cannot_accept(site: ServedHub, signed_in: httpx2.Client, headers: dict[str, str]) -> None:
    begun = begin(site)
    form = {"csrf": csrf(signed_in), "user_code": begun.user_code, "decision": "accept"}
    assert signed_in.post(PATH, data=form, headers=headers).status_code == 403
    for token in ("", "0" * 64):
        assert signed_in.post(PATH, data={**form, "csrf": token}).status_code == 403
    assert outcome(site, begun) == "authorization_pending"


def test_a_token_accepts_nothing_whatever_cookie_comes_with_it(site: ServedHub) -> None:
    begun = begin(site)
    form = {"csrf": hashlib.sha256(b"form:made-up").hexdigest(), "user_code": begun.user_code, "decision": "accept"}
    with browse(site) as client:
        client.cookies.set("entrepot_session", "made-up")
        answer = client.post(PATH, data=form, headers={"authorization": f"Bearer {site.alice}"})
        assert answer.status_code == 403
        assert "Programs can be accepted in a browser only" in answer.text
    assert outcome(site, begun) == "authorization_pending"

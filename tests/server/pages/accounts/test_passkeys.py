from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import httpx2
import pytest

from entrepot.catalog import Lock
from entrepot.catalog.accounts import sessions as rows
from entrepot.hub.accounts import accounts
from entrepot.hub.callers import hash_secret
from entrepot.server.pages.frames import POLICY, SCRIPT_POLICY
from tests.server.pages.conftest import PASSWORD
from tests.server.pages.settings.conftest import sender
from tests.support.authenticator import Authenticator
from tests.support.served_hub import ServedHub

Browse = Callable[[], httpx2.Client]


@pytest.fixture
def browse_by_name(site: ServedHub) -> Iterator[Browse]:
    """Return a function that opens a browser on the hub under the name ``localhost``, where passkeys are allowed."""
    opened: list[httpx2.Client] = []

    def run() -> httpx2.Client:
        headers = {"accept": "text/html", "sec-fetch-site": "same-origin", "host": site.url.split("//")[1]}
        headers["host"] = headers["host"].replace("127.0.0.1", "localhost")
        client = httpx2.Client(base_url=site.url, headers=headers, trust_env=False, timeout=240, follow_redirects=True)
        opened.append(client)
        return client

    yield run
    for client in opened:
        client.close()


@pytest.fixture
def key(site: ServedHub) -> Authenticator:
    return Authenticator(site.url.replace("127.0.0.1", "localhost"), "localhost")


def enter(client: httpx2.Client, site: ServedHub, name: str) -> None:
    accounts.create_user(site.hub, name, password=PASSWORD)
    assert client.post("/login", data={"name": name, "password": PASSWORD}).status_code == 200


def add(client: httpx2.Client, key: Authenticator, name: str = "phone") -> httpx2.Response:
    send = sender(client)
    options = send("/settings/security/passkeys/options")
    assert options.status_code == 200, options.text
    return send("/settings/security/passkeys", {"credential": key.make(options.text), "name": name})


def use(client: httpx2.Client, key: Authenticator, path: str = "/login/passkey", **fields: str) -> httpx2.Response:
    options = client.post("/login/passkey/options")
    assert options.status_code == 200, options.text
    return client.post(path, data={"credential": key.use(options.text), **fields})


def test_a_passkey_is_added_used_named_and_removed(site: ServedHub, browse_by_name: Browse, key: Authenticator) -> None:
    client = browse_by_name()
    enter(client, site, "with-passkey")
    page = client.get("/settings/security")
    assert page.headers["content-security-policy"] == SCRIPT_POLICY
    assert "The passkey is added." in add(client, key, "<i>phone").text
    page = client.get("/settings/security")
    assert "&lt;i&gt;phone" in page.text
    found = re.search(r'name="passkey" value="([0-9a-f]{24})"', page.text)
    assert found is not None
    named = sender(client)("/settings/security/passkeys/rename", {"passkey": found[1], "name": "tablet"})
    assert "tablet" in named.text

    other = browse_by_name()
    other.cookies.set("entrepot_session", "chosen")
    answer = use(other, key, next="/settings/sessions")
    assert (answer.status_code, answer.url.path) == (200, "/settings/sessions")
    assert "with a passkey" in answer.text
    set_now = [(cookie.name, cookie.value) for cookie in other.cookies.jar if cookie.domain]
    assert [name for name, _ in set_now] == ["entrepot_session"]
    assert set_now[0][1] != "chosen"

    gone = sender(client)("/settings/security/passkeys/remove", {"passkey": found[1]})
    assert "tablet" not in gone.text
    assert use(browse_by_name(), key).status_code == 401


def test_an_answer_is_used_once_and_in_its_browser(site: ServedHub, browse_by_name: Browse, key: Authenticator) -> None:
    client, other = browse_by_name(), browse_by_name()
    enter(client, site, "once-only")
    add(client, key)
    options = other.post("/login/passkey/options")
    data = {"credential": key.use(options.text)}
    stolen = dict(other.cookies)
    assert browse_by_name().post("/login/passkey", data=data).status_code == 401
    assert other.post("/login/passkey", data=data).status_code == 200
    late = browse_by_name()
    late.cookies.update(stolen)
    answer = late.post("/login/passkey", data=data)
    assert answer.status_code == 401
    assert "start again" in answer.text


def test_options_are_the_same_for_everyone(site: ServedHub, browse_by_name: Browse, key: Authenticator) -> None:
    client = browse_by_name()
    enter(client, site, "not-listed")
    add(client, key)
    shown = [one.post("/login/passkey/options").json() for one in (client, browse_by_name())]
    for options in shown:
        options.pop("challenge")
    assert shown[0] == shown[1]
    assert shown[0]["allowCredentials"] == []


def test_an_old_sign_in_is_confirmed_with_a_passkey(
    site: ServedHub, browse_by_name: Browse, key: Authenticator
) -> None:
    client = browse_by_name()
    enter(client, site, "confirms-so")
    assert "Confirm with a passkey" not in client.get("/settings/confirm").text
    add(client, key)
    with site.hub.write(Lock.hub()) as tx:
        rows.confirm(tx, hash_secret(client.cookies["entrepot_session"]), 0)
    assert sender(client)("/settings/security/passkeys/options").status_code == 403
    assert "Confirm with a passkey" in client.get("/settings/confirm").text
    csrf = re.search(r'name="csrf" value="(\w+)"', client.get("/settings/confirm").text)
    assert csrf is not None
    wrong = use(client, Authenticator(key.origin, "localhost"), "/settings/confirm/passkey", csrf=csrf[1])
    assert wrong.status_code == 401
    done = use(client, key, "/settings/confirm/passkey", csrf=csrf[1], next="/settings/security")
    assert done.url.path == "/settings/security"
    assert sender(client)("/settings/security/passkeys/options").status_code == 200


def test_under_an_ip_address_there_are_none(site: ServedHub, browser: httpx2.Client) -> None:
    page = browser.get("/login")
    assert page.headers["content-security-policy"] == POLICY
    assert "passkey" not in page.text
    assert browser.post("/login/passkey/options").status_code == 404
    assert browser.post("/login/passkey", data={"credential": "{}"}).status_code == 404


@pytest.mark.parametrize("path", ["/login/passkey/options", "/login/passkey", "/settings/security/passkeys"])
def test_forms_of_other_sites_are_refused(browse_by_name: Browse, path: str) -> None:
    answer = browse_by_name().post(path, data={"credential": "{}"}, headers={"sec-fetch-site": "cross-site"})
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_failures_with_one_passkey_do_not_let_others_wait(
    site: ServedHub, browse_by_name: Browse, key: Authenticator
) -> None:
    client, stranger = browse_by_name(), Authenticator(key.origin, key.host, handle=b"0" * 24)
    enter(client, site, "not-waiting")
    add(client, key)
    assert [use(browse_by_name(), stranger).status_code for _ in range(6)] == [401] * 5 + [429]
    assert use(browse_by_name(), key).status_code == 200

from __future__ import annotations

import concurrent.futures
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from entrepot.catalog import Lock
from entrepot.catalog.accounts import sessions as rows
from entrepot.hub.accounts import accounts
from entrepot.hub.callers import hash_secret
from entrepot.hub.context import open_hub
from entrepot.hub.limits import attempts
from entrepot.hub.sso import browser_sign_ins, issuer_keys
from entrepot.hub.sso.browser_sign_ins import FinishedSignIn
from entrepot.server.app import make_app
from entrepot.settings import Settings
from tests.server.pages.conftest import PASSWORD, browse, field_of
from tests.server.pages.settings.conftest import sender
from tests.support.issuer import LocalIssuer, serving
from tests.support.running_apps import running
from tests.support.served_hub import ServedHub


@pytest.fixture
def issuer() -> Iterator[LocalIssuer]:
    issuer_keys._state.cache_clear()
    with serving() as found:
        yield found


@pytest.fixture
def joined(tmp_path: Path, issuer: LocalIssuer) -> Iterator[ServedHub]:
    """A hub on which people sign in with the issuer, and alice also with a password."""
    settings = Settings(
        data=tmp_path / "data",
        sso_issuer=issuer.url,
        sso_client_id="hub",
        sso_create_users=True,
        oidc_private_issuers=True,
    )
    hub = open_hub(settings, fsync=False)
    accounts.create_user(hub, "alice")
    accounts.reset_password(hub, "alice", PASSWORD)
    with running(make_app(hub)) as address:
        yield ServedHub(hub, address.url, "", "", "")
    hub.close()


def cookies(answer: httpx2.Response) -> dict[str, str]:
    """Return the cookies that a response sets, with their attributes."""
    return dict(value.split("=", 1) for value in answer.headers.get_list("set-cookie"))


def come_back(client: httpx2.Client, reply: dict[str, str], **more: str) -> httpx2.Response:
    return client.get("/-/sso/callback", params={**reply, **more}, headers={"sec-fetch-site": "cross-site"})


def test_a_person_signs_in_with_the_issuer_and_returns(joined: ServedHub, issuer: LocalIssuer) -> None:
    with browse(joined) as client:
        client.follow_redirects = False
        page = client.get("/login?next=/models").text
        assert 'href="/-/sso?next=/models"' in page
        begun = client.get("/-/sso?next=/models")
        assert begun.status_code == 303
        assert begun.headers["location"].startswith(f"{issuer.url}/authorize?")
        assert begun.headers["cache-control"] == "no-store"
        kept = cookies(begun)["entrepot_sso"]
        assert kept.endswith("; Path=/; Max-Age=600; HttpOnly; SameSite=Lax")
        done = come_back(client, issuer.approve(begun.headers["location"]))
        assert (done.status_code, done.headers["location"]) == (303, "/models")
        assert cookies(done)["entrepot_sso"].startswith("; Path=/; Max-Age=0")
        assert cookies(done)["entrepot_session"].endswith("HttpOnly; SameSite=Lax")
        assert ">ann<" in client.get("/models").text
        assert "with another issuer" in client.get("/settings/sessions").text
        again = come_back(client, issuer.approve(begun.headers["location"]))
        assert again.status_code == 400, "the cookie is gone"


def test_a_person_whose_name_breaks_a_rule_chooses_another_one(joined: ServedHub, issuer: LocalIssuer) -> None:
    with browse(joined) as client, browse(joined) as stranger:
        begun = client.get("/-/sso?next=/models", follow_redirects=False).headers["location"]
        page = come_back(client, issuer.approve(begun, preferred_username="jane.<b>doe"))
        assert page.url.path == "/-/sso/name"
        assert page.headers["cache-control"] == "no-store"
        assert "jane.&lt;b&gt;doe" in page.text
        assert field_of(page.text, "name") == "jane-b-doe"
        token = field_of(page.text, "token")
        sent = {"token": token, "name": "jane-doe"}
        assert stranger.post("/-/sso/name", data=sent).status_code == 400, "without the cookie"
        assert stranger.get("/-/sso/name").status_code == 400
        foreign = client.post("/-/sso/name", data=sent, headers={"sec-fetch-site": "cross-site"})
        assert foreign.status_code == 403
        for name, status in (("alice", 409), ("jane.doe", 400)):
            again = client.post("/-/sso/name", data={"token": token, "name": name})
            assert again.status_code == status
            assert field_of(again.text, "name") == name
        done = client.post("/-/sso/name", data=sent, follow_redirects=False)
        assert (done.status_code, done.headers["location"]) == (303, "/models")
        assert cookies(done)["entrepot_sso"].startswith("; Path=/; Max-Age=0")
        assert ">jane-doe<" in client.get("/models").text
        assert client.post("/-/sso/name", data=sent).status_code == 400, "the cookie is gone"


def test_names_are_tried_a_few_times_only(joined: ServedHub, issuer: LocalIssuer) -> None:
    with browse(joined) as client:
        begun = client.get("/-/sso", follow_redirects=False).headers["location"]
        page = come_back(client, issuer.approve(begun, preferred_username="jane.doe"))
        sent = {"token": field_of(page.text, "token"), "name": "alice"}
        refused = [client.post("/-/sso/name", data=sent).status_code for _ in range(attempts.PER_ACCOUNT)]
        assert refused == [409] * attempts.PER_ACCOUNT
        waiting = client.post("/-/sso/name", data={**sent, "name": "jane-doe"})
        assert waiting.status_code == 429
        assert 0 < int(waiting.headers["retry-after"]) <= 60
        assert "Too many attempts" in waiting.text
        begun = client.get("/-/sso", follow_redirects=False).headers["location"]
        page = come_back(client, issuer.approve(begun, preferred_username="jane.doe"))
        sent["token"] = field_of(page.text, "token")
        assert client.post("/-/sso/name", data=sent).status_code == 429, "the identity is the same"
        assert client.get("/-/sso/name").status_code == 200


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:x", ""])
def test_nobody_is_sent_elsewhere(joined: ServedHub, issuer: LocalIssuer, target: str) -> None:
    with browse(joined) as client:
        client.follow_redirects = False
        begun = client.get("/-/sso", params={"next": target})
        done = come_back(client, issuer.approve(begun.headers["location"]))
        assert done.headers["location"] == "/"


def test_a_sign_in_of_another_browser_opens_no_session(joined: ServedHub, issuer: LocalIssuer) -> None:
    with browse(joined) as attacker, browse(joined) as victim:
        attacker.follow_redirects = victim.follow_redirects = False
        reply = issuer.approve(attacker.get("/-/sso").headers["location"])
        for answer in (come_back(victim, reply), victim.get("/-/sso") and come_back(victim, reply)):
            assert answer.status_code == 400
            assert "entrepot_session" not in cookies(answer)
            assert "Sign in" in answer.text


def test_what_the_issuer_says_is_shown_as_text(joined: ServedHub) -> None:
    with browse(joined) as client:
        client.follow_redirects = False
        begun = client.get("/-/sso").headers["location"]
        state = dict(httpx2.QueryParams(begun.partition("?")[2]))["state"]
        refused = come_back(client, {"state": state}, error="<script>alert(1)</script>")
        assert refused.status_code == 400
        assert "<script>alert" not in refused.text
        assert "&lt;script&gt;alert" in refused.text


def test_an_identity_is_linked_and_unlinked(joined: ServedHub, issuer: LocalIssuer) -> None:
    with browse(joined) as client:
        client.post("/login", data={"name": "alice", "password": PASSWORD})
        send = sender(client)
        assert client.post("/settings/password/link", data={"csrf": "x"}).status_code == 403
        shown = send("/settings/password/link")
        assert shown.status_code == 200
        address = shown.text.partition('class="btn main" href="')[2].partition('"')[0].replace("&amp;", "&")
        done = come_back(client, issuer.approve(address))
        assert "The identity is linked." in done.text
        identity = done.text.partition('name="identity" value="')[2].partition('"')[0]
        with browse(joined) as other:
            other.follow_redirects = False
            begun = other.get("/-/sso").headers["location"]
            assert come_back(other, issuer.approve(begun)).status_code == 303
            assert ">alice<" in other.get("/models").text
        secret = hash_secret(client.cookies["entrepot_session"])
        with joined.hub.write(Lock.hub()) as tx:
            rows.confirm(tx, secret, 0)
        asked = send("/settings/password/unlink", {"identity": identity})
        assert asked.url.path == "/settings/confirm"
        with joined.hub.write(Lock.hub()) as tx:
            rows.confirm(tx, secret, joined.hub.now_ms())
        gone = send("/settings/password/unlink", {"identity": identity})
        assert "Removed." in gone.text
        assert 'name="identity"' not in gone.text


def test_an_issuer_that_is_silent_is_an_error_on_the_page(joined: ServedHub, issuer: LocalIssuer) -> None:
    issuer.pages.clear()
    with browse(joined) as client:
        answer = client.get("/-/sso")
        assert answer.status_code == 503
        assert "answered 404" in answer.text


def test_visitors_who_wait_for_the_issuer_leave_threads_to_others(
    joined: ServedHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, may_end = threading.Semaphore(0), threading.Event()

    def wait(*_: object, **__: object) -> FinishedSignIn:
        began.release()
        may_end.wait(60)
        return FinishedSignIn(None, "/models")

    monkeypatch.setattr(browser_sign_ins, "finish", wait)
    with concurrent.futures.ThreadPoolExecutor(20) as pool, browse(joined) as client:
        waiting = [pool.submit(httpx2.get, f"{joined.url}/-/sso/callback", timeout=90) for _ in range(20)]
        try:
            assert began.acquire(timeout=60)
            assert began.acquire(timeout=60)
            client.post("/login", data={"name": "alice", "password": PASSWORD})
            assert ">alice<" in client.get("/models").text
        finally:
            may_end.set()
        assert [call.result().status_code for call in waiting] == [303] * 20


def test_a_hub_without_an_issuer_shows_no_way_there(site: ServedHub, browser: httpx2.Client) -> None:
    assert "/-/sso" not in browser.get("/login").text
    assert browser.get("/-/sso").status_code == 404
    assert browser.get("/-/sso/callback?state=x&code=x").status_code == 404

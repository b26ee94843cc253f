from __future__ import annotations

import httpx2
import pytest

from entrepot.catalog import Lock
from entrepot.catalog.accounts import tokens as token_rows
from entrepot.errors import LoginRequired
from entrepot.hub.accounts import accounts, tokens
from entrepot.server.pages.editing.upload_tokens import LIFETIME_MS, NAME, issue_token
from tests.server.pages.conftest import PASSWORD, browse, form_token
from tests.support.served_hub import ServedHub


def test_a_session_gets_a_token_for_one_repository_and_one_hour(site: ServedHub, signed_in: httpx2.Client) -> None:
    site.repo("token-target")
    page = "/alice/token-target/upload/main"
    answer = signed_in.post(page, data={"csrf": form_token(signed_in, page)})
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    secret = answer.json()["accessToken"]
    caller = site.hub.identify(secret)
    assert caller is not None
    assert caller.limits is not None
    assert caller.token.expires_ms is not None
    assert 0 < caller.token.expires_ms - site.hub.now_ms() <= LIFETIME_MS
    with site.client(secret) as client:
        for name, status in (("token-target", 200), ("tern", 403)):
            body = {"files": [{"path": "a.txt", "size": 1, "sample": "YQ=="}]}
            assert client.post(f"/api/models/alice/{name}/preupload/main", json=body).status_code == status
        assert client.get("/api/models/alice/hidden").status_code == 404
        assert client.get("/api/settings/tokens").status_code in (401, 403)


@pytest.mark.parametrize("ending", ["sign out", "end the others", "new password"])
def test_a_token_ends_with_the_sessions_of_its_user(site: ServedHub, ending: str) -> None:
    name = "leaver-" + ending.replace(" ", "-")
    accounts.create_user(site.hub, name)
    accounts.reset_password(site.hub, name, PASSWORD)
    with browse(site) as browser:
        browser.post("/login", data={"name": name, "password": PASSWORD})
        page = "/alice/tern/upload/main"
        token = {"csrf": form_token(browser, page)}
        secret = browser.post(page, data=token).json()["accessToken"]
        assert site.hub.identify(secret) is not None
        if ending == "sign out":
            assert browser.post("/logout", data=token).status_code == 200
        elif ending == "end the others":
            assert browser.post("/settings/sessions/end-all", data=token).status_code == 200
        else:
            accounts.reset_password(site.hub, name, PASSWORD + "!")
    with site.client(secret) as client:
        assert client.get("/api/whoami-v2").status_code == 401


def test_a_token_is_not_issued_without_the_token_of_the_form(signed_in: httpx2.Client, browser: httpx2.Client) -> None:
    page = "/alice/tern/upload/main"
    for data in ({"csrf": ""}, {"csrf": "0" * 64}):
        assert signed_in.post(page, data=data).status_code == 403
    answer = signed_in.post(page, data={"csrf": form_token(signed_in, page)}, headers={"sec-fetch-site": "cross-site"})
    assert answer.status_code == 403
    assert browser.post(page, data={"csrf": form_token(signed_in, page)}).status_code == 403


def test_who_may_only_propose_gets_one_too_and_visitors_none(site: ServedHub) -> None:
    ref = site.repo("token-proposals")
    bob = site.hub.identify(site.bob)
    assert site.hub.identify(issue_token(site.hub, bob, ref, "main")) is not None
    with pytest.raises(LoginRequired):
        issue_token(site.hub, None, ref, "main")


def test_expired_ones_are_deleted_with_the_next(site: ServedHub) -> None:
    accounts.create_user(site.hub, "uploader")
    caller = site.hub.identify(accounts.create_token(site.hub, "uploader", role="write").secret)
    ref = site.repo("token-expiry")
    issue_token(site.hub, caller, ref, "main")
    issue_token(site.hub, caller, ref, "main")
    old = next(known.token for known in tokens.list_own(site.hub, caller) if known.token.name == NAME)
    with site.hub.write(Lock.hub()) as tx:
        token_rows.update(tx, old.uid, expires_ms=1)
    issue_token(site.hub, caller, ref, "main")
    kept = [known.token.uid for known in tokens.list_own(site.hub, caller) if known.token.name == NAME]
    assert len(kept) == 2
    assert old.uid not in kept

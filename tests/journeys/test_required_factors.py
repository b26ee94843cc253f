"""A hub that requires a second factor: what an account without one can do, and what it cannot."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import attrs
import httpx2
import pytest
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError

from entrepot.catalog import Lock
from entrepot.catalog.accounts import passkeys, sso_identities
from entrepot.catalog.accounts.passkeys import PasskeyRow
from entrepot.catalog.accounts.sso_identities import IdentityRow
from entrepot.errors import PasskeyNeeded, SecondFactorMissing
from entrepot.hub import audit
from entrepot.hub.accounts import accounts, administration, factor_resets, sessions, sign_ins, tokens
from entrepot.hub.accounts.tokens import TokenDraft
from entrepot.hub.context import HubContext, open_hub
from entrepot.names import new_uid
from entrepot.server.app import make_app
from entrepot.settings import Settings
from entrepot.wire.accounts.administration import CodeExchange
from tests.server.pages.conftest import PASSWORD, browse, field_of, form_token, send_form
from tests.support.running_apps import running
from tests.support.second_factors import App, add_app, decode_secret
from tests.support.served_hub import ServedHub

ISSUER = "https://issuer.example"
MISSING = "this hub requires a second factor, and this account has none"


@pytest.fixture
def strict(tmp_path: Path) -> Iterator[ServedHub]:
    """A hub that requires a second factor; alice, who is its administrator, has a password only."""
    settings = Settings(data=tmp_path / "data", second_factor="required", remembered_bytes=1 << 20)
    hub = open_hub(settings, fsync=False)
    accounts.create_user(hub, "alice", password=PASSWORD, is_admin=True)
    with running(make_app(hub)) as address:
        site = ServedHub(hub, address.url, token_of(hub, "alice"), "", "")
        yield site
    hub.close()


def token_of(hub: HubContext, name: str) -> str:
    return tokens.create_for(hub, name, TokenDraft("write"))[0].secret


def add_passkey(hub: HubContext, name: str) -> None:
    with hub.write(Lock.hub(), Lock.audit()) as tx:
        user = accounts.find_user(tx, name)
        passkeys.add(tx, PasskeyRow("a" * 64, new_uid(), user.id, b"id", b"key", 0, "phone", 1))


def sign_in(client: httpx2.Client, name: str = "alice") -> httpx2.Response:
    return client.post("/login", data={"name": name, "password": PASSWORD, "next": "/settings/tokens"})


def set_up(client: httpx2.Client, hub: HubContext) -> httpx2.Response:
    shown = send_form(client, "/settings/security", {}, "/settings/security/app")
    app = App(decode_secret(field_of_secret(shown.text)), ())
    fields = {"csrf": field_of(shown.text, "csrf"), "setup": field_of(shown.text, "setup"), "code": app.shows(hub)}
    return client.post("/settings/security/app/confirm", data=fields)


def field_of_secret(text: str) -> str:
    """Return the secret that the page shows for typing."""
    found = re.search(r"([A-Z2-7]{4}(?: [A-Z2-7]{4}){7})", text)
    assert found is not None, text
    return found[1]


def test_every_page_leads_to_the_set_up_until_it_is_done(strict: ServedHub) -> None:
    with browse(strict) as client:
        assert sign_in(client).url.path == "/settings/security"
        for path in ("/", "/settings/tokens", "/new", "/-/admin/users", "/alice", "/no/such", "/a/b/c/d"):
            answer = client.get(path)
            assert answer.url.path == "/settings/security", path
            assert "This hub requires a second factor" in answer.text
        csrf = form_token(client, "/settings/security")
        answer = client.post("/settings/tokens", data={"csrf": csrf, "name": "x", "role": "write"})
        assert answer.url.path == "/settings/security"
        assert client.get("/settings/password").url.path == "/settings/password"
        done = set_up(client, strict.hub)
        assert "Keep these recovery codes" in done.text
        assert "This hub requires" not in done.text
        assert client.get("/settings/tokens").url.path == "/settings/tokens"
        assert client.get("/-/admin/users").status_code == 200


def test_a_visitor_without_an_account_sees_public_pages(strict: ServedHub) -> None:
    with browse(strict) as client:
        assert client.get("/").url.path == "/"
        assert client.get("/no/such").status_code == 401


def test_signing_out_works_without_a_second_factor(strict: ServedHub) -> None:
    with browse(strict) as client:
        sign_in(client)
        csrf = form_token(client, "/settings/security")
        assert client.post("/logout", data={"csrf": csrf}).url.path == "/"


def test_tokens_are_refused_in_words_and_work_again_afterwards(strict: ServedHub) -> None:
    api = HfApi(strict.url, token=strict.alice)
    for _ in range(2):
        with pytest.raises(HfHubHTTPError, match=MISSING) as caught:
            api.whoami()
        assert caught.value.response.status_code == 403
    with pytest.raises(HfHubHTTPError, match=MISSING):
        api.create_repo("tern")
    add_app(strict.hub, "alice", PASSWORD)
    assert api.whoami()["name"] == "alice"
    assert api.create_repo("tern").repo_id == "alice/tern"
    factor_resets.reset(strict.hub, audit.CONSOLE, "alice")
    with pytest.raises(HfHubHTTPError, match=MISSING):
        api.list_repo_files("alice/tern")


@pytest.mark.parametrize("path", ["/api/whoami-v2", "/api/models", "/alice/tern.git/info/refs?service=git-upload-pack"])
def test_the_rule_holds_for_basic_and_a_password_is_no_credential(strict: ServedHub, path: str) -> None:
    with strict.client() as client:
        refused = client.get(path, auth=("alice", strict.alice))
        assert (refused.status_code, MISSING in refused.text) == (403, True)
        assert client.get(path, auth=("alice", PASSWORD)).status_code == 401


def test_a_code_is_not_used_up_for_a_token_that_would_be_refused(strict: ServedHub) -> None:
    code = sign_ins.issue_code(strict.hub, audit.CONSOLE, "alice", 3600).code
    with pytest.raises(SecondFactorMissing):
        sign_ins.exchange(strict.hub, None, CodeExchange(code=code))
    with browse(strict) as client:
        answer = client.post("/login", data={"code": code, "next": "/"})
        assert answer.url.path == "/settings/security"


def test_a_password_does_not_replace_a_passkey(strict: ServedHub) -> None:
    accounts.create_user(strict.hub, "pia", password=PASSWORD)
    token = token_of(strict.hub, "pia")
    add_passkey(strict.hub, "pia")
    caller = strict.hub.identify(token)
    assert caller is not None
    with pytest.raises(PasskeyNeeded):
        sessions.sign_in(strict.hub, "pia", PASSWORD)
    with browse(strict) as client:
        answer = sign_in(client, "pia")
        assert (answer.status_code, "sign in with your passkey" in answer.text) == (401, True)
        assert "set-cookie" not in answer.headers
    lax = attrs.evolve(strict.hub, settings=Settings(data=strict.hub.settings.data))
    assert sessions.sign_in(lax, "pia", PASSWORD).user == "pia"


def test_an_account_of_the_issuer_counts_if_the_setting_says_so_and_it_has_no_password(strict: ServedHub) -> None:
    accounts.create_user(strict.hub, "ida")
    with strict.hub.write(Lock.hub(), Lock.audit()) as tx:
        user = accounts.find_user(tx, "ida")
        sso_identities.add(tx, IdentityRow("b" * 64, user.id, ISSUER, "ida", 1))
    token = token_of(strict.hub, "ida")
    trusting = attrs.evolve(strict.hub, settings=strict_settings(strict, ISSUER))
    other = attrs.evolve(strict.hub, settings=strict_settings(strict, "https://other.example"))
    for hub in (strict.hub, other):
        with pytest.raises(SecondFactorMissing):
            hub.identify(token)
    assert trusting.identify(token) is not None
    accounts.reset_password(trusting, "ida", PASSWORD)
    with pytest.raises(SecondFactorMissing):
        trusting.identify(token)


def strict_settings(site: ServedHub, issuer: str) -> Settings:
    data = site.hub.settings.data
    return Settings(data=data, second_factor="required", sso_issuer=issuer, sso_is_second_factor=True)


def test_administrators_see_who_lacks_one(strict: ServedHub) -> None:
    accounts.create_user(strict.hub, "bert", password=PASSWORD)
    app = add_app(strict.hub, "alice", PASSWORD)
    listed = administration.list_users(strict.hub, audit.CONSOLE)
    assert {user.name: user.has_second_factor for user in listed} == {"alice": True, "bert": False}
    with browse(strict) as client:
        proof = field_of(sign_in(client).text, "proof")
        client.post("/login/code", data={"proof": proof, "code": app.codes[0], "next": "/"})
        text = client.get("/-/admin/users").text
        assert text.count("No second factor") == 1
        assert text.count("Two-step or passkey") == 1

from __future__ import annotations

import httpx2
import pytest

from entrepot.hub.accounts import accounts, sessions
from entrepot.hub.accounts.sessions import SessionOrigin
from tests.support.second_factors import add_app, add_passkey
from tests.support.site import Site

PASSWORD = "correct horse"
SESSIONS, SECURITY = "/api/settings/sessions", "/api/settings/security"


@pytest.fixture(scope="module")
def signer(site: Site) -> str:
    """Return a write token of a user with a password, whom no other test has signed in."""
    accounts.create_user(site.hub, "signer", password=PASSWORD)
    return accounts.create_token(site.hub, "signer", role="write").secret


def test_sessions_are_listed_without_secrets_last_used_first(site: Site, signer: str) -> None:
    opened = sessions.sign_in(site.hub, "signer", PASSWORD, origin=SessionOrigin("203.0.113.0/24", "Firefox"))
    with site.client(signer) as client:
        (only,) = client.get(SESSIONS).json()
        answer = client.get(SESSIONS).text
    assert (only["means"], only["network"], only["browser"]) == ("password", "203.0.113.0/24", "Firefox")
    assert opened.secret not in answer


def test_two_step_sign_in_and_passkeys_are_told_without_secrets(site: Site, signer: str) -> None:
    with site.client(signer) as client:
        assert client.get(SECURITY).json() == {"twoStepSince": None, "recoveryCodesLeft": 0, "passkeys": []}
        add_passkey(site.hub, sessions.sign_in(site.hub, "signer", PASSWORD), "phone")
        app = add_app(site.hub, "signer", PASSWORD)
        found = client.get(SECURITY).json()
        text = client.get(SECURITY).text
    assert found["twoStepSince"] is not None
    assert found["recoveryCodesLeft"] == len(app.codes)
    assert [(key["name"], key["lastUsedAt"]) for key in found["passkeys"]] == [("phone", None)]
    assert not any(code in text for code in app.codes)


def test_security_needs_a_write_token_and_both_a_token_that_is_not_fine_grained(
    site: Site, alice: httpx2.Client, anonymous: httpx2.Client
) -> None:
    assert [anonymous.get(path).status_code for path in (SESSIONS, SECURITY)] == [401, 401]
    with site.client(site.reader) as reader:
        assert [reader.get(path).status_code for path in (SESSIONS, SECURITY)] == [200, 403]
    made = alice.post("/api/settings/tokens", json={"role": "fineGrained", "fineGrained": {"global": []}}).json()
    with site.client(made["token"]) as narrow:
        assert [narrow.get(path).status_code for path in (SESSIONS, SECURITY)] == [403, 403]

from __future__ import annotations

import json
import random
import subprocess
import sys

import pytest

from entrepot.errors import PasskeyRefused
from entrepot.hub.accounts import passkey_proofs
from entrepot.hub.accounts.passkey_proofs import PasskeySite, PasskeyUser
from tests.support.authenticator import PRESENT, Authenticator

SITE = PasskeySite("hub.example", "https://hub.example")
USER = PasskeyUser("0a" * 12, "alice", "Alice")
CHALLENGE = bytes(range(32))


@pytest.fixture
def key() -> Authenticator:
    return Authenticator(SITE.origin, SITE.host)


def made(key: Authenticator) -> passkey_proofs.NewPasskey:
    options = passkey_proofs.creation_options(SITE, CHALLENGE, USER, [])
    return passkey_proofs.verify_new(SITE, CHALLENGE, key.make(options))


@pytest.mark.parametrize(
    ("url", "site"),
    [
        ("https://hub.example", SITE),
        ("https://Hub.Example:443/hub", SITE),
        ("https://hub.example:8443", PasskeySite("hub.example", "https://hub.example:8443")),
        ("http://localhost:8000", PasskeySite("localhost", "http://localhost:8000")),
        ("http://hub.example", None),
        ("https://192.0.2.1", None),
        ("https://[2001:db8::1]", None),
        ("", None),
    ],
)
def test_browsers_allow_passkeys_for_names_over_https_only(url: str, site: PasskeySite | None) -> None:
    assert passkey_proofs.find_site(url) == site


def test_options_ask_for_a_passkey_that_verifies_its_user() -> None:
    options = json.loads(passkey_proofs.creation_options(SITE, CHALLENGE, USER, [b"known"]))
    assert options["rp"] == {"id": "hub.example", "name": "hub.example"}
    assert options["authenticatorSelection"]["residentKey"] == "required"
    assert options["authenticatorSelection"]["userVerification"] == "required"
    assert options["attestation"] == "none"
    assert [item["id"] for item in options["excludeCredentials"]] == ["a25vd24"]
    used = json.loads(passkey_proofs.request_options(SITE, CHALLENGE))
    assert (used["rpId"], used["userVerification"], used["allowCredentials"]) == ("hub.example", "required", [])


def test_a_passkey_signs_its_challenge(key: Authenticator) -> None:
    new = made(key)
    assert new.credential_id == key.credential_id
    answer = passkey_proofs.parse_credential(key.use(passkey_proofs.request_options(SITE, CHALLENGE)))
    assert passkey_proofs.credential_hash(answer) == passkey_proofs.hash_id(new.credential_id)
    assert passkey_proofs.user_handle(answer) == USER.uid
    assert passkey_proofs.verify_use(SITE, CHALLENGE, answer, new.public_key, 0) == 0
    with pytest.raises(PasskeyRefused):
        passkey_proofs.verify_use(SITE, bytes(32), answer, new.public_key, 0)
    with pytest.raises(PasskeyRefused):
        passkey_proofs.verify_use(SITE, CHALLENGE, answer, made(Authenticator(SITE.origin, SITE.host)).public_key, 0)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("origin", "https://evil.example"),
        ("host", "evil.example"),
        ("flags", PRESENT),
        ("flags", 0),
        ("is_framed", True),
    ],
)
def test_a_passkey_of_another_site_or_without_its_user_is_refused(
    key: Authenticator, field: str, value: object
) -> None:
    new = made(key)
    setattr(key, field, value)
    answer = passkey_proofs.parse_credential(key.use(passkey_proofs.request_options(SITE, CHALLENGE)))
    with pytest.raises(PasskeyRefused):
        passkey_proofs.verify_use(SITE, CHALLENGE, answer, new.public_key, 0)
    with pytest.raises(PasskeyRefused):
        made(key)


def test_a_count_that_does_not_grow_is_refused(key: Authenticator) -> None:
    key.count = 5
    new = made(key)
    assert new.sign_count == 5
    options = passkey_proofs.request_options(SITE, CHALLENGE)
    for count, is_right in ((5, False), (4, False), (0, False), (6, True)):
        key.count = count
        answer = passkey_proofs.parse_credential(key.use(options))
        if is_right:
            assert passkey_proofs.verify_use(SITE, CHALLENGE, answer, new.public_key, 5) == 6
        else:
            with pytest.raises(PasskeyRefused):
                passkey_proofs.verify_use(SITE, CHALLENGE, answer, new.public_key, 5)


def test_nothing_else_than_a_refusal_comes_of_damaged_answers(key: Authenticator) -> None:
    whole = key.make(passkey_proofs.creation_options(SITE, CHALLENGE, USER, []))
    chance = random.Random(7)
    for text in ("", "null", "[]", "{}", '{"id":1}', '{"id":"é","response":1}', "[" * 100_000):
        with pytest.raises(PasskeyRefused):
            passkey_proofs.verify_new(SITE, CHALLENGE, text)
        with pytest.raises(PasskeyRefused):
            passkey_proofs.credential_hash(passkey_proofs.parse_credential(text or "x"))
    refused = 0
    for _ in range(300):
        place = chance.randrange(len(whole))
        damaged = whole[:place] + chance.choice('AZ09_-{}"\x00é') + whole[place + 1 :]
        try:
            passkey_proofs.verify_new(SITE, CHALLENGE, damaged)
        except PasskeyRefused:
            refused += 1
    assert refused > 100


def test_the_library_is_loaded_when_it_is_needed_only() -> None:
    code = "import sys, entrepot.hub.accounts.passkey_proofs; print('webauthn' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "False\n", done.stderr


def test_an_id_or_a_key_that_is_too_long_is_refused(key: Authenticator, monkeypatch: pytest.MonkeyPatch) -> None:
    key.credential_id = bytes(passkey_proofs.MAX_ID)
    assert made(key).credential_id == key.credential_id
    key.credential_id = bytes(passkey_proofs.MAX_ID + 1)
    with pytest.raises(PasskeyRefused):
        made(key)
    key.credential_id = b"id"
    monkeypatch.setattr(passkey_proofs, "MAX_KEY", 70)
    with pytest.raises(PasskeyRefused):
        made(key)

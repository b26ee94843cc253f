from __future__ import annotations

import importlib.util
import json

import pytest

from entrepot.errors import ExtraNotInstalled, Malformed
from entrepot.hub.sso import signatures
from entrepot.hub.sso.signatures import is_signed, parse_keys
from tests.support.issuer import LocalIssuer, b64


def test_keys_of_both_kinds_are_read_and_verify_their_tokens(issuer: LocalIssuer) -> None:
    issuer.add_key("two", kind="EC")
    issuer.publish()
    keys = {key.kid: key for key in parse_keys(issuer.pages["/keys"])}
    assert {kid: key.algorithm for kid, key in keys.items()} == {"one": "RS256", "two": "ES256"}
    for kid, other in (("one", "two"), ("two", "one")):
        token = issuer.sign({"a": 1}, kid)
        assert is_signed(token, keys[kid])
        assert not is_signed(token, keys[other])
        assert not is_signed(token[:-8] + "AAAAAAAA", keys[kid])
        head, _, sign = token.split(".")
        assert not is_signed(f"{head}.{b64('{}')}.{sign}", keys[kid])


@pytest.mark.parametrize(
    "item",
    [
        {"kty": "oct", "k": b64("secret")},
        {"kty": "RSA", "n": "AQ", "e": "AQAB"},
        {"kty": "RSA", "n": b64(b"\xff" * 128), "e": "AQAB"},
        {"kty": "RSA", "n": b64(b"\xff" * 1025), "e": "AQAB"},
        {"kty": "RSA", "n": 5, "e": "AQAB"},
        {"kty": "RSA", "n": "~~~", "e": "AQAB"},
        {"kty": "EC", "crv": "P-384", "x": "AA", "y": "AA"},
        {"kty": "EC", "crv": "P-256", "x": b64(b"\1" * 32), "y": b64(b"\1" * 32)},
        {"kty": "OKP", "crv": "Ed25519", "x": "AA"},
        {},
        "text",
        None,
    ],
)
def test_keys_that_are_weak_or_of_another_kind_are_left_out(item: object) -> None:
    assert parse_keys(json.dumps({"keys": [item]}).encode()) == []


@pytest.mark.parametrize("more", [{"use": "enc"}, {"alg": "HS256"}, {"alg": "PS256"}, {"kid": 7}])
def test_a_key_for_something_else_is_left_out(issuer: LocalIssuer, more: dict[str, object]) -> None:
    [listed] = json.loads(issuer.pages["/keys"])["keys"]
    assert len(parse_keys(json.dumps({"keys": [listed]}).encode())) == 1
    assert parse_keys(json.dumps({"keys": [listed | more]}).encode()) == []


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"keys": {}}', json.dumps({"keys": [{}] * 101}).encode()])
def test_what_is_not_a_key_set_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed, match="key set"):
        parse_keys(data)


def test_without_the_library_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(ExtraNotInstalled, match=r"entrepot\[server,sso\]"):
        signatures.require_library()

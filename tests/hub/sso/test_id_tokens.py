from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import pytest

from entrepot.errors import OAuthRefused
from entrepot.hub.sso import id_tokens, signatures
from entrepot.hub.sso.id_tokens import IdToken, issuer_of
from entrepot.hub.sso.signatures import SigningKey
from tests.support.issuer import AUDIENCE, LocalIssuer, b64

NOW_S = 1_800_000_000


def verify(issuer: LocalIssuer, token: str, *, audience: str = AUDIENCE) -> IdToken:
    keys = signatures.parse_keys(issuer.pages["/keys"])

    def find(kid: str | None, algorithm: str) -> SigningKey:
        [found] = [key for key in keys if key.algorithm == algorithm and kid in (None, key.kid)]
        return found

    return id_tokens.verify(token, find, issuer=issuer.url, audience=audience, now_s=NOW_S)


def claims(issuer: LocalIssuer, **more: Any) -> dict[str, Any]:
    return issuer.claims(NOW_S * 1000, **more)


def refusal(issuer: LocalIssuer, token: str) -> str:
    with pytest.raises(OAuthRefused) as caught:
        verify(issuer, token)
    assert caught.value.code == "invalid_grant"
    return caught.value.message


def test_a_token_is_verified_and_says_who_asks(issuer: LocalIssuer) -> None:
    found = verify(issuer, issuer.sign(claims(issuer, aud=[AUDIENCE])))
    assert (found.issuer, found.subject) == (issuer.url, "repo:acme/train:ref:refs/heads/main")
    assert found.token_id == "token-1"
    assert found.expires_s == NOW_S + 300
    assert found.claims["repository"] == "acme/train"


def test_a_token_of_an_elliptic_curve_without_optional_claims_is_verified(issuer: LocalIssuer) -> None:
    issuer.add_key("two", kind="EC")
    issuer.publish()
    found = verify(issuer, issuer.sign(claims(issuer, jti=None, nbf=None), "two", typ=None, kid=None))
    assert found.token_id is None


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"iss": "https://evil.example"}, "another issuer"),
        ({"iss": None}, "another issuer"),
        ({"aud": "https://other.example"}, "must be for"),
        ({"aud": AUDIENCE + "/x"}, "must be for"),
        ({"aud": [AUDIENCE, "https://other.example"]}, " only "),
        ({"aud": []}, "for no audience"),
        ({"aud": None}, "for no audience"),
        ({"aud": {"x": AUDIENCE}}, "must be for"),
        ({"exp": NOW_S - 60}, "expired"),
        ({"exp": None}, "'exp'"),
        ({"exp": "1900000000"}, "'exp' is not a time"),
        ({"exp": True}, "'exp' is not a time"),
        ({"exp": 1e300}, "'exp' is not a time"),
        ({"exp": NOW_S + 90_000}, "more than a day"),
        ({"iat": None}, "'iat'"),
        ({"iat": NOW_S + 61}, "not valid yet"),
        ({"iat": -1}, "'iat' is not a time"),
        ({"nbf": NOW_S + 61}, "not valid yet"),
        ({"nbf": [1]}, "'nbf' is not a time"),
        ({"sub": None}, "'sub'"),
        ({"sub": ""}, "'sub'"),
        ({"sub": 7}, "'sub'"),
        ({"sub": "x" * 1001}, "'sub'"),
        ({"jti": 7}, "'jti'"),
        ({"jti": ""}, "'jti'"),
    ],
)
def test_a_token_with_wrong_claims_is_refused(issuer: LocalIssuer, change: dict[str, Any], why: str) -> None:
    assert why in refusal(issuer, issuer.sign(claims(issuer, **change)))


@pytest.mark.parametrize(
    "change", [{"exp": NOW_S - 59}, {"iat": NOW_S + 60}, {"nbf": NOW_S + 60}, {"exp": NOW_S + 9.5}]
)
def test_clocks_may_be_wrong_by_a_minute(issuer: LocalIssuer, change: dict[str, Any]) -> None:
    verify(issuer, issuer.sign(claims(issuer, **change)))


@pytest.mark.parametrize(
    "header",
    [
        {"jwk": {"kty": "RSA"}},
        {"jku": "http://127.0.0.1/keys"},
        {"x5u": "http://127.0.0.1/cert"},
        {"x5c": ["AA"]},
        {"crit": ["exp"]},
        {"b64": False},
        {"zip": "DEF"},
    ],
)
def test_a_header_that_brings_a_key_or_changes_the_meaning_is_refused(
    issuer: LocalIssuer, header: dict[str, Any]
) -> None:
    before = list(issuer.asked)
    assert next(iter(header)) in refusal(issuer, issuer.sign(claims(issuer), **header))
    assert issuer.asked == before


@pytest.mark.parametrize("algorithm", ["none", "None", "", "HS256", "RS384", "PS256", None, 7, ["RS256"]])
def test_other_algorithms_are_refused(issuer: LocalIssuer, algorithm: object) -> None:
    assert "algorithm" in refusal(issuer, issuer.sign(claims(issuer), alg=algorithm))


def test_a_token_without_a_signature_is_refused(issuer: LocalIssuer) -> None:
    head, body = b64('{"alg":"none"}'), b64(json.dumps(claims(issuer)))
    assert "three parts" in refusal(issuer, f"{head}.{body}.")
    assert "algorithm" in refusal(issuer, f"{head}.{body}.AA")


@pytest.mark.parametrize("algorithm", ["HS256", "RS256"])
def test_the_public_key_is_no_secret_to_sign_with(issuer: LocalIssuer, algorithm: str) -> None:
    text = f"{b64(json.dumps({'alg': algorithm, 'kid': 'one'}))}.{b64(json.dumps(claims(issuer)))}"
    for secret in (issuer.keys["one"].as_pem(private=False), issuer.keys["one"].as_pem(private=False).strip()):
        made = hmac.new(secret, text.encode(), hashlib.sha256).digest()
        assert refusal(issuer, f"{text}.{b64(made)}")


def test_a_key_of_one_kind_does_not_verify_tokens_of_the_other(issuer: LocalIssuer) -> None:
    issuer.add_key("two", kind="EC")
    issuer.publish()
    signed = issuer.sign_text(
        f"{b64(json.dumps({'alg': 'RS256', 'kid': 'one'}))}.{b64(json.dumps(claims(issuer)))}", "two"
    )
    assert "signature" in refusal(issuer, signed)


def test_a_token_of_somebody_else_with_the_name_of_the_key_is_refused(issuer: LocalIssuer) -> None:
    published = dict(issuer.pages)
    issuer.add_key("one")
    forged = issuer.sign(claims(issuer))
    issuer.pages = published
    assert "signature" in refusal(issuer, forged)


@pytest.mark.parametrize(
    "body",
    [
        b'{"iss":"%s","iss":"x"}',
        b'{"sub":"a","sub":"b"}',
        b'{"nested":{"a":1,"a":2}}',
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"exp":NaN}',
    ],
)
def test_claims_that_two_readers_could_read_differently_are_refused(issuer: LocalIssuer, body: bytes) -> None:
    assert "without duplicate names" in refusal(issuer, issuer.sign(body))


def test_a_header_with_a_field_twice_is_refused(issuer: LocalIssuer) -> None:
    head = b64('{"alg":"RS256","alg":"none","kid":"one"}')
    assert "without duplicate names" in refusal(issuer, issuer.sign_text(f"{head}.{b64(json.dumps(claims(issuer)))}"))


@pytest.mark.parametrize("kind", ["at+jwt", "logout+jwt", 7])
def test_tokens_of_other_kinds_are_refused(issuer: LocalIssuer, kind: object) -> None:
    assert "another kind" in refusal(issuer, issuer.sign(claims(issuer), typ=kind))


@pytest.mark.parametrize("kid", [7, ["one"], {"a": "b"}])
def test_the_name_of_a_key_is_text(issuer: LocalIssuer, kid: object) -> None:
    assert "'kid'" in refusal(issuer, issuer.sign(claims(issuer), kid=kid))


@pytest.mark.parametrize("text", ["", "a", "a.b", "a.b.c.d", "a.b.c.d.e", "a=.b.c", "a.b.c\n", "é.b.c", "..", "A.A.A"])
def test_what_is_not_a_token_is_refused(issuer: LocalIssuer, text: str) -> None:
    assert "cannot be accepted" in refusal(issuer, text)


def test_large_tokens_are_refused_before_they_are_read(issuer: LocalIssuer) -> None:
    assert "more than 16384" in refusal(issuer, issuer.sign(claims(issuer, more="x" * 16_384)))


def test_the_issuer_is_known_before_anything_is_verified(issuer: LocalIssuer) -> None:
    assert issuer_of(issuer.token()) == issuer.url
    with pytest.raises(OAuthRefused, match="names no issuer"):
        issuer_of(issuer.token(iss=7))

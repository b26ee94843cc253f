from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from entrepot.errors import IssuerUnavailable, OAuthRefused
from entrepot.hub.sso import issuers
from tests.support.issuer import LocalIssuer
from tests.support.worlds import World

DISCOVERY = "/.well-known/openid-configuration"


def problem(world: World, url: str) -> str:
    with pytest.raises(IssuerUnavailable) as caught:
        issuers.discover(world.hub, url)
    return caught.value.message


def test_only_issuers_of_the_settings_are_trusted(ci_world: World, issuer: LocalIssuer) -> None:
    assert issuers.trusted(ci_world.hub, issuer.url).url == issuer.url
    for url in (issuer.url + "/", issuer.url.upper(), "https://evil.example", "", issuer.url[:-1]):
        with pytest.raises(OAuthRefused, match="oidc_issuers"):
            issuers.trusted(ci_world.hub, url)


def test_an_issuer_may_have_its_keys_in_a_file(make_world: Callable[..., World]) -> None:
    world = make_world(oidc_issuers=("https://ci.example=/etc/keys.json",))
    assert str(issuers.trusted(world.hub, "https://ci.example").key_file) == "/etc/keys.json"


def test_an_issuer_describes_itself(ci_world: World, issuer: LocalIssuer) -> None:
    assert issuers.discover(ci_world.hub, issuer.url)["jwks_uri"] == f"{issuer.url}/keys"


def test_the_description_of_another_issuer_is_refused(ci_world: World, issuer: LocalIssuer) -> None:
    issuer.pages[DISCOVERY] = json.dumps({"issuer": "https://evil.example"}).encode()
    assert "calls itself" in problem(ci_world, issuer.url)


@pytest.mark.parametrize(
    ("page", "why"),
    [
        (b"[]", "not a JSON object"),
        (b"<html>", "not a JSON object"),
        (b'{"issuer":"a","issuer":"b"}', "not a JSON object"),
        (b" " * (issuers.MAX_DOCUMENT + 1), "larger than 256 KiB"),
    ],
    ids=range(4),
)
def test_an_answer_that_is_not_usable_is_refused(ci_world: World, issuer: LocalIssuer, page: bytes, why: str) -> None:
    issuer.pages[DISCOVERY] = page
    assert why in problem(ci_world, issuer.url)


def test_an_answer_that_is_an_error_is_refused(ci_world: World, issuer: LocalIssuer) -> None:
    del issuer.pages[DISCOVERY]
    assert "answered 404" in problem(ci_world, issuer.url)


def test_private_addresses_are_not_reached_without_the_setting(
    make_world: Callable[..., World], issuer: LocalIssuer
) -> None:
    world = make_world(oidc_issuers=(issuer.url,))
    assert "https://" in problem(world, issuer.url)
    assert "oidc_private_issuers" in problem(world, issuer.url.replace("http:", "https:"))
    assert issuer.asked == []


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/", "https://user@127.0.0.1/", "gopher:x", ""])
def test_other_addresses_are_refused(ci_world: World, url: str) -> None:
    with pytest.raises(IssuerUnavailable):
        issuers.fetch(ci_world.hub, url)

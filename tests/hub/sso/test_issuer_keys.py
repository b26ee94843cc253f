from __future__ import annotations

import json
import pathlib
from collections.abc import Callable

import pytest

from entrepot.errors import IssuerUnavailable, OAuthRefused
from entrepot.hub.sso import issuer_keys, issuers
from entrepot.hub.sso.issuer_keys import FRESH_MS, PAUSE_MS, STALE_MS
from entrepot.hub.sso.issuers import Issuer
from tests.support.issuer import LocalIssuer
from tests.support.worlds import World


def find(world: World, issuer: LocalIssuer, kid: str | None = "one", algorithm: str = "RS256") -> str | None:
    trusted = issuers.trusted(world.hub, issuer.url)
    return issuer_keys.find_key(world.hub, trusted, kid, algorithm).kid


def fetches(issuer: LocalIssuer) -> int:
    return issuer.asked.count("/keys")


def test_keys_are_fetched_once_an_hour(ci_world: World, issuer: LocalIssuer) -> None:
    for _ in range(3):
        assert find(ci_world, issuer) == "one"
    assert fetches(issuer) == 1
    ci_world.clock.advance(FRESH_MS)
    assert find(ci_world, issuer) == "one"
    assert fetches(issuer) == 2


def test_a_new_key_is_found_and_unknown_ones_ask_once_a_minute(ci_world: World, issuer: LocalIssuer) -> None:
    find(ci_world, issuer)
    issuer.add_key("two")
    issuer.publish()
    with pytest.raises(OAuthRefused, match="does not have a key 'two'"):
        find(ci_world, issuer, "two")
    ci_world.clock.advance(PAUSE_MS)
    assert find(ci_world, issuer, "two") == "two"
    for number in range(20):
        with pytest.raises(OAuthRefused):
            find(ci_world, issuer, f"made up {number}")
    assert fetches(issuer) == 2


def test_a_key_that_was_withdrawn_is_refused_within_the_hour(ci_world: World, issuer: LocalIssuer) -> None:
    find(ci_world, issuer)
    issuer.keys = {"three": issuer.keys["one"]}
    issuer.publish()
    ci_world.clock.advance(FRESH_MS)
    with pytest.raises(OAuthRefused):
        find(ci_world, issuer)


def test_the_last_keys_are_used_for_a_day_if_the_issuer_is_silent(ci_world: World, issuer: LocalIssuer) -> None:
    find(ci_world, issuer)
    issuer.pages.clear()
    ci_world.clock.advance(STALE_MS - 1)
    assert find(ci_world, issuer) == "one"
    ci_world.clock.advance(PAUSE_MS)
    with pytest.raises(IssuerUnavailable, match="answered 404"):
        find(ci_world, issuer)


def test_a_silent_issuer_is_asked_once_a_minute(ci_world: World, issuer: LocalIssuer) -> None:
    issuer.pages.clear()
    for _ in range(5):
        with pytest.raises(IssuerUnavailable):
            find(ci_world, issuer)
    assert len(issuer.asked) == 1
    issuer.publish()
    ci_world.clock.advance(PAUSE_MS)
    assert find(ci_world, issuer) == "one"


@pytest.mark.parametrize(
    ("page", "why"), [(b'{"keys": 7}', "cannot be read"), (b'{"keys": []}', "does not have a key")]
)
def test_a_key_set_without_usable_keys_is_refused(ci_world: World, issuer: LocalIssuer, page: bytes, why: str) -> None:
    issuer.pages["/keys"] = page
    with pytest.raises((IssuerUnavailable, OAuthRefused), match=why):
        find(ci_world, issuer)


@pytest.mark.parametrize("address", [None, 7, "file:///etc/passwd", "http://169.254.169.254@127.0.0.1:1/"])
def test_the_address_of_the_keys_is_judged_like_any_other(
    ci_world: World, issuer: LocalIssuer, address: object
) -> None:
    about = {"issuer": issuer.url, "jwks_uri": address}
    issuer.pages["/.well-known/openid-configuration"] = json.dumps(about).encode()
    with pytest.raises(IssuerUnavailable):
        find(ci_world, issuer)


def test_without_a_name_only_a_single_key_is_used(ci_world: World, issuer: LocalIssuer) -> None:
    assert find(ci_world, issuer, None) == "one"
    issuer.add_key("two")
    issuer.publish()
    ci_world.clock.advance(FRESH_MS)
    with pytest.raises(OAuthRefused, match="exactly one key"):
        find(ci_world, issuer, None)
    with pytest.raises(OAuthRefused):
        find(ci_world, issuer, "one", "ES256")


def test_keys_in_a_file_need_no_network(
    make_world: Callable[..., World], issuer: LocalIssuer, tmp_path: pathlib.Path
) -> None:
    file, world = tmp_path / "keys.json", make_world()
    trusted = Issuer("https://ci.example", file)
    with pytest.raises(IssuerUnavailable, match="file of keys"):
        issuer_keys.find_key(world.hub, trusted, "one", "RS256")
    file.write_bytes(issuer.pages["/keys"])
    assert issuer_keys.find_key(world.hub, trusted, "one", "RS256").kid == "one"
    with pytest.raises(OAuthRefused):
        issuer_keys.find_key(world.hub, trusted, "two", "RS256")
    file.write_bytes(b"{")
    with pytest.raises(IssuerUnavailable, match="file of keys"):
        issuer_keys.find_key(world.hub, trusted, "one", "RS256")
    assert issuer.asked == []


def test_few_threads_wait_for_an_issuer(ci_world: World, issuer: LocalIssuer) -> None:
    known = issuer_keys._state(ci_world.hub.store_id, issuer.url)
    taken = 0
    while known.slots.acquire(blocking=False):
        taken += 1
    with pytest.raises(IssuerUnavailable, match="try again"):
        find(ci_world, issuer)
    known.slots.release()
    assert find(ci_world, issuer) == "one"
    assert taken == 4
    assert known.slots.acquire(blocking=False)
    ci_world.clock.advance(FRESH_MS)
    assert find(ci_world, issuer) == "one", "what is known is used"

from __future__ import annotations

import httpx2
import pytest

from entrepot.hub.files.xet_tokens import GRACE_S, LIFETIME_S
from tests.support.chunk_store import Store

HASH = "1" * 64
ROUTES = [
    ("GET", f"/v1/chunks/default/{HASH}"),
    ("POST", f"/v1/xorb-grants/default/{HASH}"),
    ("POST", f"/v1/xorbs/default/{HASH}"),
    ("POST", "/v1/shards"),
    ("POST", "/v2/shards"),
    ("GET", f"/v1/reconstructions/{HASH}"),
    ("GET", f"/v2/reconstructions/{HASH}"),
]
each_route = pytest.mark.parametrize(("method", "path"), ROUTES)


def status(url: str, method: str, path: str, **headers: str) -> int:
    answer = httpx2.request(method, f"{url}{path}", headers=headers, trust_env=False)
    assert isinstance(answer.json(), dict)
    return answer.status_code


@each_route
def test_every_route_requires_a_token(store: Store, method: str, path: str) -> None:
    held = store.give(store.new_repo())
    assert status(held.cas_url, method, path) == 401
    assert status(held.cas_url, method, path, authorization=f"Bearer {store.tokens['alice']}") == 401
    assert status(held.cas_url, method, path, authorization="Bearer xet_") == 401
    assert status(held.cas_url, method, path, authorization="Digest x") == 401


@each_route
def test_an_altered_token_is_refused(store: Store, method: str, path: str) -> None:
    held = store.give(store.new_repo())
    for at in (5, len(held.secret) // 2, len(held.secret) - 1):
        letter = "0" if held.secret[at] != "0" else "1"
        altered = held.secret[:at] + letter + held.secret[at + 1 :]
        assert status(held.cas_url, method, path, authorization=f"Bearer {altered}") == 401


@each_route
def test_a_token_is_valid_slightly_longer_than_announced(store: Store, method: str, path: str) -> None:
    held = store.give(store.new_repo())
    store.clock.ahead_s = LIFETIME_S + GRACE_S // 2
    assert status(held.cas_url, method, path, authorization=f"Bearer {held.secret}") in (200, 400, 404)
    store.clock.ahead_s = LIFETIME_S + GRACE_S + 60
    assert status(held.cas_url, method, path, authorization=f"Bearer {held.secret}") == 401


@each_route
def test_a_token_of_another_store_is_not_found(store: Store, method: str, path: str) -> None:
    held = store.give(store.new_repo())
    url = held.cas_url.rpartition("/")[0] + "/another-1"
    assert status(url, method, path, authorization=f"Bearer {held.secret}") == 404


def test_a_token_of_another_hub_is_refused(store: Store, strict_store: Store) -> None:
    foreign, held = strict_store.give(strict_store.new_repo()), store.give(store.new_repo())
    for method, path in ROUTES:
        assert status(held.cas_url, method, path, authorization=f"Bearer {foreign.secret}") == 401


def test_a_xet_token_is_refused_by_the_hub_itself(store: Store) -> None:
    held = store.give(store.new_repo())
    assert status(store.url, "GET", "/api/whoami-v2", authorization=f"Bearer {held.secret}") == 401


@pytest.mark.parametrize("verb", ["read", "write"])
def test_a_token_of_one_repository_reads_no_file_of_another(store: Store, content: bytes, verb: str) -> None:
    upload = store.upload(store.new_repo(), content)
    same_owner, stranger = store.new_repo("alice"), store.new_repo("bob")
    for repo in (same_owner, stranger):
        with store.client(repo, verb) as client:
            answers = [client.get(f"/{version}/reconstructions/{upload.file}") for version in ("v1", "v2")]
        assert [answer.status_code for answer in answers] == [404, 404]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/v1"),
        ("GET", "/v1/chunks/other/" + HASH),
        ("GET", "/v3/reconstructions/" + HASH),
        ("POST", "/v1/xorb-grants/default/" + HASH + "/more"),
        ("POST", "/v1/xorb-commits/default/" + HASH + "/grant/1"),
        ("POST", "/v2/xorb-grants/other/" + HASH),
        ("POST", "/anything"),
        ("PUT", "/v9/anything/else"),
        ("GET", "/v2/file-chunk-hashes/" + HASH),
        ("GET", "/v1/chunks/default/" + HASH + "/"),
        ("GET", "//v1/chunks/default/" + HASH),
    ],
)
def test_absent_routes_are_not_found_as_json(store: Store, method: str, path: str) -> None:
    held = store.give(store.new_repo())
    assert status(held.cas_url, method, path, authorization=f"Bearer {held.secret}") == 404


@pytest.mark.parametrize("path", ["/xet", "/xet/", "/xet/x", "/_xet/", "/_xet/xorbs", f"/_xet/xorbs/{HASH}/more"])
def test_absent_xorbs_are_not_found_as_json(store: Store, path: str) -> None:
    assert status(store.url, "GET", path) == 404

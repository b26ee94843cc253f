"""Routes of buckets themselves, as clients call them."""

from __future__ import annotations

import httpx2
import pytest

from tests.support.site import Site


@pytest.fixture
def bucket(alice: httpx2.Client) -> str:
    """Create a private bucket of alice and return its id; tests of one module share the hub."""
    for number in range(1000):
        answer = alice.post(f"/api/buckets/me/b{number}", json={"visibility": "private"})
        if answer.status_code == 200:
            return str(answer.json()["name"])
    raise AssertionError("no name is free")


def test_a_bucket_is_created_once(site: Site, alice: httpx2.Client) -> None:
    made = alice.post("/api/buckets/alice/once", json={"region": "eu", "resourceGroupId": "x"})
    assert (made.status_code, made.json()["url"]) == (200, f"{site.url}/buckets/alice/once")
    assert made.json()["id"]
    again = alice.post("/api/buckets/me/once")
    assert (again.status_code, again.json()["url"]) == (409, made.json()["url"])
    assert alice.post("/api/buckets/bob/other").status_code == 403


def test_a_bucket_is_described_listed_and_hidden(
    alice: httpx2.Client, stranger: httpx2.Client, anonymous: httpx2.Client, bucket: str
) -> None:
    shown = alice.get(f"/api/buckets/{bucket}?expand[]=likes").json()
    assert (shown["id"], shown["author"], shown["private"], shown["repoType"]) == (bucket, "alice", True, "bucket")
    assert (shown["size"], shown["totalFiles"]) == (0, 0)
    name = bucket.partition("/")[2]
    assert shown in alice.get(f"/api/buckets/me?search={name.upper()}").json()
    assert shown in alice.get("/api/buckets/alice").json()
    assert bucket not in stranger.get("/api/buckets/alice").text
    for client, status in ((stranger, 404), (anonymous, 401)):
        hidden, absent = client.get(f"/api/buckets/{bucket}"), client.get("/api/buckets/alice/absent")
        assert hidden.status_code == absent.status_code == status
        assert hidden.headers["x-error-code"] == "RepoNotFound"
        assert hidden.text == absent.text
    assert anonymous.get("/api/buckets/me").status_code == 401
    assert anonymous.get("/api/buckets/nobody-here").status_code == 404


def test_lists_have_pages(alice: httpx2.Client) -> None:
    for name in ("page-1", "page-2", "page-3"):
        alice.post(f"/api/buckets/me/{name}")
    first = alice.get("/api/buckets/alice?search=page-&limit=2")
    rest = alice.get(first.links["next"]["url"])
    assert [item["id"] for item in first.json() + rest.json()] == [f"alice/page-{number}" for number in (1, 2, 3)]
    assert "next" not in rest.links


def test_the_visibility_changes_at_once(alice: httpx2.Client, anonymous: httpx2.Client, bucket: str) -> None:
    assert alice.put(f"/api/buckets/{bucket}/settings", json={"private": False}).json()["private"] is False
    assert anonymous.get(f"/api/buckets/{bucket}").status_code == 200
    assert alice.put(f"/api/buckets/{bucket}/settings", json={"visibility": "private"}).json()["private"] is True
    assert anonymous.get(f"/api/buckets/{bucket}").status_code == 401


def test_a_bucket_is_moved_by_the_route_of_repositories_and_deleted_by_its_own(
    alice: httpx2.Client, bucket: str
) -> None:
    body = {"fromRepo": bucket, "toRepo": f"{bucket}-moved", "type": "bucket"}
    assert alice.post("/api/repos/move", json=body).status_code == 200
    old = alice.get(f"/api/buckets/{bucket}")
    assert (old.status_code, old.headers["location"]) == (307, f"/api/buckets/{bucket}-moved")
    assert alice.delete(f"/api/buckets/{bucket}-moved").status_code == 200
    assert alice.get(f"/api/buckets/{bucket}-moved").status_code == 404
    assert alice.delete("/api/buckets/alice").status_code == 404


@pytest.mark.parametrize("verb", ["create", "delete"])
def test_other_routes_of_repositories_know_no_buckets(alice: httpx2.Client, verb: str) -> None:
    answer = alice.request(
        {"create": "POST", "delete": "DELETE"}[verb], f"/api/repos/{verb}", json={"name": "x", "type": "bucket"}
    )
    assert answer.status_code == 400
    assert "/api/buckets" in answer.text


@pytest.mark.parametrize("verb", ["read", "write"])
def test_tokens_of_the_chunk_store_are_in_body_and_headers(
    alice: httpx2.Client, stranger: httpx2.Client, bucket: str, verb: str
) -> None:
    answer = alice.get(f"/api/buckets/{bucket}/xet-{verb}-token")
    assert answer.headers["x-xet-access-token"] == answer.json()["accessToken"]
    assert stranger.get(f"/api/buckets/{bucket}/xet-{verb}-token").status_code == 404

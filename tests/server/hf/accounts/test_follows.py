from __future__ import annotations

import httpx2

from entrepot.hub.accounts import accounts
from tests.support.site import Site


def test_todays_client_lists_followers_and_followed(site: Site, alice: httpx2.Client, stranger: httpx2.Client) -> None:
    accounts.create_org(site.hub, "Followed", admin="alice")
    for client, path in ((stranger, "users/alice"), (alice, "users/bob"), (stranger, "organizations/Followed")):
        assert client.post(f"/api/{path}/follow").status_code == 200
    api = site.api()
    assert [user.username for user in api.list_user_followers("alice")] == ["bob"]
    assert [user.username for user in api.list_user_following("alice")] == ["bob"]
    assert [user.username for user in api.list_organization_followers("Followed")] == ["bob"]
    seen = api.get_user_overview("bob")
    assert (seen.is_following, seen.num_followers, seen.num_following) == (True, 1, 1)
    assert api.get_organization_overview("Followed").num_followers == 1
    assert stranger.get("/api/organizations/Followed/overview").json()["isFollowing"] is True
    for client, path in ((stranger, "users/alice"), (alice, "users/bob"), (stranger, "organizations/Followed")):
        assert client.delete(f"/api/{path}/follow").status_code == 200
    assert list(api.list_user_followers("alice")) == []


def test_long_lists_have_a_next_page(site: Site, alice: httpx2.Client, stranger: httpx2.Client) -> None:
    accounts.create_user(site.hub, "famous")
    for client in (alice, stranger):
        client.post("/api/users/famous/follow")
    first = alice.get("/api/users/famous/followers?limit=1")
    rest = alice.get(first.links["next"]["url"])
    assert {item["user"] for item in (*first.json(), *rest.json())} == {"alice", "bob"}
    assert "next" not in rest.links


def test_no_one_follows_themselves_nor_who_does_not_exist(alice: httpx2.Client, anonymous: httpx2.Client) -> None:
    assert alice.post("/api/users/alice/follow").status_code == 409
    assert alice.post("/api/users/nobody/follow").status_code == 404
    assert anonymous.post("/api/users/alice/follow").status_code == 401
    assert anonymous.get("/api/users/nobody/following").status_code == 404

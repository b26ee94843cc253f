from __future__ import annotations

import httpx2

from entrepot.names import RepoType
from tests.support.site import Site


def test_todays_client_sees_likes_and_takes_them_back(site: Site, alice: httpx2.Client) -> None:
    repo, data = site.new_repo(), site.new_repo(RepoType.DATASET)
    assert alice.post(f"/api/models/{repo}/like").status_code == 200
    assert alice.post(f"/api/datasets/{data}/like").status_code == 200
    api = site.api()
    assert [user.username for user in api.list_repo_likers(repo)] == ["alice"]
    found = api.list_liked_repos("alice")
    assert (found.user, repo in found.models, data in found.datasets) == ("alice", True, True)
    assert api.model_info(repo).likes == 1
    api.unlike(repo)
    assert api.model_info(repo).likes == 0
    assert repo not in api.list_liked_repos().models


def test_long_lists_have_a_next_page(site: Site, alice: httpx2.Client, stranger: httpx2.Client) -> None:
    repo = site.new_repo()
    for client in (alice, stranger):
        client.post(f"/api/models/{repo}/like")
    first = alice.get(f"/api/models/{repo}/likers?limit=1")
    rest = alice.get(first.links["next"]["url"])
    assert {item["user"] for item in (*first.json(), *rest.json())} == {"alice", "bob"}
    assert "next" not in rest.links


def test_likes_of_hidden_repositories_are_not_shown(site: Site, stranger: httpx2.Client) -> None:
    repo = site.new_repo(visibility="private")
    for method, action in (("POST", "like"), ("DELETE", "like"), ("GET", "likers")):
        assert stranger.request(method, f"/api/models/{repo}/{action}").headers["X-Error-Code"] == "RepoNotFound"


def test_an_unknown_user_is_not_found(anonymous: httpx2.Client) -> None:
    assert anonymous.get("/api/users/nobody/likes").status_code == 404

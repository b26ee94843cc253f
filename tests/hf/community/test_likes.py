from __future__ import annotations

from typing import Any

import pytest
from huggingface_hub import HfApi as Oracle

from entrepot.errors import TokenMissing
from entrepot.hf.api import HubApi
from tests.support.scripted_hub import Reply, ScriptedHub


@pytest.fixture
def api(scripted_hub: ScriptedHub, tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> HubApi:
    monkeypatch.setenv("ENTREPOT_HOME", str(tmp_path))
    return HubApi(scripted_hub.url, token="hf_sometoken")


def test_a_like_is_added_and_removed(scripted_hub: ScriptedHub, reply: type[Reply], api: HubApi) -> None:
    for method in ("POST", "DELETE"):
        scripted_hub.on(method, "/api/spaces/ns/name/like", reply("OK"))
    api.like("ns/name", repo_type="space")
    api.unlike("ns/name", repo_type="space")
    assert [seen.method for seen in scripted_hub.seen] == ["POST", "DELETE"]


def test_the_likers_of_a_repository(scripted_hub: ScriptedHub, reply: type[Reply], api: HubApi) -> None:
    person = {"user": "ann", "fullname": "Ann", "avatarUrl": "http://x/a.png", "isPro": False}
    more = {"Link": f'<{scripted_hub.url}/api/models/ns/name/likers?cursor=2>; rel="next"'}
    scripted_hub.on(
        "GET", "/api/models/ns/name/likers", reply([person], headers=more), reply([person | {"user": "bob"}])
    )
    assert [user.username for user in api.list_repo_likers("ns/name")] == ["ann", "bob"]


def test_the_likes_of_a_user(scripted_hub: ScriptedHub, reply: type[Reply], api: HubApi) -> None:
    likes = [
        {"createdAt": "2024-01-01T00:00:00.000Z", "repo": {"name": f"ns/{kind}", "type": kind}}
        for kind in ("model", "dataset", "space", "kernel")
    ]
    scripted_hub.on("GET", "/api/users/ann/likes", reply(likes))
    me: dict[str, Any] = {"type": "user", "id": "65f0", "name": "ann", "fullname": "Ann", "email": None, "orgs": []}
    auth = {
        "type": "access_token",
        "accessToken": {"displayName": "t", "role": "read", "createdAt": "2024-01-01T00:00:00Z"},
    }
    scripted_hub.on("GET", "/api/whoami-v2", reply(me | {"auth": auth}))
    mine = api.list_liked_repos()
    assert vars(mine) == vars(Oracle(scripted_hub.url, token="hf_sometoken").list_liked_repos())
    assert (mine.user, mine.total, mine.models) == ("ann", 4, ["ns/model"])
    assert api.list_liked_repos("ann", token=False) == mine
    with pytest.raises(TokenMissing):
        api.list_liked_repos(token=False)

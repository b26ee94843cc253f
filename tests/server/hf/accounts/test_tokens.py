from __future__ import annotations

from typing import Any

import httpx2
import pytest
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError

from entrepot.names import RepoType
from tests.support.site import Site

PATH = "/api/settings/tokens"


def make(client: httpx2.Client, **body: Any) -> Any:
    answer = client.post(PATH, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def scoped(kind: str, name: str, *permissions: str, **more: Any) -> dict[str, Any]:
    return {"scoped": [{"entity": {"type": kind, "name": name}, "permissions": permissions}], **more}


def test_a_token_lives_from_its_making_to_its_end(alice: httpx2.Client, site: Site) -> None:
    made = make(alice, role="read", name="ci")
    assert set(made) == {"id", "displayName", "role", "createdAt", "expiresAt", "lastUsedAt", "token"}
    with site.client(made["token"]) as ci:
        assert ci.get("/api/whoami-v2").json()["auth"]["accessToken"]["displayName"] == "ci"
        renamed = alice.post(f"{PATH}/{made['id']}", json={"name": "robot"}).json()
        assert (renamed["displayName"], "token" in renamed) == ("robot", False)
        fresh = alice.post(f"{PATH}/{made['id']}/rotate").json()
        assert ci.get("/api/whoami-v2").status_code == 401
    with site.client(fresh["token"]) as ci:
        assert ci.get("/api/whoami-v2").status_code == 200
        assert alice.delete(f"{PATH}/{made['id']}").status_code == 200
        assert ci.get("/api/whoami-v2").status_code == 401
    assert alice.delete(f"{PATH}/{made['id']}").status_code == 404


def test_secrets_are_shown_once_and_not_kept_by_caches(alice: httpx2.Client) -> None:
    answer = alice.post(PATH, json={"role": "read"})
    assert answer.headers["cache-control"] == "no-store"
    listed = alice.get(PATH)
    assert answer.json()["id"] in [row["id"] for row in listed.json()]
    assert "hf_" not in listed.text


def test_the_end_of_a_token_is_a_time(alice: httpx2.Client) -> None:
    made = make(alice, role="read", expiresAt="2999-01-31T00:00:00.000Z")
    assert made["expiresAt"] == "2999-01-31T00:00:00.000Z"
    for when in ("2001-01-01", "soon", "99999-01-01"):
        assert alice.post(PATH, json={"role": "read", "expiresAt": when}).status_code == 400


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"role": "god"},
        {"role": "fineGrained"},
        {"role": "write", "fineGrained": {}},
        {"role": "read", "name": ""},
        {"role": "fineGrained", "fineGrained": scoped("model", "a/b/c")},
        {"role": "fineGrained", "fineGrained": scoped("user", "alice", "repo.everything")},
        {"role": "fineGrained", "fineGrained": {"global": ["repo.write"]}},
    ],
)
def test_an_invalid_description_of_a_token_is_refused(alice: httpx2.Client, body: dict[str, Any]) -> None:
    answer = alice.post(PATH, json=body)
    assert (answer.status_code, bool(answer.json()["error"])) == (400, True)


def test_whoami_shows_scopes_as_the_public_hub_does(alice: httpx2.Client, site: Site) -> None:
    repo = site.new_repo()
    wish = scoped("model", repo, "repo.write", **{"global": ["discussion.write"], "canReadGatedRepos": True})
    made = make(alice, role="fineGrained", fineGrained=wish)
    me = site.api(made["token"]).whoami()
    token = me["auth"]["accessToken"]
    uid = alice.get(f"/api/models/{repo}").json()["_id"]
    assert token["role"] == "fineGrained"
    assert token["fineGrained"] == {
        "scoped": [{"entity": {"_id": uid, "type": "model", "name": repo}, "permissions": ["repo.write"]}],
        "global": ["discussion.write"],
        "canReadGatedRepos": True,
    }
    assert made["fineGrained"] == token["fineGrained"]
    assert "fineGrained" not in alice.get("/api/whoami-v2").json()["auth"]["accessToken"]


def test_the_real_client_is_held_to_the_scopes(alice: httpx2.Client, site: Site) -> None:
    mine, other = (site.new_repo(RepoType.DATASET, visibility="private") for _ in range(2))
    api: HfApi = site.api(make(alice, role="fineGrained", fineGrained=scoped("dataset", mine, "repo.write"))["token"])
    api.upload_file(path_or_fileobj=b"x", path_in_repo="a.txt", repo_id=mine, repo_type="dataset")
    assert "a.txt" in api.list_repo_files(mine, repo_type="dataset")
    names = [found.id for found in api.list_datasets(author="alice")]
    assert (mine in names, other in names) == (True, False)
    with pytest.raises(RepositoryNotFoundError):
        api.list_repo_files(other, repo_type="dataset")
    with pytest.raises(HfHubHTTPError, match=r"lacks the permission 'repo.write'"):
        api.create_repo("alice/never-made")
    with pytest.raises(HfHubHTTPError, match="403"):
        api.upload_file(path_or_fileobj=b"x", path_in_repo="a.txt", repo_id=site.new_repo())

from __future__ import annotations

from urllib.parse import unquote

import httpx2
import pytest
from huggingface_hub.errors import HfHubHTTPError, RevisionNotFoundError

from entrepot.hub.repos import branches, repositories
from entrepot.hub.repos.repositories import NewRepo
from entrepot.names import RepoType
from tests.support.site import Committer, Site


@pytest.fixture
def repo(site: Site) -> str:
    repo: str = site.new_repo()
    return repo


def names(client: httpx2.Client, repo: str, kind: str) -> list[str]:
    return [item["name"] for item in client.get(f"/api/models/{repo}/refs").json()[kind]]


def test_a_fresh_repository_has_one_branch(anonymous: httpx2.Client, repo: str) -> None:
    refs = anonymous.get(f"/api/models/{repo}/refs").json()
    head = anonymous.get(f"/api/models/{repo}/commits/main").json()[0]["id"]
    assert refs == {
        "branches": [{"name": "main", "ref": "refs/heads/main", "targetCommit": head}],
        "converts": [],
        "tags": [],
    }


def test_pull_requests_are_listed_when_asked_for(anonymous: httpx2.Client, repo: str) -> None:
    assert anonymous.get(f"/api/models/{repo}/refs?include_prs=1").json()["pullRequests"] == []


@pytest.mark.parametrize("tail", ["feature%2Fx", "feature/x"])
def test_a_branch_may_have_a_slash_and_needs_no_body(alice: httpx2.Client, repo: str, tail: str) -> None:
    made = alice.post(f"/api/models/{repo}/branch/{tail}")
    assert (made.status_code, made.text) == (200, "OK")
    assert names(alice, repo, "branches") == ["feature/x", "main"]
    assert alice.delete(f"/api/models/{repo}/branch/{tail}").status_code == 200
    assert names(alice, repo, "branches") == ["main"]


def test_a_branch_that_exists_is_a_conflict_unless_it_is_overwritten(
    alice: httpx2.Client, committer: Committer, repo: str
) -> None:
    alice.post(f"/api/models/{repo}/branch/b")
    head = committer.write(repo, {"a": b"1"})
    again = alice.post(f"/api/models/{repo}/branch/b", json={})
    assert (again.status_code, again.json()["error"]) == (409, "Reference refs/heads/b already exists")
    assert alice.post(f"/api/models/{repo}/branch/b", json={"overwrite": True}).status_code == 200
    assert alice.get(f"/api/models/{repo}/commits/b").json()[0]["id"] == head


def test_a_branch_may_begin_elsewhere_or_empty(alice: httpx2.Client, committer: Committer, repo: str) -> None:
    first = committer.write(repo, {"a": b"1"})
    committer.write(repo, {"b": b"1"})
    alice.post(f"/api/models/{repo}/branch/old", json={"startingPoint": first})
    alice.post(f"/api/models/{repo}/branch/none", json={"emptyBranch": True})
    assert [entry["path"] for entry in alice.get(f"/api/models/{repo}/tree/old").json()] == [".gitattributes", "a"]
    assert alice.get(f"/api/models/{repo}/tree/none").json() == []


def test_an_unknown_start_is_an_unknown_revision(alice: httpx2.Client, repo: str) -> None:
    answer = alice.post(f"/api/models/{repo}/branch/b", json={"startingPoint": "nope"})
    assert (answer.status_code, answer.headers["x-error-code"]) == (404, "RevisionNotFound")


@pytest.mark.parametrize("tail", ["a..b", "%20", "a%00b", "x.lock", "HEAD", "x" * 300])
def test_a_name_that_git_forbids_is_a_bad_request(alice: httpx2.Client, repo: str, tail: str) -> None:
    assert alice.post(f"/api/models/{repo}/branch/{tail}").status_code == 400
    assert alice.post(f"/api/models/{repo}/tag/main", json={"tag": unquote(tail)}).status_code == 400


def test_main_stays(alice: httpx2.Client, repo: str) -> None:
    answer = alice.delete(f"/api/models/{repo}/branch/main")
    assert (answer.status_code, answer.json()["error"]) == (403, "Cannot delete refs/heads/main")


def test_absent_refs_cannot_be_deleted(alice: httpx2.Client, repo: str) -> None:
    branch = alice.delete(f"/api/models/{repo}/branch/nope")
    tag = alice.delete(f"/api/models/{repo}/tag/nope")
    assert (branch.status_code, branch.json()["error"]) == (404, "Invalid rev id: refs/heads/nope")
    assert {answer.headers["x-error-code"] for answer in (branch, tag)} == {"RevisionNotFound"}


@pytest.mark.parametrize("message", [None, "first release"])
def test_a_tag_leads_to_its_commit(alice: httpx2.Client, committer: Committer, repo: str, message: str | None) -> None:
    head = committer.write(repo, {"a": b"1"})
    made = alice.post(f"/api/models/{repo}/tag/main", json={"tag": "v/1", "message": message})
    assert made.status_code == 200
    tags = alice.get(f"/api/models/{repo}/refs").json()["tags"]
    assert tags == [{"name": "v/1", "ref": "refs/tags/v/1", "targetCommit": head}]
    again = alice.post(f"/api/models/{repo}/tag/main", json={"tag": "v/1"})
    assert (again.status_code, again.json()["error"]) == (409, "Tag v/1 already exists")
    assert alice.delete(f"/api/models/{repo}/tag/v%2F1").status_code == 200
    assert names(alice, repo, "tags") == []


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"overwrite":"maybe"}'])
def test_a_body_that_is_none_is_a_bad_request(alice: httpx2.Client, repo: str, body: bytes) -> None:
    assert alice.post(f"/api/models/{repo}/branch/b", content=body).status_code == 400


def test_only_writers_change_refs(site: Site, stranger: httpx2.Client, anonymous: httpx2.Client, repo: str) -> None:
    with site.client(site.reader) as reader:
        codes = [
            client.request(method, f"/api/models/{repo}/{tail}", json=body).status_code
            for client in (reader, stranger, anonymous)
            for method, tail, body in (
                ("POST", "branch/b", {}),
                ("DELETE", "branch/main", None),
                ("POST", "tag/main", {"tag": "v1"}),
                ("DELETE", "tag/v1", None),
            )
        ]
    assert codes == [403] * 8 + [401] * 4


def test_the_refs_of_a_private_repository_are_hidden(
    site: Site, stranger: httpx2.Client, anonymous: httpx2.Client
) -> None:
    repo = site.new_repo(visibility="private")
    for method, tail in (("GET", "refs"), ("POST", "branch/b"), ("DELETE", "branch/main")):
        for client, status in ((stranger, 404), (anonymous, 401)):
            answer = client.request(method, f"/api/models/{repo}/{tail}")
            assert (answer.status_code, answer.headers["x-error-code"]) == (status, "RepoNotFound")


def test_an_old_name_redirects_with_its_query(site: Site, alice: httpx2.Client) -> None:
    caller = site.hub.identify(site.alice)
    row = repositories.create(site.hub, caller, NewRepo(RepoType.MODEL, "before"))
    branches.create_tag(site.hub, caller, row.ref, "main", "v1", None)
    repositories.move(site.hub, caller, row.ref, type(row.ref)(row.ref.type, type(row.ref.id)("alice", "after")))
    answer = alice.get("/api/models/alice/before/refs?include_prs=1")
    assert (answer.status_code, answer.headers["location"]) == (307, "/api/models/alice/after/refs?include_prs=1")


def test_the_client_makes_and_deletes_branches_and_tags(site: Site, repo: str) -> None:
    api = site.api()
    api.create_branch(repo, branch="dev/one")
    api.create_branch(repo, branch="dev/one", exist_ok=True)
    api.create_tag(repo, tag="v1", tag_message="hello", revision="dev/one")
    refs = api.list_repo_refs(repo, include_pull_requests=True)
    assert [ref.name for ref in refs.branches] == ["dev/one", "main"]
    assert [ref.name for ref in refs.tags] == ["v1"]
    assert refs.pull_requests == []
    with pytest.raises(HfHubHTTPError, match="already exists"):
        api.create_tag(repo, tag="v1")
    api.delete_branch(repo, branch="dev/one")
    api.delete_tag(repo, tag="v1")
    with pytest.raises(RevisionNotFoundError):
        api.delete_tag(repo, tag="v1")
    with pytest.raises(RevisionNotFoundError):
        api.create_branch(repo, branch="b", revision="nope")

from __future__ import annotations

import httpx2
import pytest
from huggingface_hub import HfApi

from tests.support.site import Committer, Site


@pytest.fixture
def repo(site: Site, committer: Committer, alice: httpx2.Client) -> str:
    repo: str = site.new_repo()
    committer.write(repo, {"old": b"1"})
    alice.post(f"/api/models/{repo}/branch/v1", json={"emptyBranch": True})
    committer.write(repo, {"new": b"2"}, rev="v1")
    return repo


def test_clients_of_the_public_hub_see_an_ordinary_commit(site: Site, alice: httpx2.Client, repo: str) -> None:
    answer = alice.post(f"/api/models/{repo}/replace/main", json={"from": "v1"})
    api = HfApi(endpoint=site.url, token=site.alice)
    newest = api.list_repo_commits(repo)[0]
    assert answer.json() == {
        "success": True,
        "commitOid": newest.commit_id,
        "commitUrl": f"{site.url}/{repo}/commit/{newest.commit_id}",
        "hookOutput": "",
    }
    assert (newest.title, api.list_repo_files(repo)) == ("Merge branch 'v1'", ["new"])


def test_a_second_merge_changes_nothing(alice: httpx2.Client, repo: str) -> None:
    first = alice.post(f"/api/models/{repo}/replace/main", json={"from": "v1", "message": "Mine\n\nWhy."}).json()
    second = alice.post(f"/api/models/{repo}/replace/main", json={"from": "v1"}).json()
    assert (second["unchanged"], second["commitOid"]) == (True, first["commitOid"])
    newest = alice.get(f"/api/models/{repo}/commits/main").json()[0]
    assert (newest["title"], newest["message"]) == ("Mine", "Why.")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, None),
        ({"from": "main"}, 400, None),
        ({"from": "nothing"}, 404, "RevisionNotFound"),
        ({"from": "v1", "message": "x" * 70_000}, 413, None),
    ],
)
def test_a_merge_that_cannot_be_made_is_refused(
    alice: httpx2.Client, repo: str, body: dict[str, str], status: int, code: str | None
) -> None:
    answer = alice.post(f"/api/models/{repo}/replace/main", json=body)
    assert (answer.status_code, answer.headers.get("x-error-code")) == (status, code)


def test_a_protected_branch_is_not_replaced(alice: httpx2.Client, repo: str) -> None:
    alice.put(f"/api/models/{repo}/settings", json={"protectedBranches": ["ma*"]})
    answer = alice.post(f"/api/models/{repo}/replace/main", json={"from": "v1"})
    assert (answer.status_code, "protected" in answer.json()["error"]) == (403, True)

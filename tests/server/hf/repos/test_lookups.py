from __future__ import annotations

import httpx2
import pytest

from entrepot.errors import AmbiguousRevision
from entrepot.hub.repos import lookups
from tests.support.site import Committer, Site


def test_branches_tags_and_commits_are_told_apart(site: Site, alice: httpx2.Client, committer: Committer) -> None:
    repo = site.new_repo()
    first = committer.write(repo, {"a": b"1"}, summary="one")
    alice.post(f"/api/models/{repo}/tag/main", json={"tag": "v1"})
    second = committer.write(repo, {"a": b"2"}, summary="two")
    alice.post(f"/api/models/{repo}/branch/feat%2Fx")
    branch, tag, commit = (
        alice.get(f"/api/models/{repo}/lookup/{text}").json() for text in ("feat%2Fx", "v1", first[:4])
    )
    assert (branch["kind"], branch["name"], branch["ref"]) == ("branch", "feat/x", "refs/heads/feat/x")
    assert (tag["kind"], tag["name"], tag["ref"], tag["commit"]["id"]) == ("tag", "v1", "refs/tags/v1", first)
    assert (commit["kind"], commit["name"], commit["ref"], commit["commit"]["id"]) == ("commit", None, None, first)
    found = branch["commit"]
    assert found.pop("date").endswith("Z")
    assert found == {"id": second, "title": "two", "message": "", "author": "alice", "parents": [first]}


@pytest.mark.parametrize("text", ["nothing", "abc", "ffff", "f" * 40])
def test_a_text_that_names_nothing_is_no_revision(site: Site, alice: httpx2.Client, text: str) -> None:
    answer = alice.get(f"/api/models/{site.new_repo()}/lookup/{text}")
    assert (answer.status_code, answer.headers["x-error-code"]) == (404, "RevisionNotFound")


def test_an_ambiguous_beginning_lists_the_candidates(
    site: Site, alice: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find(*_: object) -> None:
        raise AmbiguousRevision("a41a", ("a41a" + "0" * 36, "a41a" + "1" * 36))

    monkeypatch.setattr(lookups, "find", find)
    answer = alice.get(f"/api/models/{site.new_repo()}/lookup/a41a")
    assert (answer.status_code, answer.headers["x-error-code"]) == (409, "AmbiguousRevision")
    assert answer.json()["candidates"] == ["a41a" + "0" * 36, "a41a" + "1" * 36]
    assert answer.json()["error"].startswith("Several commits begin with 'a41a': ")


def test_a_private_repository_has_the_lookups_of_an_absent_one(site: Site, stranger: httpx2.Client) -> None:
    repo = site.new_repo(visibility="private")
    hidden, absent = (stranger.get(f"/api/models/{name}/lookup/main") for name in (repo, "alice/absent"))
    assert (hidden.status_code, hidden.json()) == (absent.status_code, absent.json())

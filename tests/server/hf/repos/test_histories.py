from __future__ import annotations

import json

import httpx2
import pytest
from huggingface_hub.errors import RevisionNotFoundError

from tests.support.site import Committer, Site


@pytest.fixture
def repo(site: Site, committer: Committer) -> str:
    repo: str = site.new_repo()
    committer.write(repo, {"a": b"1\n"}, summary="first & <second>")
    committer.write(repo, {"a": b"2\n", "b": b"3\n"}, summary="more")
    return repo


def test_a_history_is_newest_first_and_counted(anonymous: httpx2.Client, repo: str) -> None:
    answer = anonymous.get(f"/api/models/{repo}/commits/main")
    assert [entry["title"] for entry in answer.json()] == ["more", "first & <second>", "initial commit"]
    assert answer.headers["x-total-count"] == "3"
    assert "link" not in answer.headers
    newest = answer.json()[0]
    assert newest["authors"] == [{"user": "alice", "avatar": ""}]
    assert (newest["message"], newest["date"][-1], len(newest["id"])) == ("", "Z", 40)
    assert "formatted" not in newest


def test_a_description_is_the_message(alice: httpx2.Client, committer: Committer, repo: str) -> None:
    committer.send(repo, summary="title", description="one\n\ntwo")
    newest = alice.get(f"/api/models/{repo}/commits/main?limit=1").json()[0]
    assert (newest["title"], newest["message"]) == ("title", "one\n\ntwo")


@pytest.mark.parametrize("key", ["expand[]", "expand"])
def test_a_formatted_message_is_safe_html(anonymous: httpx2.Client, repo: str, key: str) -> None:
    entries = anonymous.get(f"/api/models/{repo}/commits/main", params={key: "formatted"}).json()
    assert entries[1]["formatted"] == {"title": "first &amp; &lt;second&gt;", "message": ""}


def test_parents_are_there_on_request(anonymous: httpx2.Client, repo: str) -> None:
    entries = anonymous.get(f"/api/models/{repo}/commits/main?expand[]=parents").json()
    assert [entry["parents"] for entry in entries] == [[entries[1]["id"]], [entries[2]["id"]], []]
    assert "parents" not in anonymous.get(f"/api/models/{repo}/commits/main").json()[0]


def test_pages_are_linked_until_the_last(anonymous: httpx2.Client, repo: str) -> None:
    answer = anonymous.get(f"/api/models/{repo}/commits/main?limit=2&expand[]=formatted")
    assert len(answer.json()) == 2
    assert answer.links["next"]["url"].startswith(str(anonymous.base_url))
    last = anonymous.get(answer.links["next"]["url"])
    assert [entry["title"] for entry in last.json()] == ["initial commit"]
    assert "formatted" in last.json()[0]
    assert "next" not in last.links


def test_a_page_beyond_the_end_is_empty(anonymous: httpx2.Client, repo: str) -> None:
    assert anonymous.get(f"/api/models/{repo}/commits/main?p=99999999999999999999").json() == []


@pytest.mark.parametrize("query", ["p=x", "limit=x"])
def test_a_number_that_is_none_is_a_bad_request(anonymous: httpx2.Client, repo: str, query: str) -> None:
    assert anonymous.get(f"/api/models/{repo}/commits/main?{query}").status_code == 400


def test_a_comparison_is_a_diff_as_text_or_as_a_string(anonymous: httpx2.Client, repo: str) -> None:
    ids = [entry["id"] for entry in anonymous.get(f"/api/models/{repo}/commits/main").json()]
    for spec in (f"{ids[1]}..{ids[0]}", f"{ids[0]}^..main", f"{ids[1]}...main"):
        raw = anonymous.get(f"/api/models/{repo}/compare/{spec}?raw=1")
        assert raw.headers["content-type"].startswith("text/plain")
        assert "-1\n+2\n" in raw.text
        assert "+++ b/b" in raw.text
        assert json.loads(anonymous.get(f"/api/models/{repo}/compare/{spec}").text) == raw.text


@pytest.mark.parametrize(("spec", "status"), [("main", 400), ("%2E%2E", 400), ("main..nope", 404), ("x^y..main", 404)])
def test_a_comparison_of_nothing_is_refused(anonymous: httpx2.Client, repo: str, spec: str, status: int) -> None:
    assert anonymous.get(f"/api/models/{repo}/compare/{spec}").status_code == status


def test_a_squash_leaves_one_commit_with_the_same_files(alice: httpx2.Client, repo: str) -> None:
    before = alice.get(f"/api/models/{repo}/tree/main").json()
    commit = alice.post(f"/api/models/{repo}/super-squash/main", json={"message": "all"}).json()["commitId"]
    log = alice.get(f"/api/models/{repo}/commits/main").json()
    assert [(entry["id"], entry["title"]) for entry in log] == [(commit, "all")]
    assert alice.get(f"/api/models/{repo}/tree/main").json() == before


def test_only_a_branch_can_be_squashed(alice: httpx2.Client, repo: str) -> None:
    head = alice.get(f"/api/models/{repo}/commits/main").json()[0]["id"]
    for revision in (head, "nope"):
        answer = alice.post(f"/api/models/{repo}/super-squash/{revision}")
        assert (answer.status_code, answer.headers["x-error-code"]) == (404, "RevisionNotFound")


def test_only_writers_squash(site: Site, stranger: httpx2.Client, anonymous: httpx2.Client, repo: str) -> None:
    url = f"/api/models/{repo}/super-squash/main"
    with site.client(site.reader) as reader:
        assert [client.post(url).status_code for client in (reader, stranger, anonymous)] == [403, 403, 401]


def test_the_history_of_a_private_repository_is_hidden(
    site: Site, stranger: httpx2.Client, anonymous: httpx2.Client
) -> None:
    repo = site.new_repo(visibility="private")
    for tail in ("commits/main", "compare/main..main"):
        for client, status in ((stranger, 404), (anonymous, 401)):
            answer = client.get(f"/api/models/{repo}/{tail}")
            assert (answer.status_code, answer.headers["x-error-code"]) == (status, "RepoNotFound")


def test_the_client_reads_and_squashes_a_history(site: Site, repo: str) -> None:
    api = site.api()
    commits = api.list_repo_commits(repo, formatted=True)
    assert [(commit.title, commit.authors) for commit in commits][:1] == [("more", ["alice"])]
    assert commits[1].formatted_title == "first &amp; &lt;second&gt;"
    api.super_squash_history(repo, commit_message="one")
    assert [commit.title for commit in api.list_repo_commits(repo)] == ["one"]
    with pytest.raises(RevisionNotFoundError):
        api.super_squash_history(repo, branch="nope")
    with pytest.raises(RevisionNotFoundError):
        api.list_repo_commits(repo, revision="nope")

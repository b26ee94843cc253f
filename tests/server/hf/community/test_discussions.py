from __future__ import annotations

from typing import Any

import httpx2
import pytest

from entrepot.names import VERSIONED_TYPES, RepoType
from entrepot.server.hf.community import discussions
from tests.support.site import Committer, Site


@pytest.fixture
def repo(site: Site) -> str:
    found: str = site.new_repo()
    return found


def base(repo: str, kind: RepoType = RepoType.MODEL) -> str:
    return f"/api/{kind.plural}/{repo}/discussions"


def begun(client: httpx2.Client, repo: str, title: str = "Title", **more: Any) -> int:
    answer = client.post(base(repo), json={"title": title, "description": "text", **more})
    assert answer.status_code == 200, answer.text
    return int(answer.json()["num"])


@pytest.mark.parametrize("kind", list(VERSIONED_TYPES))
def test_every_type_of_repository_has_discussions(site: Site, stranger: httpx2.Client, kind: RepoType) -> None:
    repo = site.new_repo(kind)
    made = stranger.post(base(repo, kind), json={"title": "Title", "description": "text", "pullRequest": True}).json()
    assert made == {"num": 1, "url": f"{site.url}/{kind.prefix}{repo}/discussions/1", "pullRequest": True}
    seen = stranger.get(f"{base(repo, kind)}/1?diff=1").json()
    assert seen["repo"] == {"name": repo, "type": kind.value}
    assert (seen["status"], seen["diff"], seen["filesWithConflicts"]) == ("draft", "", [])
    refs = stranger.get(f"/api/{kind.plural}/{repo}/refs?include_prs=1").json()
    assert [ref["ref"] for ref in refs["pullRequests"]] == ["refs/pr/1"]


def test_lists_have_pages_of_fifty(
    site: Site, stranger: httpx2.Client, alice: httpx2.Client, repo: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discussions, "PAGE", 2)
    for number in range(4):
        begun(stranger, repo, f"Talk {number}")
    begun(alice, repo, pullRequest=True)
    pages = [stranger.get(base(repo), params={"p": page}).json() for page in range(3)]
    assert [[item["num"] for item in page["discussions"]] for page in pages] == [[5, 4], [3, 2], [1]]
    assert [(page["start"], page["count"]) for page in pages] == [(0, 5), (2, 5), (4, 5)]
    assert len(list(site.api().get_repo_discussions(repo))) == 5


def test_lists_are_filtered(stranger: httpx2.Client, alice: httpx2.Client, repo: str) -> None:
    begun(stranger, repo)
    begun(alice, repo, pullRequest=True)
    begun(stranger, repo)
    stranger.post(f"{base(repo)}/3/status", json={"status": "closed"})

    def numbers(**query: str) -> list[int]:
        return [item["num"] for item in alice.get(base(repo), params=query).json()["discussions"]]

    assert numbers(type="all", status="all") == [3, 2, 1]
    assert numbers(type="pull_request") == [2]
    assert numbers(type="discussion", status="closed") == [3]
    assert numbers(author="bob", status="open") == [1]
    assert alice.get(base(repo)).json()["numClosedDiscussions"] == 1
    for query in ({"type": "x"}, {"status": "x"}, {"p": "x"}):
        assert alice.get(base(repo), params=query).status_code == 400


def test_a_conversation(stranger: httpx2.Client, alice: httpx2.Client, repo: str) -> None:
    begun(stranger, repo)
    said = alice.post(f"{base(repo)}/1/comment", json={"comment": "**hi**"})
    assert said.status_code == 201
    event = said.json()["newMessage"]
    assert event["data"]["latest"]["html"] == "<p><strong>hi</strong></p>\n"
    edited = alice.post(f"{base(repo)}/1/comment/{event['id']}/edit", json={"content": "hello"})
    assert edited.json()["updatedComment"]["data"]["latest"]["raw"] == "hello"
    hidden = alice.post(f"{base(repo)}/1/comment/{event['id']}/hide")
    assert hidden.json()["updatedComment"]["data"]["hidden"] is True
    assert alice.post(f"{base(repo)}/1/pin", json={"pinned": True}).json() == {"pinned": True}
    named = stranger.post(f"{base(repo)}/1/title", json={"title": "Other"}).json()
    assert named["newTitle"]["data"] == {"from": "Title", "to": "Other"}
    closed = stranger.post(f"{base(repo)}/1/status", json={"status": "closed", "comment": None}).json()
    assert closed["newStatus"]["data"] == {"status": "closed"}
    seen = stranger.get(f"{base(repo)}/1").json()
    kinds = [event["type"] for event in seen["events"]]
    assert kinds == ["comment", "comment", "pinning-change", "title-change", "status-change"]
    assert (seen["pinned"], seen["numComments"], "changes" in seen, "diff" in seen) == (True, 1, False, False)
    assert alice.delete(f"{base(repo)}/1").status_code == 200
    assert alice.get(f"{base(repo)}/1").status_code == 404


def test_a_locked_discussion_refuses_readers_and_is_still_read(
    stranger: httpx2.Client, alice: httpx2.Client, anonymous: httpx2.Client, repo: str
) -> None:
    begun(stranger, repo)
    one = f"{base(repo)}/1"
    event = stranger.get(one).json()["events"][0]["id"]
    assert stranger.post(f"{one}/lock", json={"locked": True}).status_code == 403
    assert alice.post(f"{one}/lock", json={"locked": "yes"}).status_code == 400
    assert alice.post(f"{one}/lock", json={"locked": True}).json() == {"locked": True}
    before = anonymous.get(one).json()
    assert (before["locked"], before["events"][-1]["type"]) == (True, "locking-change")
    assert before["events"][-1]["data"] == {"locked": True}
    assert anonymous.get(base(repo)).json()["discussions"][0]["locked"] is True
    for action, body in (
        ("comment", {"comment": "x"}),
        (f"comment/{event}/edit", {"content": "x"}),
        (f"comment/{event}/hide", {}),
        ("title", {"title": "Other"}),
        ("status", {"status": "closed", "comment": "x"}),
        ("lock", {"locked": False}),
    ):
        assert stranger.post(f"{one}/{action}", json=body).status_code == 403, action
    refused = stranger.post(f"{one}/comment", json={"comment": "x"})
    assert f"Discussion 1 is locked: only those who may write to the model {repo}" in refused.json()["error"]
    assert anonymous.get(one).json() == before
    assert alice.post(f"{one}/comment", json={"comment": "x"}).status_code == 201
    alice.post(f"{one}/lock", json={"locked": False})
    assert stranger.post(f"{one}/comment", json={"comment": "x"}).status_code == 201


@pytest.mark.parametrize("body", [b"", b"null", b"{}", b'{"comment": null}', b'{"comment": "ok", "squash": true}'])
def test_a_merge_takes_any_body_that_clients_send(
    stranger: httpx2.Client, alice: httpx2.Client, committer: Committer, repo: str, body: bytes
) -> None:
    line = ("file", {"path": "x", "content": "x"})
    type(committer)(stranger).send(repo, line, rev="main?create_pr=1")
    assert stranger.post(f"{base(repo)}/1/merge", content=body).status_code == 403
    assert alice.post(f"{base(repo)}/1/merge", content=body).json() == {}
    seen = alice.get(f"{base(repo)}/1?diff=1").json()
    assert seen["changes"]["mergeCommitId"] == alice.get(f"/api/models/{repo}").json()["sha"]
    assert seen["status"] == "merged"
    again = alice.post(f"{base(repo)}/1/merge", content=body)
    assert again.status_code == 400
    assert "merged" in again.headers["x-error-message"]


def test_conflicts_are_named(stranger: httpx2.Client, alice: httpx2.Client, committer: Committer, repo: str) -> None:
    type(committer)(stranger).send(repo, ("file", {"path": "x", "content": "1"}), rev="main?create_pr=1")
    committer.write(repo, {"x": b"2"})
    assert alice.get(f"{base(repo)}/1").json()["filesWithConflicts"] == ["x"]
    answer = alice.post(f"{base(repo)}/1/merge")
    assert answer.status_code == 400
    assert "in conflict with refs/heads/main in x" in answer.json()["error"]


def test_a_ref_can_be_deleted_and_measured(stranger: httpx2.Client, committer: Committer, repo: str) -> None:
    type(committer)(stranger).send(repo, ("file", {"path": "x", "content": "12345"}), rev="main?create_pr=1")
    assert stranger.get(f"{base(repo)}/1/storage").json() == {"storage": 5}
    assert stranger.delete(f"{base(repo)}/1/ref").status_code == 409
    stranger.post(f"{base(repo)}/1/status", json={"status": "closed"})
    assert stranger.delete(f"{base(repo)}/1/ref").status_code == 200
    assert stranger.get(f"/api/models/{repo}/revision/refs%2Fpr%2F1").status_code == 404


@pytest.mark.parametrize("title", ["", "ab", "x" * 201])
def test_a_title_has_a_length(stranger: httpx2.Client, repo: str, title: str) -> None:
    assert stranger.post(base(repo), json={"title": title, "description": ""}).status_code == 400


@pytest.mark.parametrize("num", ["0", "01", "x", "99", "99999999999999999999", "-1"])
def test_an_unknown_number_is_absent(alice: httpx2.Client, repo: str, num: str) -> None:
    assert alice.get(f"{base(repo)}/{num}").status_code == 404


def test_those_of_a_private_repository_are_invisible(
    site: Site, alice: httpx2.Client, stranger: httpx2.Client, anonymous: httpx2.Client
) -> None:
    repo = site.new_repo(visibility="private")
    begun(alice, repo, pullRequest=True)
    one = f"{base(repo)}/1"
    for client, status in ((stranger, 404), (anonymous, 401)):
        answers = [
            client.get(base(repo)),
            client.get(f"{one}?diff=1"),
            client.get(f"{base(repo)}/2"),
            client.get(f"{one}/storage"),
            client.post(base(repo), json={"title": "Title"}),
            client.post(f"{one}/comment", json={"comment": "x"}),
            client.post(f"{one}/merge"),
            client.post(f"{one}/status", json={"status": "closed"}),
            client.delete(one),
            client.delete(f"{one}/ref"),
        ]
        assert {(answer.status_code, answer.headers["x-error-code"]) for answer in answers} == {
            (status, "RepoNotFound")
        }


def test_anonymous_readers_read(alice: httpx2.Client, anonymous: httpx2.Client, repo: str) -> None:
    begun(alice, repo)
    assert anonymous.get(base(repo)).json()["count"] == 1
    assert anonymous.post(f"{base(repo)}/1/comment", json={"comment": "x"}).status_code == 401


def test_a_repository_may_want_none(alice: httpx2.Client, repo: str) -> None:
    begun(alice, repo)
    alice.put(f"/api/models/{repo}/settings", json={"discussionsDisabled": True})
    for answer in (alice.get(base(repo)), alice.get(f"{base(repo)}/1"), alice.post(base(repo), json={"title": "Abc"})):
        assert (answer.status_code, answer.json()["error"]) == (403, "Discussions are disabled for this repository")

"""Both clients read the same prepared responses, whose shapes are those of docs/protocols/hf_api.md, section 1B.1."""

from __future__ import annotations

from typing import Any

import pytest
from huggingface_hub import HfApi as Oracle

from entrepot.errors import Conflict, InvalidArgument, TokenMissing
from entrepot.hf.api import HubApi
from tests.support.scripted_hub import Reply, ScriptedHub

ROOT = "/api/datasets/ns/name/discussions"
WHERE: dict[str, Any] = {"repo_id": "ns/name", "repo_type": "dataset"}
WHEN = "2024-01-02T03:04:05.678Z"


def thread(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "num": number,
        "title": f"Title {number}",
        "author": {"name": "ann"},
        "createdAt": WHEN,
        "status": "open",
        "isPullRequest": False,
        "repo": {"name": "ns/name", "type": "dataset"},
        "numComments": 1,
        "pinned": False,
    } | changes


def event(kind: str, data: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "id": "65f000000000000000000001",
        "type": kind,
        "createdAt": WHEN,
        "author": {"name": "ann"},
        "data": data,
    } | changes


COMMENT = event(
    "comment",
    {
        "edited": True,
        "hidden": False,
        "latest": {"raw": "hi", "html": "<p>hi</p>", "updatedAt": WHEN, "author": {"name": "bob"}},
        "history": [{"raw": "ho"}],
        "numEdits": 1,
    },
)
EVENTS = [
    COMMENT,
    event("status-change", {"status": "closed"}),
    event("commit", {"subject": "Fix", "oid": "c" * 40}),
    event("title-change", {"from": "A", "to": "B"}),
    event("locking-change", {"locked": True}),
    {key: value for key, value in event("status-change", {"status": "open"}).items() if key != "author"},
]
DETAILS = thread(
    7,
    isPullRequest=True,
    status="merged",
    events=EVENTS,
    changes={"base": "refs/heads/main", "mergeCommitId": "d" * 40},
    filesWithConflicts=[],
    diff="+line",
)


@pytest.fixture
def api(scripted_hub: ScriptedHub, tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> HubApi:
    monkeypatch.setenv("ENTREPOT_HOME", str(tmp_path))
    monkeypatch.delenv("ENTREPOT_TOKEN", raising=False)
    return HubApi(scripted_hub.url, token="hf_sometoken")


@pytest.fixture
def theirs(scripted_hub: ScriptedHub) -> Oracle:
    return Oracle(scripted_hub.url, token="hf_sometoken")


def same(mine: Any, theirs: Any) -> bool:
    """Whether two dataclasses of the same name have the same fields with the same values."""
    assert type(mine).__name__ == type(theirs).__name__
    left, right = dict(vars(mine)), dict(vars(theirs))
    events = zip(left.pop("events", ()), right.pop("events", ()), strict=True)
    return left == right and all(same(one, other) for one, other in events)


def test_discussions_are_listed_page_by_page(
    scripted_hub: ScriptedHub, reply: type[Reply], api: HubApi, theirs: Oracle
) -> None:
    pages = [
        reply({"discussions": [thread(3), thread(2, status="draft", isPullRequest=True)], "count": 3, "start": 0}),
        reply({"discussions": [thread(1, author=None)], "count": 3, "start": 2}),
    ]
    scripted_hub.on("GET", ROOT, *pages)
    mine = list(api.get_repo_discussions(**WHERE, author="ann", discussion_type="all", discussion_status="open"))
    queries = [dict(seen.query) for seen in scripted_hub.seen]
    assert queries == [{"p": page, "type": "all", "status": "open", "author": "ann"} for page in ("0", "1")]
    pages[1].body["discussions"][0].pop("author")
    scripted_hub.on("GET", ROOT, *pages)
    others = list(theirs.get_repo_discussions(**WHERE))
    assert len(mine) == len(others) == 3
    assert all(same(one, other) for one, other in zip(mine, others, strict=True))
    assert [one.url for one in mine] == [other.url for other in others]
    assert [one.git_reference for one in mine] == [None, "refs/pr/2", None]


def test_a_repository_without_discussions(scripted_hub: ScriptedHub, reply: type[Reply], api: HubApi) -> None:
    scripted_hub.on("GET", ROOT, reply({"discussions": [], "count": 5, "start": 0}))
    assert list(api.get_repo_discussions(**WHERE)) == []


def test_details_are_those_that_huggingface_hub_reads(
    scripted_hub: ScriptedHub, reply: type[Reply], api: HubApi, theirs: Oracle
) -> None:
    scripted_hub.on("GET", f"{ROOT}/7", reply(DETAILS))
    mine = api.get_discussion_details(**WHERE, discussion_num=7)
    other = theirs.get_discussion_details(**WHERE, discussion_num=7)
    assert same(mine, other)
    assert mine.events[5].author == "deleted"
    for name in ("rendered", "last_edited_at", "last_edited_by", "edit_history", "number_of_edits"):
        assert getattr(mine.events[0], name) == getattr(other.events[0], name)


@pytest.mark.parametrize("is_pull", [False, True])
def test_a_discussion_is_opened_and_read_back(
    scripted_hub: ScriptedHub, reply: type[Reply], api: HubApi, is_pull: bool
) -> None:
    scripted_hub.on("POST", ROOT, reply({"num": 7, "url": "http://x", "pullRequest": is_pull}))
    scripted_hub.on("GET", f"{ROOT}/7", reply(DETAILS))
    opened = api.create_pull_request if is_pull else api.create_discussion
    assert opened(**WHERE, title=" Title ").num == 7
    sent = scripted_hub.seen[0].json
    assert (sent["title"], sent["pullRequest"]) == ("Title", is_pull)
    assert sent["description"]
    api.create_discussion(**WHERE, title="Title", description="")
    assert scripted_hub.seen[2].json["description"] == ""


@pytest.mark.parametrize(
    ("method", "arguments", "path", "key", "body"),
    [
        ("comment_discussion", {"comment": "hi"}, "comment", "newMessage", {"comment": "hi"}),
        (
            "edit_discussion_comment",
            {"comment_id": "e1", "new_content": "x"},
            "comment/e1/edit",
            "updatedComment",
            {"content": "x"},
        ),
        ("hide_discussion_comment", {"comment_id": "e1"}, "comment/e1/hide", "updatedComment", None),
    ],
)
def test_comments(
    scripted_hub: ScriptedHub,
    reply: type[Reply],
    api: HubApi,
    method: str,
    arguments: Any,
    path: str,
    key: str,
    body: Any,
) -> None:
    scripted_hub.on("POST", f"{ROOT}/7/{path}", reply({key: COMMENT}, 201))
    found = getattr(api, method)(**WHERE, discussion_num=7, **arguments)
    assert (found.content, found.author, found.edited) == ("hi", "ann", True)
    assert scripted_hub.seen[0].json == body


def test_title_and_status(scripted_hub: ScriptedHub, reply: type[Reply], api: HubApi) -> None:
    scripted_hub.on("POST", f"{ROOT}/7/title", reply({"newTitle": EVENTS[3]}))
    renamed = api.rename_discussion(**WHERE, discussion_num=7, new_title="B")
    assert (renamed.old_title, renamed.new_title) == ("A", "B")
    scripted_hub.on("POST", f"{ROOT}/7/status", reply({"newStatus": EVENTS[1]}))
    changed = api.change_discussion_status(**WHERE, discussion_num=7, new_status="closed", comment="bye")
    assert changed.new_status == "closed"
    assert scripted_hub.seen[1].json == {"status": "closed", "comment": "bye"}


def test_a_merge_and_a_refused_merge(scripted_hub: ScriptedHub, reply: type[Reply], api: HubApi) -> None:
    scripted_hub.on("POST", f"{ROOT}/7/merge", reply({}), reply({"error": "it is a draft: publish it first"}, 409))
    api.merge_pull_request(**WHERE, discussion_num=7, comment="good")
    with pytest.raises(Conflict, match="publish it first"):
        api.merge_pull_request(**WHERE, discussion_num=7)


def test_invalid_arguments_are_refused_without_a_request(api: HubApi, scripted_hub: ScriptedHub) -> None:
    with pytest.raises(InvalidArgument, match="discussion_num"):
        api.get_discussion_details(**WHERE, discussion_num=0)
    with pytest.raises(InvalidArgument, match="new_status"):
        api.change_discussion_status(**WHERE, discussion_num=1, new_status="merged")  # type: ignore[arg-type]
    with pytest.raises(InvalidArgument, match="discussion_type"):
        api.get_repo_discussions(**WHERE, discussion_type="talk")  # type: ignore[arg-type]
    with pytest.raises(InvalidArgument, match="discussion_status"):
        api.get_repo_discussions(**WHERE, discussion_status="merged")  # type: ignore[arg-type]
    with pytest.raises(TokenMissing):
        api.create_discussion(**WHERE, title="Title", token=False)
    assert scripted_hub.seen == []

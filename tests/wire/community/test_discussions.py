from __future__ import annotations

import msgspec
import pytest

from entrepot.wire.community.discussions import (
    Author,
    Changes,
    CommentData,
    CommentResponse,
    DiscussionDetails,
    Event,
    MadeDiscussion,
    MergeRequest,
    NewDiscussion,
    NewStatus,
    ReceivedEvent,
    RepoName,
    StatusData,
    Text,
    TitleData,
)

AUTHOR = Author(uid="a" * 24, name="bob", fullname="Bob", type="user")
EVENT = Event(id="b" * 24, type="status-change", created_at="2024-05-01T12:34:56.789Z", data=StatusData("closed"))


def encode(value: object) -> object:
    return msgspec.json.decode(msgspec.json.encode(value))


def test_details_have_the_keys_that_clients_read() -> None:
    details = DiscussionDetails(
        num=1, title="t", status="open", is_pull_request=True, author=AUTHOR, created_at="x",
        repo=RepoName(name="a/b", type="model"), num_comments=0, pinned=False, events=[EVENT],
        changes=Changes(base="refs/heads/main"), files_with_conflicts=True, diff="",
    )  # fmt: skip
    assert encode(details) == {
        "num": 1,
        "title": "t",
        "status": "open",
        "isPullRequest": True,
        "author": {"_id": "a" * 24, "name": "bob", "fullname": "Bob", "type": "user", "avatarUrl": ""},
        "createdAt": "x",
        "repo": {"name": "a/b", "type": "model"},
        "numComments": 0,
        "pinned": False,
        "locked": False,
        "events": [
            {
                "id": "b" * 24,
                "type": "status-change",
                "createdAt": "2024-05-01T12:34:56.789Z",
                "data": {"status": "closed"},
            }
        ],
        "changes": {"base": "refs/heads/main"},
        "filesWithConflicts": True,
        "diff": "",
    }


def test_a_comment_has_the_keys_that_clients_read() -> None:
    text = Text(raw="r", html="<p>r</p>", updated_at="x")
    data = CommentData(edited=False, hidden=False, latest=text, history=[], num_edits=0)
    event = Event(id="b" * 24, type="comment", created_at="x", author=AUTHOR, data=data)
    answer = encode(CommentResponse(event))
    assert isinstance(answer, dict)
    assert answer["updatedComment"]["data"] == {
        "edited": False,
        "hidden": False,
        "latest": {"raw": "r", "html": "<p>r</p>", "updatedAt": "x"},
        "history": [],
        "numEdits": 0,
    }


def test_short_answers() -> None:
    assert encode(TitleData("a", "b")) == {"from": "a", "to": "b"}
    assert encode(MadeDiscussion(num=1, url="u", pull_request=True)) == {"num": 1, "url": "u", "pullRequest": True}
    assert encode(Changes(base="b", merge_commit_id="c")) == {"base": "b", "mergeCommitId": "c"}


def test_questions_are_read() -> None:
    new = msgspec.json.decode(b'{"title":"t","description":null,"pullRequest":true}', type=NewDiscussion)
    assert (new.title, new.description, new.pull_request) == ("t", None, True)
    assert msgspec.json.decode(b"{}", type=MergeRequest) == MergeRequest()
    assert msgspec.json.decode(b'{"status":"open"}', type=NewStatus).comment is None
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b'{"title":7}', type=NewDiscussion)


def test_an_event_of_an_unknown_type_is_read_as_it_came() -> None:
    found = msgspec.json.decode(
        b'{"id":"1","type":"lock","createdAt":"w","author":{"name":"bob"},"data":{"x":1}}', type=ReceivedEvent
    )
    assert (found.data, found.author) == ({"x": 1}, Author(name="bob"))

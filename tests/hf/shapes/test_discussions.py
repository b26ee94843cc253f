from __future__ import annotations

from typing import Any

import pytest

from entrepot.errors import AnswerUnusable
from entrepot.hf.shapes.discussions import (
    DiscussionComment,
    DiscussionEvent,
    comment_of,
    details_of,
    discussion_of,
    event_of,
    status_change_of,
    title_change_of,
)
from entrepot.wire.community.discussions import Author, Discussion, ReceivedDetails, ReceivedEvent, RepoName

WHEN = "2024-01-01T00:00:00.000Z"
COMMENT = {"edited": False, "hidden": True, "latest": {"raw": ""}}
USUAL: dict[str, Any] = {
    "num": 7,
    "title": "T",
    "status": "open",
    "is_pull_request": True,
    "created_at": WHEN,
    "repo": RepoName(name="ns/name", type="space"),
}


def event(kind: str, data: dict[str, Any]) -> ReceivedEvent:
    return ReceivedEvent(id="1", type=kind, created_at=WHEN, data=data, author=Author(name="ann"))


def test_a_discussion_has_a_url_and_a_git_reference() -> None:
    found = discussion_of(Discussion(**USUAL), "http://hub")
    assert found.url == "http://hub/spaces/ns/name/discussions/7"
    assert found.git_reference == "refs/pr/7"
    assert found.author == "deleted"


def test_details_without_a_pull_request() -> None:
    found = details_of(ReceivedDetails(**USUAL, events=[event("comment", COMMENT)]), "http://hub")
    assert (found.target_branch, found.merge_commit_oid, found.diff, found.conflicting_files) == (None,) * 4
    assert isinstance(found.events[0], DiscussionComment)


def test_a_comment_with_few_fields() -> None:
    found = comment_of(event("comment", COMMENT))
    assert (found.content, found.hidden, found.rendered, found.number_of_edits) == ("", True, "", 0)
    assert (found.last_edited_at, found.last_edited_by) == (found.created_at, "deleted")


def test_an_unknown_type_becomes_a_plain_event() -> None:
    assert type(event_of(event("lock", {"x": 1}))) is DiscussionEvent
    assert event_of(event("lock", {"x": 1}))._event["data"] == {"x": 1}


@pytest.mark.parametrize("read", [comment_of, status_change_of, title_change_of])
def test_an_unexpected_event_is_refused(read: Any) -> None:
    with pytest.raises(AnswerUnusable, match="expected"):
        read(event("commit", {"subject": "s", "oid": "o"}))


@pytest.mark.parametrize("kind", ["comment", "status-change", "commit", "title-change"])
def test_an_event_that_lacks_something(kind: str) -> None:
    with pytest.raises(AnswerUnusable, match=kind):
        event_of(event(kind, {}))

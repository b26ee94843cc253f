from __future__ import annotations

from typing import Any

import msgspec
import pytest

from entrepot.catalog.community.discussions import AuthorRow
from entrepot.hub.community.discussion_events import (
    Comment,
    CommentVersion,
    CommitAdded,
    DiscussionEvent,
    EventContent,
    LockChange,
    PinChange,
    StatusChange,
    TitleChange,
)
from entrepot.names import Oid, Uid
from entrepot.server.hf.community.discussion_json import render_event

BOB = AuthorRow(1, Uid("b" * 24), "bob", "Bob", "user")


def rendered(what: EventContent, author: AuthorRow | None = BOB) -> Any:
    return msgspec.json.decode(
        msgspec.json.encode(render_event(DiscussionEvent(Uid("e" * 24), 0, author, what), "/{}.svg".format))
    )


@pytest.mark.parametrize(
    ("what", "kind", "data"),
    [
        (StatusChange("merged"), "status-change", {"status": "merged"}),
        (CommitAdded("s\udcff", Oid("c" * 40)), "commit", {"subject": "s\ufffd", "oid": "c" * 40}),
        (TitleChange("a", "b"), "title-change", {"from": "a", "to": "b"}),
        (PinChange(True), "pinning-change", {"pinned": True}),
        (LockChange(True), "locking-change", {"locked": True}),
    ],
)
def test_each_kind_of_event_has_its_type_and_data(what: EventContent, kind: str, data: dict[str, Any]) -> None:
    event = rendered(what)
    assert (event["type"], event["data"], event["createdAt"]) == (kind, data, "1970-01-01T00:00:00.000Z")
    assert event["author"]["name"] == "bob"


def test_a_comment_is_rendered_with_its_history() -> None:
    comment = Comment(CommentVersion("*new*", 2, BOB), (CommentVersion("*old*", 1, None),), 1, False)
    data = rendered(comment)["data"]
    assert (data["edited"], data["numEdits"], data["hidden"]) == (True, 1, False)
    assert data["latest"]["html"] == "<p><em>new</em></p>\n"
    assert data["latest"]["author"]["name"] == "bob"
    assert data["history"][0]["raw"] == "*old*"
    assert "author" not in data["history"][0]


def test_the_author_is_absent_when_the_account_is_gone() -> None:
    assert "author" not in rendered(StatusChange("open"), None)

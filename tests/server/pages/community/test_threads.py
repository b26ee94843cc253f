from __future__ import annotations

import re

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
from entrepot.server.pages.card_html import CardLinks
from entrepot.server.pages.community.threads import GONE, ThreadItem, comment_html, thread_of

LINKS = CardLinks("/a/b/blob/main/", "/a/b/resolve/main/")


def thread(what: EventContent, author: AuthorRow | None, *, may_write: bool = False, visitor_id: int = 0) -> ThreadItem:
    events = [DiscussionEvent(Uid("0" * 24), 5, author, what)]
    return thread_of(events, LINKS, may_write=may_write, visitor_id=visitor_id)[0]


def comment(raw: str, *, is_hidden: bool = False) -> Comment:
    return Comment(CommentVersion(raw, 5, None), (), 0, is_hidden)


def test_an_event_is_a_sentence() -> None:
    assert thread(StatusChange("merged"), None).text == "merged this"
    assert thread(StatusChange("open"), None).text == "marked this as open", "it was closed, or a draft, before"
    assert thread(StatusChange("unheard-of"), None).text == "unheard-of"
    assert thread(TitleChange("a", "b"), None).text == "changed the title from “a” to “b”"
    assert thread(PinChange(False), None).text == "unpinned this"
    assert thread(LockChange(True), None).text == "locked the discussion"
    assert thread(LockChange(False), None).text == "unlocked the discussion"
    item = thread(CommitAdded("Fix", Oid("ab" * 20)), None)
    assert (item.text, item.commit) == ("added abababa Fix", "ab" * 20)


def test_a_deleted_account_is_named_as_such() -> None:
    item = thread(comment("words"), None)
    assert (item.author, item.has_face) == (GONE, False)


def test_the_source_of_a_comment_is_for_those_who_may_change_it() -> None:
    author = AuthorRow(7, Uid("1" * 24), "alice", "Alice", "user")
    assert thread(comment("*words*"), None, may_write=True).raw == "*words*"
    assert thread(comment("*words*"), None).raw == ""
    assert thread(comment("*words*"), author, visitor_id=7).raw == "*words*"


def test_headings_of_two_comments_have_different_ids() -> None:
    made = comment_html("# One", LINKS)
    assert re.findall(r'id="([^"]+)"', made) == ["preview-one"]
    assert 'id="c' in thread(comment("# One"), None).html


def test_nothing_of_a_hidden_comment_is_shown() -> None:
    item = thread(comment("secret", is_hidden=True), None, may_write=True)
    assert (item.html, item.raw, item.is_hidden) == ("", "", True)


def test_an_empty_text_has_no_preview() -> None:
    assert comment_html(" \n", LINKS) == ""

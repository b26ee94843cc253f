from __future__ import annotations

from typing import Any

import pytest
from msgspec import UNSET

from entrepot.client.calls import Call, Response, discussions
from entrepot.errors import AnswerUnusable
from entrepot.names import RepoId, RepoRef, RepoType

REF = RepoRef(RepoType.DATASET, RepoId("ns", "name"))
ROOT = "/api/datasets/ns/name/discussions"

# Shapes of docs/protocols/hf_api.md, section 1B.1.
THREAD = (
    b'{"num":7,"title":"T","author":{"name":"ann"},"createdAt":"2024-01-01T00:00:00.000Z","status":"draft",'
    b'"isPullRequest":true,"repo":{"name":"ns/name","type":"dataset"},"numComments":1,"pinned":false}'
)
EVENT = (
    b'{"id":"65f000000000000000000001","type":"comment","createdAt":"2024-01-01T00:00:00.000Z",'
    b'"author":{"name":"ann"},"data":{"edited":false,"hidden":false,"latest":{"raw":"hi","html":"<p>hi</p>",'
    b'"updatedAt":"2024-01-01T00:00:00.000Z","author":{"name":"ann"}},"history":[],"numEdits":0}}'
)


def read(call: Call[Any], body: bytes) -> Any:
    return call.read(Response(200, {}, body, "http://hub/x"))


@pytest.mark.parametrize(
    ("call", "method", "path", "body"),
    [
        (discussions.page(REF, 2, kind="all"), "GET", ROOT, None),
        (discussions.details(REF, 7), "GET", f"{ROOT}/7", None),
        (
            discussions.create(REF, "T", "d", is_pull=True),
            "POST",
            ROOT,
            b'{"title":"T","description":"d","pullRequest":true}',
        ),
        (discussions.comment(REF, 7, "hi"), "POST", f"{ROOT}/7/comment", b'{"comment":"hi"}'),
        (discussions.edit_comment(REF, 7, "e1", "ho"), "POST", f"{ROOT}/7/comment/e1/edit", b'{"content":"ho"}'),
        (discussions.hide_comment(REF, 7, "e/1"), "POST", f"{ROOT}/7/comment/e%2F1/hide", None),
        (discussions.rename(REF, 7, "U"), "POST", f"{ROOT}/7/title", b'{"title":"U"}'),
        (discussions.change_status(REF, 7, "closed"), "POST", f"{ROOT}/7/status", b'{"status":"closed"}'),
        (
            discussions.change_status(REF, 7, "open", "again"),
            "POST",
            f"{ROOT}/7/status",
            b'{"status":"open","comment":"again"}',
        ),
        (discussions.merge(REF, 7), "POST", f"{ROOT}/7/merge", b"{}"),
        (discussions.merge(REF, 7, "good"), "POST", f"{ROOT}/7/merge", b'{"comment":"good"}'),
    ],
)
def test_calls_about_discussions_are_sent(call: Call[Any], method: str, path: str, body: bytes | None) -> None:
    assert (call.method, call.path, call.body) == (method, path, body)


def test_conditions_of_a_list() -> None:
    call = discussions.page(REF, 2, kind="pull_request", status="open", author="ann")
    assert call.query == (("p", "2"), ("type", "pull_request"), ("status", "open"), ("author", "ann"))
    assert discussions.details(REF, 7).query == (("diff", "1"),)


def test_a_page_is_read() -> None:
    page = read(discussions.page(REF), b'{"discussions":[%b],"count":1,"start":0,"numClosedDiscussions":0}' % THREAD)
    [thread] = page.discussions
    assert (thread.num, thread.status, thread.author.name, thread.repo.type) == (7, "draft", "ann", "dataset")
    assert (page.count, page.start) == (1, 0)


def test_details_of_a_pull_request_are_read() -> None:
    more = (
        b',"events":[%b],"changes":{"base":"refs/heads/main","mergeCommitId":null},"filesWithConflicts":true,'
        b'"diff":"+x"}'
    )
    found = read(discussions.details(REF, 7), THREAD[:-1] + more % EVENT)
    assert found.changes.base == "refs/heads/main"
    assert found.files_with_conflicts is True
    assert found.diff == "+x"
    assert found.events[0].data["latest"]["raw"] == "hi"


def test_an_account_that_is_gone_leaves_no_author() -> None:
    text = THREAD.replace(b'"author":{"name":"ann"},', b"")
    page = read(discussions.page(REF), b'{"discussions":[%b],"count":1,"start":0}' % text)
    assert page.discussions[0].author is UNSET


@pytest.mark.parametrize(
    ("call", "key", "field"),
    [
        (discussions.comment(REF, 7, "hi"), b"newMessage", "new_message"),
        (discussions.edit_comment(REF, 7, "e", "x"), b"updatedComment", "updated_comment"),
        (discussions.hide_comment(REF, 7, "e"), b"updatedComment", "updated_comment"),
        (discussions.rename(REF, 7, "U"), b"newTitle", "new_title"),
        (discussions.change_status(REF, 7, "open"), b"newStatus", "new_status"),
    ],
)
def test_an_answer_holds_the_event(call: Call[Any], key: bytes, field: str) -> None:
    assert getattr(read(call, b'{"%b":%b}' % (key, EVENT)), field).id == "65f000000000000000000001"


def test_something_else_is_not_taken_for_an_event() -> None:
    with pytest.raises(AnswerUnusable):
        read(discussions.comment(REF, 7, "hi"), b"{}")


def test_a_made_discussion_is_known_by_its_number() -> None:
    made = read(discussions.create(REF, "T", "d"), b'{"num":3,"url":"http://hub/x","pullRequest":false}')
    assert (made.num, made.pull_request) == (3, False)

from __future__ import annotations

import html
import re

import httpx2
import pytest

from entrepot.hub.community import discussions
from entrepot.hub.community.discussions import DiscussionWithEvents
from entrepot.hub.files.operations import AddFile
from entrepot.hub.repos import branches, commits
from entrepot.hub.repos.commits import CommitDraft
from entrepot.names import RepoId, RepoRef, RepoType, parse_path
from tests.server.pages.community.test_discussions import propose
from tests.server.pages.conftest import field_of, send_form
from tests.support.served_hub import ServedHub


def stored(site: ServedHub, name: str, num: int) -> DiscussionWithEvents:
    """Return a discussion as the hub has it."""
    return discussions.show(site.hub, site.caller(), RepoRef(RepoType.MODEL, RepoId("alice", name)), num)


def test_a_discussion_is_opened_talked_about_renamed_closed_and_reopened(
    site: ServedHub, signed_in: httpx2.Client, stranger: httpx2.Client
) -> None:
    site.repo("lively")
    made = send_form(stranger, "/Alice/LIVELY/discussions/new", {"title": "A  question", "text": "Why?\r\n\r\nSo."})
    assert made.status_code == 200
    assert made.url.path == "/alice/lively/discussions/1"
    found = stored(site, "lively", 1)
    assert found.shown.discussion.title == "A question"
    page = "/alice/lively/discussions/1"
    assert "Because." in send_form(signed_in, page, {"text": "Because."}, f"{page}/comment").text
    answer = send_form(stranger, page, {"title": "Another question"}, f"{page}/title")
    assert "Saved." in answer.text
    assert "Another question" in answer.text
    closed = send_form(stranger, page, {"status": "closed", "text": "Solved."}, f"{page}/status")
    assert "Solved." in closed.text
    assert "closed this" in closed.text
    assert "Reopen discussion" in closed.text
    assert stored(site, "lively", 1).shown.discussion.status == "closed"
    send_form(stranger, page, {"status": "open"}, f"{page}/status")
    assert stored(site, "lively", 1).shown.discussion.status == "open"
    assert "pinned this" in send_form(signed_in, page, {"pinned": "yes"}, f"{page}/pin").text
    assert stored(site, "lively", 1).shown.discussion.is_pinned
    send_form(signed_in, page, {"pinned": "no"}, f"{page}/pin")
    assert not stored(site, "lively", 1).shown.discussion.is_pinned


def test_a_locked_discussion_says_so_and_offers_readers_no_form(
    site: ServedHub, signed_in: httpx2.Client, stranger: httpx2.Client, browser: httpx2.Client
) -> None:
    site.repo("shut")
    send_form(stranger, "/alice/shut/discussions/new", {"title": "A question", "text": "Why?"})
    page = "/alice/shut/discussions/1"
    text = send_form(signed_in, page, {"locked": "yes"}, f"{page}/lock").text
    for shown in ("locked the discussion", "Locked</span>", "Unlock discussion", f'action="{page}/comment"'):
        assert shown in text
    sentence = "This discussion is locked: only those who may write to this model can comment."
    for reader in (stranger, browser):
        text = reader.get(page).text
        assert sentence in text
        assert "Why?" in text
        for action in ("comment", "edit", "hide", "title", "status", "lock"):
            assert f'action="{page}/{action}"' not in text
    assert "Locked</span>" in browser.get("/alice/shut/discussions").text
    before = stored(site, "shut", 1)
    fields = {
        "text": "Because.",
        "event": str(before.events[0].uid),
        "new": "Other",
        "title": "Other title",
        "status": "closed",
        "locked": "no",
    }
    for action in ("comment", "edit", "hide", "title", "status", "lock"):
        answer = send_form(stranger, "/alice/tern/discussions/new", fields, f"{page}/{action}")
        assert answer.status_code == 403, action
    assert stored(site, "shut", 1) == before
    text = send_form(signed_in, page, {"locked": "no"}, f"{page}/lock").text
    assert "unlocked the discussion" in text
    assert "Because." in send_form(stranger, page, {"text": "Because."}, f"{page}/comment").text


def test_a_comment_is_changed_and_deleted(site: ServedHub, signed_in: httpx2.Client) -> None:
    ref = site.repo("edited")
    discussions.create(site.hub, site.caller(), ref, "A question", "first words")
    page = "/alice/edited/discussions/1"
    event = field_of(signed_in.get(page).text, "event")
    answer = send_form(signed_in, page, {"event": event, "new": "other words"}, f"{page}/edit")
    assert "other words" in answer.text
    assert ", edited" in answer.text
    answer = send_form(signed_in, page, {"event": event}, f"{page}/hide")
    assert "This comment has been deleted." in answer.text
    assert "words" not in answer.text


def test_a_mistake_shows_the_form_again_with_what_was_typed(site: ServedHub, signed_in: httpx2.Client) -> None:
    ref = site.repo("mistaken")
    answer = send_form(signed_in, "/alice/mistaken/discussions/new", {"title": "x", "text": "<long> text"})
    assert answer.status_code == 400
    assert "use 3 to 200 characters" in answer.text
    assert field_of(answer.text, "text") == "<long> text"
    assert field_of(answer.text, "title") == "x"
    discussions.create(site.hub, site.caller(), ref, "A question", "first words")
    page = "/alice/mistaken/discussions/1"
    event = field_of(signed_in.get(page).text, "event")
    answer = send_form(signed_in, page, {"event": event, "new": " "}, f"{page}/edit")
    assert answer.status_code == 400
    assert "it is empty" in answer.text
    assert '<details class="in" open>' in answer.text
    answer = send_form(signed_in, page, {"pinned": "perhaps"}, f"{page}/pin")
    assert answer.status_code == 400
    answer = send_form(signed_in, page, {"status": "merged", "text": "kept"}, f"{page}/status")
    assert answer.status_code == 400
    assert field_of(answer.text, "text") == "kept"


def test_a_preview_stores_nothing(site: ServedHub, signed_in: httpx2.Client) -> None:
    ref = site.repo("previewed")
    fields = {"title": "", "text": "# *Soon* <script>", "preview": "yes", "kind": "pull_request"}
    answer = send_form(signed_in, "/alice/previewed/discussions/new", fields)
    assert answer.status_code == 200
    assert re.search(r'<h2 id="preview-[^"]*"><em>Soon</em>', answer.text)
    assert "<script>" not in answer.text
    assert field_of(answer.text, "text") == "# *Soon* <script>"
    assert 'value="pull_request" checked' in answer.text
    assert discussions.list_page(site.hub, site.caller(), ref).total == 0
    discussions.create(site.hub, site.caller(), ref, "A question", "first words")
    page = "/alice/previewed/discussions/1"
    answer = send_form(signed_in, page, {"text": "*Soon*", "preview": "yes"}, f"{page}/comment")
    assert "<em>Soon</em>" in answer.text
    assert len(stored(site, "previewed", 1).events) == 1


def test_a_pull_request_is_merged(site: ServedHub, signed_in: httpx2.Client) -> None:
    ref = site.repo("merged")
    num = propose(site, ref, {"a.txt": b"new words\n"})
    page = f"/alice/merged/discussions/{num}"
    answer = send_form(signed_in, page, {"message": "Why it is good.", "squash": "yes"}, f"{page}/merge")
    assert answer.status_code == 200
    assert '<div class="note ok" role="status">' in answer.text
    assert "Merged." in answer.text
    assert "merged this" in answer.text
    assert "Why it is good." in answer.text
    assert f'formaction="{page}/status"' not in answer.text
    assert "new words" in signed_in.get("/alice/merged/blob/main/a.txt").text
    again = send_form(signed_in, page, {}, f"{page}/merge")
    assert again.status_code == 400
    assert "it is merged" in again.text


def test_a_merge_that_meets_a_conflict_says_so_and_keeps_the_text(site: ServedHub, signed_in: httpx2.Client) -> None:
    ref = site.repo("conflicting")
    num = propose(site, ref, {"a.txt": b"here"})
    site.commit(ref, {"a.txt": b"there"})
    page = f"/alice/conflicting/discussions/{num}"
    answer = send_form(signed_in, page, {"message": "Why it is good."}, f"{page}/merge")
    assert answer.status_code == 400
    assert "conflict" in answer.text
    assert "changed on both sides" in answer.text


def test_conflicts_are_resolved_by_a_choice_for_each_file(
    site: ServedHub, signed_in: httpx2.Client, browser: httpx2.Client, stranger: httpx2.Client
) -> None:
    ref = site.repo("chosen")
    files = ("a.txt", "<b>.txt")
    num = propose(site, ref, dict.fromkeys(files, b"here"))
    site.commit(ref, dict.fromkeys(files, b"there"))
    page = "/alice/chosen/discussions/1"
    assert num == 1
    text = signed_in.get(page).text
    assert "&lt;b&gt;.txt: refs/pr/1" in text
    pins = {name: field_of(text, name) for name in ("base", "head")}
    for client in (browser, stranger):
        assert "Files in conflict" in client.get(page).text
        assert "Resolve conflicts" not in client.get(page).text
    choice = {"side-0": "base", "side-1": "pull"}
    assert send_form(stranger, page, {**pins, **choice}, f"{page}/resolve").status_code == 403
    answer = send_form(signed_in, page, {**pins, "side-0": "base", "side-1": "x"}, f"{page}/resolve")
    assert answer.status_code == 400
    assert "choose a side for each of the 2 files" in answer.text
    assert "Resolve conflicts" in answer.text
    answer = send_form(signed_in, page, {**pins, **choice}, f"{page}/resolve")
    assert answer.status_code == 200
    assert "Committed." in answer.text
    assert "No conflicts with main" in answer.text
    assert "Merge main into refs/pr/1" in answer.text
    assert signed_in.get("/alice/chosen/raw/refs%2Fpr%2F1/a.txt").text == "here"
    assert signed_in.get("/alice/chosen/raw/refs%2Fpr%2F1/%3Cb%3E.txt").text == "there"


def test_a_draft_pull_request_is_opened_and_marked_as_ready(site: ServedHub, signed_in: httpx2.Client) -> None:
    ref = site.repo("drafted")
    fields = {"title": "A proposal", "text": "", "kind": "pull_request"}
    answer = send_form(signed_in, "/alice/drafted/discussions/new", fields)
    assert "it changes nothing" in answer.text
    assert "No description." in answer.text
    site.commit(ref, {"a.txt": b"a"}, "refs/pr/1")
    page = "/alice/drafted/discussions/1"
    answer = send_form(signed_in, page, {"status": "open"}, f"{page}/status")
    assert "No conflicts with main" in answer.text
    assert "1 B" in answer.text


@pytest.mark.parametrize("action", ["title", "pin", "lock", "merge", "status", "edit", "hide"])
def test_a_stranger_changes_nothing(site: ServedHub, stranger: httpx2.Client, action: str) -> None:
    ref = site.repo(f"kept-{action}")
    num = propose(site, ref, {"a.txt": b"a"})
    page = f"/alice/kept-{action}/discussions/{num}"
    event = str(stored(site, f"kept-{action}", num).events[0].uid)
    before = stored(site, f"kept-{action}", num)
    fields = {
        "title": "Other title",
        "pinned": "yes",
        "locked": "yes",
        "status": "closed",
        "event": event,
        "new": "Other",
    }
    answer = send_form(stranger, page, fields, f"{page}/{action}")
    assert answer.status_code == 403
    assert stored(site, f"kept-{action}", num) == before


def test_a_form_of_a_hidden_repository_is_answered_as_for_an_absent_one(stranger: httpx2.Client) -> None:
    answers = []
    for name in ("hidden", "absent"):
        path = f"/alice/{name}/discussions/1/comment"
        answer = send_form(stranger, "/alice/tern/discussions/new", {"text": "x"}, path)
        answers.append(
            (answer.status_code, re.sub(r"<code>[0-9a-f]{16}", "", answer.text.replace(f"/{name}", "/NAME")))
        )
    assert answers[0][0] == 404
    assert answers[0][1].splitlines() == answers[1][1].splitlines()


def test_a_discussion_is_deleted_after_its_number_was_typed(
    site: ServedHub, signed_in: httpx2.Client, stranger: httpx2.Client
) -> None:
    ref = site.repo("tidied")
    discussions.create(site.hub, site.caller(), ref, "A question", "first words")
    page = "/alice/tidied/discussions/1"
    assert "/delete" not in stranger.get(page).text
    assert send_form(stranger, page, {"confirm": "1"}, f"{page}/delete").status_code == 403
    refused = send_form(signed_in, page, {"confirm": "2"}, f"{page}/delete")
    assert refused.status_code == 400
    assert "type 1" in refused.text.lower()
    gone = send_form(signed_in, page, {"confirm": "1"}, f"{page}/delete")
    assert "Removed." in gone.text
    assert signed_in.get(page).status_code == 404


def test_a_pull_request_is_opened_from_a_branch(site: ServedHub, signed_in: httpx2.Client) -> None:
    ref = site.repo("branchy")
    branches.create_branch(site.hub, site.caller(), ref, "dev", start=None, is_empty=False, overwrites=False)
    commits.create(site.hub, site.caller(), ref, "dev", CommitDraft("Add b", [AddFile(parse_path("b.txt"), b"b\n")]))
    compared = signed_in.get("/alice/branchy/compare/main...dev").text
    form = "/alice/branchy/discussions/new?base=main&head=dev"
    assert f'href="{html.escape(form)}"' in compared
    shown = signed_in.get(form).text
    assert (field_of(shown, "head"), field_of(shown, "base")) == ("dev", "main")
    fields = {"title": "From dev", "text": "", "kind": "pull_request", "head": "dev", "base": "main"}
    answer = send_form(signed_in, "/alice/branchy/discussions/new", fields)
    assert answer.url.path == "/alice/branchy/discussions/1"
    assert "Add b" in answer.text
    assert "Open a pull request" not in signed_in.get("/alice/branchy/compare/dev...main").text
    answer = send_form(signed_in, "/alice/branchy/discussions/new", {**fields, "head": "main"})
    assert answer.status_code == 409
    assert "has no commit that" in answer.text
    assert field_of(answer.text, "title") == "From dev"

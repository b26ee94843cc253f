from __future__ import annotations

import re
from collections.abc import Callable

import httpx2
import pytest

from entrepot.hub.community import discussions
from entrepot.hub.files.operations import AddFile
from entrepot.hub.repos import repositories
from entrepot.hub.repos.commits import CommitDraft
from entrepot.hub.repos.pulls import openings
from entrepot.hub.repos.repositories import RepoChanges
from entrepot.names import RepoRef, parse_path
from entrepot.server.pages.community.discussions import PAGE
from tests.support.served_hub import ServedHub

Show = Callable[[str], str]


def propose(site: ServedHub, ref: RepoRef, files: dict[str, bytes], title: str = "Change files") -> int:
    """Open a pull request of alice with one commit and return its number."""
    operations = [AddFile(parse_path(path), data) for path, data in files.items()]
    return openings.open_with_commit(site.hub, site.caller(), ref, "main", CommitDraft(title, operations)).num


def test_discussions_are_listed_in_pages_by_kind_and_state(site: ServedHub, show: Show) -> None:
    ref = site.repo("talked")
    assert "Nothing here" in show("/alice/talked/discussions")
    for number in range(PAGE):
        discussions.create(site.hub, site.caller(), ref, f"<i>Topic</i> {number}", "Text")
    discussions.set_status(site.hub, site.caller(), ref, 2, "closed")
    propose(site, ref, {"a.txt": b"a"}, "A proposal")
    text = show("/alice/talked/discussions")
    assert "&lt;i&gt;Topic&lt;/i&gt; 49" in text
    assert "&lt;i&gt;Topic&lt;/i&gt; 1<" not in text
    assert f"{PAGE} in all" in text
    assert "p=1" not in text
    every = show("/alice/talked/discussions?status=all")
    assert 'href="?type=&amp;status=all&amp;p=1"' in every
    assert "Topic&lt;/i&gt; 0<" in show("/alice/talked/discussions?status=all&p=1")
    only = show("/alice/talked/discussions?type=pull_request")
    assert re.findall(r'class="grow strong" href="([^"]+)"', only) == [f"/alice/talked/discussions/{PAGE + 1}"]
    assert "Topic&lt;/i&gt; 1<" in show("/alice/talked/discussions?type=discussion&status=closed")


@pytest.mark.parametrize("query", ["type=other", "status=other", "p=x"])
def test_an_unknown_filter_is_refused(browser: httpx2.Client, query: str) -> None:
    assert browser.get(f"/alice/tern/discussions?{query}").status_code == 400


def test_a_thread_shows_comments_as_safe_markdown_and_events_as_sentences(site: ServedHub, show: Show) -> None:
    ref = site.repo("thread", "dataset")
    num = discussions.create(site.hub, site.caller(), ref, "A question", "Why *this*? <script>alert(1)</script>").num
    discussions.comment(site.hub, site.caller(), ref, num, "See [data](data.csv) ![x](https://other.example/x.png)")
    discussions.rename(site.hub, site.caller(), ref, num, "A <b> question")
    discussions.pin(site.hub, site.caller(), ref, num, is_pinned=True)
    discussions.set_status(site.hub, site.caller(), ref, num, "closed")
    text = show(f"/datasets/alice/thread/discussions/{num}")
    assert "<em>this</em>" in text
    assert text.count("<script") == 2  # those of every page
    assert 'href="/datasets/alice/thread/blob/main/data.csv"' in text
    assert 'src="https://other' not in text
    assert "changed the title from “A question” to “A &lt;b&gt; question”" in text
    for sentence in ("pinned this", "closed this"):
        assert sentence in text
    assert 'src="/-/avatars/alice.svg"' in text
    for absent in ("Change this comment", "Add a comment", "Unpin", "/comment"):
        assert absent not in text
    assert f'href="/login?next=%2Fdatasets%2Falice%2Fthread%2Fdiscussions%2F{num}"' in text


def test_only_what_a_visitor_may_do_is_offered(
    site: ServedHub, signed_in: httpx2.Client, stranger: httpx2.Client
) -> None:
    ref = site.repo("offers")
    page = f"/alice/offers/discussions/{propose(site, ref, {'a.txt': b'a'})}"
    own, foreign = signed_in.get(page).text, stranger.get(page).text
    for action in ("edit", "hide", "title", "pin", "lock", "merge"):
        assert f'action="{page}/{action}"' in own
        assert f'action="{page}/{action}"' not in foreign
    assert f'formaction="{page}/status"' in own
    assert f'formaction="{page}/status"' not in foreign
    assert f'action="{page}/comment"' in foreign
    assert "Those who may write to this repository can merge it." in foreign


def test_the_changes_of_a_pull_request(site: ServedHub, show: Show) -> None:
    ref = site.repo("diffed")
    site.commit(ref, {"a.txt": b"one\n"})
    num = propose(site, ref, {"a.txt": b"two\n"})
    text = show(f"/alice/diffed/discussions/{num}/files")
    assert '<span class="vh">removed </span><span aria-hidden="true">−</span>one' in text
    assert '<span class="vh">added </span><span aria-hidden="true">+</span>two' in text
    assert f'href="/alice/diffed/commits/refs%2Fpr%2F{num}"' in text
    assert "Change files" in show(f"/alice/diffed/commits/refs%2Fpr%2F{num}")


def test_why_a_pull_request_cannot_be_merged(site: ServedHub, show: Show, signed_in: httpx2.Client) -> None:
    ref = site.repo("blocked")
    draft = openings.open_draft(site.hub, site.caller(), ref, "A draft", "Text").num
    assert "Cannot merge: it changes nothing" in show(f"/alice/blocked/discussions/{draft}")
    site.commit(ref, {"d.txt": b"d"}, f"refs/pr/{draft}")
    text = signed_in.get(f"/alice/blocked/discussions/{draft}").text
    assert "A draft cannot be merged" in text
    assert "Mark as ready" in text
    num = propose(site, ref, {"a.txt": b"here", "b.txt": b"here", "c.txt": b"only here"})
    assert "No conflicts with main" in show(f"/alice/blocked/discussions/{num}")
    site.commit(ref, {"a.txt": b"there", "b.txt": b"there"})
    text = signed_in.get(f"/alice/blocked/discussions/{num}").text
    assert "Cannot merge: 2 files changed on both sides" in text
    assert re.findall(r'<th scope="row" class="path">([^<]+)<', text) == ["a.txt", "b.txt"]
    assert f'action="/alice/blocked/discussions/{num}/merge"' not in text
    anonymous = show(f"/alice/blocked/discussions/{num}")
    assert re.findall(r'<li><span class="path">([^<]+)<', anonymous) == ["a.txt", "b.txt"]
    assert "Resolve conflicts" not in anonymous


def test_the_changes_of_a_gated_repository_are_for_those_who_may_read_it(
    site: ServedHub, browser: httpx2.Client, signed_in: httpx2.Client
) -> None:
    ref = site.repo("gated-talk")
    num = propose(site, ref, {"a.txt": b"secret words"})
    repositories.configure(site.hub, site.caller(), ref, RepoChanges(gated="manual"))
    page = f"/alice/gated-talk/discussions/{num}"
    assert browser.get(page).status_code == 200
    answer = browser.get(f"{page}/files")
    assert (answer.status_code, answer.headers["x-error-code"]) == (401, "GatedRepo")
    assert "secret words" not in answer.text
    assert "secret words" in signed_in.get(f"{page}/files").text


@pytest.mark.parametrize("number", ["0", "9", "x", "1e3", "99999999999", "%E0"])
def test_a_number_that_no_discussion_has_is_not_found(browser: httpx2.Client, number: str) -> None:
    for rest in ("", "/files"):
        assert browser.get(f"/alice/tern/discussions/{number}{rest}").status_code in (400, 404)


def test_the_changes_of_what_is_no_pull_request_are_not_found(site: ServedHub, browser: httpx2.Client) -> None:
    num = discussions.create(site.hub, site.caller(), site.repo("no-pull"), "A question", "Text").num
    assert browser.get(f"/alice/no-pull/discussions/{num}/files").status_code == 404


def test_a_repository_without_discussions_has_no_tab(
    site: ServedHub, browser: httpx2.Client, signed_in: httpx2.Client
) -> None:
    ref = site.repo("silent")
    assert 'href="/alice/silent/discussions"' in browser.get("/alice/silent").text
    repositories.configure(site.hub, site.caller(), ref, RepoChanges(options={"discussionsDisabled": True}))
    assert 'href="/alice/silent/discussions"' not in browser.get("/alice/silent").text
    assert browser.get("/alice/silent/discussions").status_code == 403
    assert signed_in.get("/alice/silent/discussions/new").status_code == 403

from __future__ import annotations

import re
from collections.abc import Callable

import httpx2

from entrepot.hub.files.operations import AddFile
from entrepot.hub.repos import commits
from entrepot.hub.repos.commits import CommitDraft
from entrepot.names import parse_path
from entrepot.server.pages import histories
from entrepot.server.pages.repositories.changes import MAX_TEXTS
from tests.server.pages.conftest import send_form
from tests.support.served_hub import ServedHub

Show = Callable[[str], str]


def test_commits_are_listed_newest_first_in_pages(site: ServedHub, show: Show) -> None:
    ref = site.repo("long")
    for number in range(histories.PAGE):
        draft = CommitDraft(f"<b>change</b> {number}", [AddFile(parse_path("a.txt"), str(number).encode())])
        commits.create(site.hub, site.caller(), ref, "main", draft)
    text = show("/alice/long/commits/main")
    titles = re.findall(r'class="grow strong lines"[^>]*>([^<]*)<', text)
    assert titles[0] == f"&lt;b&gt;change&lt;/b&gt; {histories.PAGE - 1}"
    assert len(titles) == histories.PAGE
    assert 'href="?p=1"' in text
    last = show("/alice/long/commits/main?p=1")
    assert 'href="?p=0"' in last
    assert "No commits on this page" in show("/alice/long/commits/main?p=9")


def test_a_commit_shows_its_changes(site: ServedHub, show: Show) -> None:
    ref = site.repo("changed")
    site.commit(ref, {"a.txt": b"one\ntwo\n", "b.bin": b"\0"})
    commit = site.commit(ref, {"a.txt": b"one\n<i>three</i>\n", "b.bin": b"\0\1"})
    text = show(f"/alice/changed/commit/{commit}")
    assert "2 files changed" in text
    assert '<span class="vh">removed </span><span aria-hidden="true">−</span>two' in text
    assert '<span class="vh">added </span><span aria-hidden="true">+</span>&lt;i&gt;three&lt;/i&gt;' in text
    assert '<span class="badge">not text</span>' in text
    parent = re.search(r'parent <a class="mono" href="(/alice/changed/commit/[0-9a-f]{40})"', text)
    assert parent is not None
    root = show(parent[1])
    while found := re.search(r'parent <a class="mono" href="([^"]+)"', root):
        root = show(found[1])
    assert "no parent" in root
    assert commit in show("/alice/changed/commit/main")


def test_the_history_of_a_path_has_the_commits_that_changed_it(site: ServedHub, browser: httpx2.Client) -> None:
    ref = site.repo("paths")
    first = site.commit(ref, {"d/a.txt": b"1\n", "b.txt": b"1\n"})
    second = site.commit(ref, {"b.txt": b"2\n"})
    for path, known in (("d/a.txt", {first}), ("d", {first}), ("b.txt", {first, second})):
        text = browser.get(f"/alice/paths/commits/main/{path}").text
        assert {oid for oid in (first, second) if f"/commit/{oid}" in text} == known, path
    assert browser.get("/alice/paths/commits/main/none").status_code == 404
    assert 'href="/alice/paths/commits/main/d/a.txt"' in browser.get("/alice/paths/blob/main/d/a.txt").text
    assert 'href="/alice/paths/commits/main/d"' in browser.get("/alice/paths/tree/main/d").text


def test_lines_that_a_commit_does_not_show_have_pages_of_their_own(site: ServedHub, show: Show) -> None:
    ref = site.repo("wide")
    first = site.commit(ref, {f"{number:03}.txt": b"one\n" for number in range(MAX_TEXTS + 1)})
    commit = site.commit(ref, {f"{number:03}.txt": b"<i>two</i>\n" for number in range(MAX_TEXTS + 1)})
    text = show(f"/alice/wide/commit/{commit}")
    assert text.count("&lt;i&gt;two") == MAX_TEXTS
    [link] = re.findall(r'href="([^"]+)">Show the changes of this file', text)
    assert link == f"/alice/wide/compare/{first}..{commit}?file={MAX_TEXTS:03}.txt"
    alone = show(link)
    assert "&lt;i&gt;two" in alone
    assert "Show the changes" not in alone
    links = re.findall(r'href="([^"]+)">Show the changes of this file', show(f"/alice/wide/commit/{first}"))
    assert '<span aria-hidden="true">+</span>one' in show(links[0])


def test_a_commit_is_undone_by_a_pull_request(site: ServedHub, signed_in: httpx2.Client, show: Show) -> None:
    ref = site.repo("undone")
    wrong = site.commit(ref, {"a.txt": b"wrong\n"})
    page = f"/alice/undone/commit/{wrong}"
    assert "Revert" not in show(page), "anonymous visitors cannot propose changes"
    assert "Revert" in signed_in.get(page).text
    answer = send_form(signed_in, page, {})
    assert answer.url.path == "/alice/undone/discussions/1"
    assert f"Undoes commit {wrong}" in answer.text
    site.commit(ref, {"a.txt": b"other\n"})
    answer = send_form(signed_in, page, {})
    assert answer.status_code == 409
    assert "Later commits changed the same files: a.txt. Edit them instead." in answer.text

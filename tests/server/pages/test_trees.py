from __future__ import annotations

import html
import re
from collections.abc import Callable

import pytest

from entrepot.errors import EntryNotFound
from entrepot.hub.jobs import indexing
from entrepot.hub.repos import contents
from entrepot.names import ROOT
from entrepot.server.pages import trees
from entrepot.server.pages.trees import crumbs, path_of
from tests.support.served_hub import ServedHub

Show = Callable[[str], str]


def test_a_folder_shows_its_entries_with_size_and_commit(show: Show) -> None:
    text = show("/alice/tern/tree/main")
    assert 'href="/alice/tern/tree/main/docs"' in text
    assert 'href="/alice/tern/blob/main/README.md"' in text
    assert re.search(r'href="/alice/tern/commit/[0-9a-f]{40}" title="add">add</a>', text)
    inner = show("/alice/tern/tree/main/docs/")
    assert 'href="/alice/tern/blob/main/docs/guide.md"' in inner
    assert "8 B" in inner
    assert "README.md" not in inner


def test_names_of_files_are_encoded_in_links(site: ServedHub, show: Show) -> None:
    site.commit(site.repo("names"), {"a b/100%?#.txt": b"x", "é/<i>&.txt": b"y"})
    text = show("/alice/names/tree/main/a%20b")
    assert 'href="/alice/names/blob/main/a%20b/100%25%3F%23.txt"' in text
    assert "x" in show("/alice/names/blob/main/a%20b/100%25%3F%23.txt")
    assert "&lt;i&gt;&amp;.txt" in show("/alice/names/tree/main/%C3%A9")


def test_a_large_folder_is_shown_in_pages(site: ServedHub, show: Show) -> None:
    site.commit(site.repo("full"), {f"{number:04}.txt": b"x" for number in range(trees.PAGE + 1)})
    first = show("/alice/full/tree/main")
    more = re.search(r'href="(\?cursor=[^"]+)">Next', first)
    assert more is not None
    second = show("/alice/full/tree/main" + html.unescape(more[1]))
    assert ">Next<" not in second
    assert f"{trees.PAGE:04}.txt" in second
    assert "0001.txt" not in second


def test_large_files_are_marked(site: ServedHub, show: Show) -> None:
    ref = site.repo("weights")
    site.commit_large(ref, "model.bin", b"w" * 2000)
    assert re.search(r'class="mark"[^>]*>(LFS|XET)<', show("/alice/weights/tree/main"))


def test_the_readme_of_a_folder_is_shown_below_its_entries(site: ServedHub, show: Show) -> None:
    ref = site.repo("readmes")
    head = site.commit(ref, {
        "docs/ReadMe.md": b"---\na: 1\n---\n# Guide\n\n<script>alert(1)</script> [next](next.md) ![](p.png)",
        "other/x.txt": b"x",
    })  # fmt: skip
    text = show("/alice/readmes/tree/main/docs")
    assert '<h2 id="card-guide">Guide</h2>' in text
    assert f'href="/alice/readmes/blob/{head}/docs/next.md"' in text
    assert f'src="/alice/readmes/resolve/{head}/docs/p.png"' in text
    assert "a: 1" not in text
    assert "<script>alert" not in text
    assert 'class="prose"' not in show("/alice/readmes/tree/main/other")


def test_a_folder_is_shown_without_last_commits_while_too_many_are_new(
    site: ServedHub, show: Show, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.commit(site.repo("behind"), {"a.txt": b"x"})
    assert "/alice/behind/commit/" in show("/alice/behind/tree/main").partition("<tbody>")[2]
    monkeypatch.setattr(indexing, "BRIEF_COMMITS", -1)
    monkeypatch.setattr(contents, "_MAX_COMPARED", -1)
    text = show("/alice/behind/tree/main")
    assert "/alice/behind/commit/" not in text.partition("<tbody>")[2]
    assert "/alice/behind/blob/main/a.txt" in text
    assert "when the history is indexed" in text


def test_crumbs_lead_to_every_folder() -> None:
    assert crumbs("a/b/c") == [("a", "a"), ("b", "a/b"), ("c", "a/b/c")]
    assert crumbs("") == []


def test_a_path_that_no_file_has_is_not_found() -> None:
    assert path_of("") == ROOT
    for path in ("../x", "a//b", "a/.git/x"):
        with pytest.raises(EntryNotFound):
            path_of(path)


def test_the_last_commit_has_its_whole_message_as_title(show: Show) -> None:
    assert re.search(r'id="fh" title="add">add</a>', show("/alice/tern/tree/main"))

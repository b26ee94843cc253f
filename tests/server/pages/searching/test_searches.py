from __future__ import annotations

from collections.abc import Callable

import httpx2
import pytest

from entrepot.hub.community import collections
from entrepot.hub.community.collections import CollectionDraft
from entrepot.server.pages.searching.searches import split_snippet, without_markup
from tests.support.served_hub import ServedHub

Show = Callable[[str], str]


def test_snippets_are_divided_into_matches_and_the_rest() -> None:
    assert split_snippet("a \x02b\x03 c") == [("a ", False), ("b", True), (" c", False)]
    assert split_snippet("\x02b\x03") == [("b", True)]
    assert split_snippet("") == []
    assert split_snippet("a \x02 broken") == [("a ", False), (" broken", True)]


def test_everything_that_matches_is_found_and_hostile_words_are_text(site: ServedHub, show: Show) -> None:
    collections.create(site.hub, site.caller(), CollectionDraft("About <b>tern</b>"))
    text = show("/search?q=tern")
    assert 'href="/alice/tern"' in text
    assert "<span>text-generation</span><span>transformers</span><span>mit</span><span>updated" in text
    assert "About &lt;b&gt;tern&lt;/b&gt;" in text
    assert 'href="/alice">' in show("/search?q=alice")
    hostile = show("/search?q=%3Cscript%3Ealert(1)%3C/script%3E&type=dataset")
    assert hostile.count("<script") == 2  # those of every page
    assert "No repository matches" in hostile
    assert "Every word must occur" in show("/search")


@pytest.mark.parametrize("word", ["hidden", "secret"])
def test_private_repositories_are_found_by_their_readers_only(
    site: ServedHub, show: Show, signed_in: httpx2.Client, word: str
) -> None:
    del site
    assert "/alice/hidden" not in show(f"/search?q={word}")
    if word == "hidden":
        assert "/alice/hidden" in signed_in.get(f"/search?q={word}").text


def test_the_search_box_of_every_page_leads_here(show: Show) -> None:
    assert 'role="search" action="/search"' in show("/models")


@pytest.mark.parametrize(
    ("card", "shown"),
    [
        ("# A \x02tern\x03\n\nA [guide](docs/guide.md) and **more**", "A \x02tern\x03 A guide and more"),
        ("…| a | b |\n|---|:--:|\n| \x02one\x03 | two |", "… a b \x02one\x03 two"),
        ("> said\n* item\n1. first ```python\nx = 1\n``` <br>", "said item first x = 1"),
        ("![a picture](pictures/te…", "a picture"),
        ("> [!NOTE]\n> Needs \x02care\x03", "Needs \x02care\x03"),
        ("> [!\x02WARNING\x03] hot", "hot"),
        ("…\x02NOTE\x03] Needs care > [!tip…", "… Needs care …"),
        ("- [ ] open\n- [x] done\n* [\x02X\x03] too - [x…", "open done too …"),
        ("…x] done, a[ ]b [note] note…", "… done, a[ ]b [note] note…"),
        ("2 * 3 - 1 snake_case C# a>b", "2 3 1 snake_case C# a>b"),
    ],
)
def test_an_excerpt_has_no_signs_of_markdown(card: str, shown: str) -> None:
    assert without_markup(card) == shown

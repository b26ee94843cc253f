from __future__ import annotations

import html
import re
from collections.abc import Callable

import httpx2
import pytest

from entrepot.hub.search.tags import SortedTag
from entrepot.server.pages import listings
from entrepot.server.pages.listings import PAGE, filter_groups, set_filters
from tests.support.served_hub import ServedHub

Show = Callable[[str], str]


def names(text: str) -> list[str]:
    return re.findall(r'<h2><a href="/(?:datasets/|spaces/)?([^"]+)">', text)


def test_lists_show_what_the_visitor_sees(show: Show, signed_in: httpx2.Client) -> None:
    assert names(show("/models")) == ["alice/tern"]
    assert sorted(names(signed_in.get("/models").text)) == ["alice/hidden", "alice/tern"]
    assert names(show("/datasets")) == ["alice/tides"]
    assert "No space that you can see is here yet" in show("/spaces")
    assert '<p class="small soft">1 model</p>' in show("/models")
    assert '<p class="small soft">2 models</p>' in signed_in.get("/models").text


def test_filters_and_words_are_those_of_the_api(show: Show) -> None:
    for query, found in (
        ("search=ter", True),
        ("search=zzz", False),
        ("filter=license:mit", True),
        ("filter=license:mit&filter=harbour", True),
        ("filter=license:gpl", False),
        ("pipeline_tag=text-generation", True),
        ("pipeline_tag=x", False),
        ("author=alice&sort=likes", True),
        ("gated=true", False),
        ("archived=false", True),
        ("archived=true", False),
    ):
        text = show(f"/models?{query}")
        assert names(text) == (["alice/tern"] if found else []), query
        assert found or "Nothing matches" in text
        assert f'href="/api/models?{html.escape(query.replace(":", "%3A"))}"' in text


def test_filters_have_numbers_only_where_the_list_is_not_narrower(show: Show) -> None:
    number = r'transformers <span class="n">1</span>'
    assert re.search(number, show("/models"))
    assert re.search(number, show("/models?sort=likes"))
    for query in ("search=zzz", "search=ter", "filter=license:mit", "author=alice", "archived=true"):
        text = show(f"/models?{query}")
        assert ">transformers</a>" in text
        assert not re.search(number, text), query


def test_the_next_page_goes_on_after_the_last_row(site: ServedHub, show: Show, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(PAGE + 1):
        site.repo(f"many-{number}", "space")
    first = show("/spaces?sort=createdAt")
    more = re.search(r'href="(/spaces\?[^"]*cursor=[^"]*)">Next', first)
    assert more is not None
    assert f'<p class="small soft">{PAGE + 1} spaces</p>' in first
    monkeypatch.setattr(listings, "MAX_COUNTED", PAGE)
    second = show(html.unescape(more[1]))
    assert f'<p class="small soft">{PAGE}+ spaces</p>' in second
    assert len(names(first)) == PAGE
    assert names(second) == ["alice/many-0"]
    assert ">Next<" not in second
    assert ">First page<" in second


def test_filter_links_set_and_remove() -> None:
    groups = {
        "license": [SortedTag("license:mit", "mit", "license", 3)],
        "pipeline_tag": [SortedTag("a b", "a b", "pipeline_tag", 1)],
    }
    query = [("search", "x"), ("filter", "license:mit"), ("pipeline_tag", "old")]
    task, licence, state = filter_groups(groups, query)
    assert (task.title, task.links[0].query) == ("Task", "search=x&filter=license%3Amit&pipeline_tag=a+b")
    assert (licence.links[0].is_set, licence.links[0].query) == (True, "search=x&pipeline_tag=old")
    assert [chip.label for chip in set_filters(query)] == ["license:mit", "old"]
    assert [(link.label, link.is_set, link.query.rpartition("&")[2]) for link in state.links] == [
        ("Not archived", False, "archived=false"),
        ("Archived", False, "archived=true"),
    ]
    assert {link.count for group in (task, licence) for link in group.links} == {None}, "the list is narrower"
    task, licence, _ = filter_groups(groups, [("sort", "likes")])
    assert [link.count for group in (task, licence) for link in group.links] == [1, 3]
    _, _, state = filter_groups(groups, [("archived", "true")])
    assert [(link.is_set, link.query) for link in state.links] == [(False, "archived=false"), (True, "")]
    assert [chip.label for chip in set_filters([("archived", "true")])] == ["archived: true"]

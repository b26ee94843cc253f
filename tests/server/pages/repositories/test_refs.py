from __future__ import annotations

import html
import re
from collections.abc import Callable

import httpx2
import pytest

from entrepot.hub.repos import branches
from entrepot.names import RepoRef
from entrepot.server.pages.repositories import refs
from tests.server.pages.conftest import field_of, send_form
from tests.support.served_hub import ServedHub

Show = Callable[[str], str]


def grow(site: ServedHub, name: str) -> RepoRef:
    """Return a repository with three tags, one of them annotated."""
    ref = site.repo(name)
    site.commit(ref, {"a": b"a"})
    for number, message in (("1", None), ("2", "an annotated one"), ("3", None)):
        branches.create_tag(site.hub, site.caller(), ref, "main", f"v{number}", message)
    return ref


def test_branches_and_tags_are_listed_in_pages(site: ServedHub, show: Show, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refs, "SHOWN", 2)
    ref = grow(site, "grown")
    head = next(item.commit for item in branches.list_refs(site.hub, None, ref) if item.ref == "refs/heads/main")
    page = show("/alice/grown/refs?type=tag")
    assert re.findall(r"/tree/(v\d)", page) == ["v1", "v2"]
    assert page.count(f"/commit/{head}") == 2, "an annotated tag leads to its commit"
    more = re.search(r'href="(/alice/grown/refs\?type=tag&amp;cursor=[^"]+)"', page)
    assert more is not None
    second = show(html.unescape(more[1]))
    assert re.findall(r"/tree/(v\d)", second) == ["v3"]
    assert "First page" in second
    assert "cursor=" not in second
    assert re.findall(r'/tree/(main)"', show("/alice/grown/refs"))
    assert "None." in show("/alice/grown/refs?type=pull")


def test_a_part_of_the_name_finds_refs(site: ServedHub, show: Show) -> None:
    grow(site, "sought")
    assert re.findall(r"/tree/(v\d)", show("/alice/sought/refs?type=tag&search=2")) == ["v2"]
    assert "None has" in show("/alice/sought/refs?type=tag&search=%25")


def test_the_picker_leads_to_the_page(site: ServedHub, show: Show) -> None:
    assert 'href="/alice/tern/refs"' in show("/alice/tern/tree/main")


@pytest.mark.parametrize("query", ["type=x", "cursor=%00", "search=%00", "start=%00", "cursor=" + "x" * 1_001])
def test_what_no_page_links_to_is_refused(browser: httpx2.Client, query: str) -> None:
    assert browser.get(f"/alice/tern/refs?{query}").status_code == 400
    assert browser.get(f"/alice/hidden/refs?{query}").status_code == 400


def names(site: ServedHub, ref: RepoRef) -> list[str]:
    return [head.ref for head in branches.list_refs(site.hub, site.caller(), ref)]


def test_branches_and_tags_are_created_and_deleted(site: ServedHub, signed_in: httpx2.Client) -> None:
    ref = site.repo("branched")
    commit = site.commit(ref, {"a": b"a"})
    page = "/Alice/Branched/refs"
    made = send_form(signed_in, page, {"type": "branch", "name": " dev/one ", "start": commit[:12]})
    assert "Created." in made.text
    assert "/alice/branched/compare/main...dev%2Fone" in made.text
    made = send_form(signed_in, page, {"type": "tag", "name": "v1", "start": "dev/one", "message": "the first"})
    assert made.url.path == "/alice/branched/refs"
    assert names(site, ref) == ["refs/heads/dev/one", "refs/heads/main", "refs/tags/v1"]
    removed = field_of(signed_in.get("/alice/branched/refs?type=tag").text, "removed")
    assert "Removed." in send_form(signed_in, page, {"type": "tag", "removed": removed}, f"{page}/delete").text
    send_form(signed_in, page, {"type": "branch", "removed": "dev/one"}, f"{page}/delete")
    assert names(site, ref) == ["refs/heads/main"]


def test_a_mistake_shows_the_form_of_a_ref_again(site: ServedHub, signed_in: httpx2.Client) -> None:
    ref = site.repo("mistaken-refs")
    page = "/alice/mistaken-refs/refs"
    answer = send_form(signed_in, page, {"type": "tag", "name": "v 1", "start": "main", "message": "<kept>"})
    assert answer.status_code == 400
    assert "Invalid tag name 'v 1'" in html.unescape(answer.text)
    assert field_of(answer.text, "name") == "v 1"
    assert field_of(answer.text, "message") == "<kept>"
    answer = send_form(signed_in, page, {"type": "branch", "name": "dev", "start": "nowhere"})
    assert answer.status_code == 404
    assert send_form(signed_in, page, {"type": "branch", "removed": "main"}, f"{page}/delete").status_code == 403
    assert send_form(signed_in, page, {"type": "pull", "name": "x"}).status_code == 400
    assert names(site, ref) == ["refs/heads/main"]


def test_a_commit_leads_to_the_form_that_starts_there(site: ServedHub, signed_in: httpx2.Client, show: Show) -> None:
    commit = site.commit(site.repo("started"), {"a": b"a"})
    page = signed_in.get(f"/alice/started/commit/{commit}").text
    assert f'href="/alice/started/refs?type=tag&amp;start={commit}"' in page
    assert field_of(signed_in.get(f"/alice/started/refs?start={commit}").text, "start") == commit
    for path in (f"/alice/started/commit/{commit}", "/alice/started/refs"):
        assert "New branch" not in show(path)
        assert "Branch here" not in show(path)

from __future__ import annotations

import httpx2
import pytest

from entrepot.server.hf.search.searches import mark
from tests.support.site import Committer, Site

CARD = b"# Whales\n<script>alert(1)</script> sing & dance\n"


@pytest.fixture
def repo(site: Site, committer: Committer) -> str:
    made: str = site.new_repo()
    committer.write(made, {"README.md": CARD})
    return made


def test_words_are_found_with_their_surroundings_as_harmless_html(anonymous: httpx2.Client, repo: str) -> None:
    found = anonymous.get("/api/search/full-text?q=sing+dance").json()
    hit = next(hit for hit in found["hits"] if hit["repoId"] == repo)
    assert "<em>sing</em> &amp; <em>dance</em>" in hit["snippet"]
    assert "<script>" not in hit["snippet"]
    assert (hit["repoType"], hit["private"]) == ("model", False)
    assert anonymous.get("/api/search/full-text?q=sing&type=dataset").json()["total"] == 0


def test_pages_are_skipped_to(anonymous: httpx2.Client, repo: str) -> None:
    first = anonymous.get("/api/search/full-text?q=whales&limit=1").json()
    assert repo
    rest = anonymous.get(f"/api/search/full-text?q=whales&skip={first['total']}").json()
    assert (len(first["hits"]), rest["hits"]) == (1, [])


def test_a_search_box_is_served(anonymous: httpx2.Client, site: Site, repo: str) -> None:
    name = repo.partition("/")[2]
    hidden = site.new_repo(visibility="private")
    found = anonymous.get("/api/quicksearch", params={"q": name, "limit": 20}).json()
    assert repo in [item["id"] for item in found["models"]]
    assert found["modelsCount"] == len(found["models"])
    assert hidden not in str(found)
    assert [user["user"] for user in anonymous.get("/api/quicksearch?q=ali").json()["users"]] == ["alice"]
    assert anonymous.get("/api/quicksearch?q=x&type=planet").status_code == 400


def test_trending_repositories_are_served(anonymous: httpx2.Client, alice: httpx2.Client, repo: str) -> None:
    alice.post(f"/api/models/{repo}/like")
    [best] = anonymous.get("/api/trending?limit=1&type=model").json()["recentlyTrending"]
    assert best["repoType"] == "model"
    assert best["repoData"]["id"] == repo


def test_marks_cannot_be_forged_by_a_card() -> None:
    assert mark("<em>\x02a\x03 & b") == "&lt;em&gt;<em>a</em> &amp; b"


def test_a_type_that_is_named_often_is_looked_through_once(anonymous: httpx2.Client, repo: str) -> None:
    params = {"q": "a", "type": ["model"] * 50}
    once = anonymous.get("/api/quicksearch", params=params | {"type": "model"}).json()
    assert anonymous.get("/api/quicksearch", params=params).json() == once
    trending = [
        item["repoData"]["id"] for item in anonymous.get("/api/trending", params=params).json()["recentlyTrending"]
    ]
    assert len(trending) == len(set(trending))

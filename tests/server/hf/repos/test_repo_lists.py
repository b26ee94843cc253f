from __future__ import annotations

import re
from typing import Any

import attrs
import httpx2
import pytest
from huggingface_hub import HfApi
from starlette.requests import Request

from entrepot.catalog.repos import download_counts
from entrepot.catalog.repos import repositories as repos
from entrepot.hub.accounts import accounts
from entrepot.hub.files.operations import AddFile
from entrepot.hub.repos import commits, repositories
from entrepot.hub.repos.commits import CommitDraft
from entrepot.hub.repos.repositories import NewRepo
from entrepot.names import RepoId, RepoRef, RepoType, parse_path
from entrepot.server.hf.repos.repo_lists import FULL_PAGE, PAGE, SORTS, read_search
from tests.support.site import Site

NEXT = re.compile(r'<(https?:[/][/][^>]+)>;\s+rel="next"')


@attrs.frozen
class ListedRepos:
    """The hub's models: m0 … m6 of zoe, m6 the newest, and some of alice with cards."""

    site: Site

    def names(self, kind: str = "models", token: str | None = None, **params: Any) -> list[str]:
        with self.site.client(token) as client:
            answer = client.get(f"/api/{kind}", params=params)
        assert answer.status_code == 200, answer.text
        return [item["id"] for item in answer.json()]

    def make(self, owner: str, name: str, kind: RepoType = RepoType.MODEL, card: str = "", **options: Any) -> str:
        secret = accounts.create_token(self.site.hub, owner, role="write").secret
        caller = self.site.hub.identify(secret)
        repositories.create(self.site.hub, caller, NewRepo(kind, name, **options))
        if card:
            readme = AddFile(parse_path("README.md"), f"---\n{card}\n---\n".encode())
            ref = RepoRef(kind, RepoId(owner, name))
            commits.create(self.site.hub, caller, ref, "main", CommitDraft("card", [readme]))
        return f"{owner}/{name}"

    def count(self, repo: str, **columns: float) -> None:
        """Set counters of a model's row."""
        with self.site.hub.write() as tx:
            row = repos.find(tx, RepoRef(RepoType.MODEL, RepoId(*repo.split("/"))))
            assert row is not None
            repos.update(tx, row.id, **columns)


@pytest.fixture(scope="module")
def listed(site: Site) -> ListedRepos:
    found = ListedRepos(site)
    accounts.create_user(site.hub, "zoe")
    for number in range(7):
        name = found.make("zoe", f"m{number}")
        found.count(
            name,
            updated_ms=1000 + number,
            created_ms=2000 - number,
            downloads=number % 3,
            likes=number % 2,
            trending=TRENDS[number],
            size=SIZES[number],
        )
    found.make(
        "alice", "bert-base", card="license: mit\npipeline_tag: fill-mask\nlibrary_name: transformers\ntags: [x, y]"
    )
    found.make("alice", "Bert-Large", card="license: mit\npipeline_tag: text-generation\ntags: [x]")
    found.make("alice", "secret-bert", visibility="private", card="license: mit")
    found.make("alice", "squad", RepoType.DATASET, card="task_categories: [question-answering]\nlanguage: en")
    found.make("alice", "hidden", RepoType.DATASET, visibility="private")
    found.make("alice", "demo", RepoType.SPACE, sdk="gradio", card="title: T\nsdk: gradio\nmodels: [alice/bert-base]")
    found.make("alice", "plain", RepoType.SPACE, sdk="static")
    return found


TRENDS = (9.5, 1.5, 8.25, 0.5, 4.5, 0.0, 1.0)
SIZES = (5 << 40, 1, 5 << 40, 1, 0, 2, 5 << 40)
ZOES = [f"zoe/m{number}" for number in (6, 5, 4, 3, 2, 1, 0)]


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"author": "zoe"}, ZOES),
        ({"author": "ZOE", "search": "M1"}, ["zoe/m1"]),
        ({"author": "zo"}, []),
        ({"search": "bert"}, ["alice/Bert-Large", "alice/bert-base"]),
        ({"search": "alice/bert"}, ["alice/Bert-Large", "alice/bert-base"]),
        ({"search": "large bert"}, ["alice/Bert-Large"]),
        ({"search": ["bert", "base"]}, ["alice/bert-base"]),
        ({"search": "%"}, []),
        ({"text": "bert fill"}, ["alice/bert-base"]),
        ({"text": "MIT"}, ["alice/Bert-Large", "alice/bert-base"]),
        ({"text": "mit", "search": "large"}, ["alice/Bert-Large"]),
        ({"text": '"AND (*', "author": "zoe"}, []),
        ({"text": "!?", "author": "zoe"}, ZOES),
        ({"filter": "license:mit"}, ["alice/Bert-Large", "alice/bert-base"]),
        ({"filter": ["license:mit", "y"]}, ["alice/bert-base"]),
        ({"filter[]": "transformers"}, ["alice/bert-base"]),
        ({"filter": "fill-mask"}, ["alice/bert-base"]),
        ({"pipeline_tag": "text-generation"}, ["alice/Bert-Large"]),
        ({"inference": "warm"}, []),
        ({"inference_provider": "x"}, []),
        ({"apps": "vllm"}, []),
        ({"num_parameters": "min:6B"}, []),
    ],
)
def test_models_are_found_by_every_condition(listed: ListedRepos, params: dict[str, Any], expected: list[str]) -> None:
    assert listed.names(**params) == expected


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({}, ["alice/plain", "alice/demo"]),
        ({"filter": "gradio"}, ["alice/demo"]),
        ({"models": "alice/bert-base"}, ["alice/demo"]),
        ({"datasets": "alice/bert-base"}, []),
        ({"linked": "True"}, ["alice/demo"]),
        ({"linked": "False"}, ["alice/plain", "alice/demo"]),
    ],
)
def test_spaces_are_found_by_what_they_use(listed: ListedRepos, params: dict[str, Any], expected: list[str]) -> None:
    assert listed.names("spaces", **params) == expected


def test_gated_repositories_are_distinguished(listed: ListedRepos, site: Site) -> None:
    repo = listed.make("alice", "gated-one")
    site.api().update_repo_settings(repo, gated="auto")
    assert listed.names(gated="True") == [repo]
    others = listed.names(gated="false")
    assert repo not in others
    assert "zoe/m1" in others
    assert {*others, repo} == set(listed.names())


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("lastModified", "6543210"),
        ("last_modified", "6543210"),
        ("createdAt", "0123456"),
        ("created_at", "0123456"),
        ("downloads", "5241630"),
        ("trendingScore", "0241635"),
        ("trending_score", "0241635"),
        ("likes", "5316420"),
        ("likes7d", "0241635"),
        ("likes30d", "0241635"),
        ("size", "6205314"),
        ("mainSize", "6205314"),
    ],
)
def test_each_word_of_sort_sorts_downwards_in_pages_too(
    listed: ListedRepos, site: Site, sort: str, expected: str
) -> None:
    wanted = [f"zoe/m{digit}" for digit in expected]
    assert listed.names(author="zoe", sort=sort) == wanted
    assert listed.names(author="zoe", sort=sort, direction="-1") == wanted
    assert listed.names(author="zoe", sort=sort, direction="1") == wanted[::-1]
    pages = walk(site, f"/api/models?author=zoe&sort={sort}&limit=2")
    assert [len(page) for page in pages] == [2, 2, 2, 1]
    assert [item["id"] for page in pages for item in page] == wanted


def walk(site: Site, url: str) -> list[list[dict[str, Any]]]:
    """Follow all pages as the JavaScript client does."""
    pages = []
    with site.client(None) as client:
        while url:
            answer = client.get(url)
            assert answer.status_code == 200, answer.text
            pages.append(answer.json())
            link = NEXT.search(answer.headers.get("link", ""))
            url = link[1] if link else ""
            assert not url or url.startswith(site.url + "/api/")
    return pages


def test_the_link_repeats_the_query(listed: ListedRepos, site: Site, anonymous: httpx2.Client) -> None:
    params: dict[str, Any] = {"author": "zoe", "expand": ["sha", "likes"], "limit": 3}
    link = NEXT.search(anonymous.get("/api/models", params=params).headers["link"])
    assert link
    again = httpx2.URL(link[1])
    assert again.params.get_list("expand") == ["sha", "likes"]
    assert (again.params["author"], again.params["limit"]) == ("zoe", "3")
    assert "zoe" not in again.params["cursor"]
    second = NEXT.search(anonymous.get(link[1]).headers["link"])
    assert second
    assert len(httpx2.URL(second[1]).params.get_list("cursor")) == 1


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"skip": 5}, "10"),
        ({"skip": 1, "search": "m1"}, ""),
        ({"skip": 2, "direction": "1"}, "23456"),
        ({"skip": 7}, ""),
        ({"skip": 10_000}, ""),
    ],
)
def test_the_first_repositories_can_be_skipped(listed: ListedRepos, params: dict[str, Any], expected: str) -> None:
    assert listed.names(author="zoe", **params) == [f"zoe/m{digit}" for digit in expected]


def test_only_the_first_page_skips(listed: ListedRepos, site: Site) -> None:
    for query in ("author=zoe", "search=zoe"):  # one is read in order, the other sorted
        pages = walk(site, f"/api/models?{query}&limit=2&skip=3")
        assert [[item["id"] for item in page] for page in pages] == [["zoe/m3", "zoe/m2"], ["zoe/m1", "zoe/m0"]]


def test_a_repository_made_meanwhile_shifts_no_page(listed: ListedRepos, site: Site, anonymous: httpx2.Client) -> None:
    accounts.create_user(site.hub, "yan")
    for number in range(4):
        listed.make("yan", f"p{number}")
    first = anonymous.get("/api/models?author=yan&limit=2")
    listed.make("yan", "late")
    link = NEXT.search(first.headers["link"])
    assert link
    assert [item["id"] for item in anonymous.get(link[1]).json()] == ["yan/p1", "yan/p0"]


@pytest.mark.parametrize(
    "query",
    ["sort=weight", "limit=x", "skip=x", "cursor=%00", "cursor=abc", "cursor=W10", "cursor=WzFlOTksMV0", "expand=x"],
)
def test_a_parameter_that_means_nothing_is_a_400(anonymous: httpx2.Client, query: str) -> None:
    assert anonymous.get(f"/api/models?{query}").status_code == 400


@pytest.mark.parametrize(
    "params",
    [
        {"search": "a " * 2000},
        {"search": "a" * 60_000},
        {"filter": ["a"] * 2000},
        {"filter": "a" * 60_000},
        {"apps": ["a"] * 2000},
    ],
    ids=["words", "long word", "tags", "long tag", "prefixed tags"],
)
def test_a_search_with_too_many_conditions_is_refused_before_the_database_reads_it(
    anonymous: httpx2.Client, params: dict[str, Any]
) -> None:
    answer = anonymous.get("/api/models", params=params)
    assert answer.status_code == 413
    assert "of a search exceeds the limit" in answer.json()["error"]


def test_private_repositories_are_listed_to_those_who_may_see_them(listed: ListedRepos, site: Site) -> None:
    for token, is_seen in ((site.alice, True), (site.reader, True), (site.bob, False), (None, False)):
        assert ("alice/secret-bert" in listed.names(token=token)) is is_seen
        assert ("alice/hidden" in listed.names("datasets", token=token)) is is_seen
        assert (listed.names(token=token, search="secret") == ["alice/secret-bert"]) is is_seen


def test_a_wrong_token_lists_nothing(site: Site) -> None:
    assert site.client("hf_wrong").get("/api/models").status_code == 401


def keys(client: httpx2.Client, query: str) -> set[str]:
    [item] = client.get(f"/api/{query}").json()
    return set(item)


def test_files_cards_and_configurations_come_when_asked_for(listed: ListedRepos, anonymous: httpx2.Client) -> None:
    model = "models?search=bert-base"
    usual = keys(anonymous, model)
    assert {"_id", "id", "modelId", "author", "sha", "tags", "lastModified", "gated", "private"} <= usual
    assert not {"siblings", "cardData", "config"} & usual
    assert keys(anonymous, f"{model}&full=true") == usual | {"siblings"}
    assert keys(anonymous, f"{model}&cardData=True") == usual | {"cardData"}
    assert keys(anonymous, f"{model}&expand=likes&expand=private") == {"_id", "id", "likes", "private"}
    assert {"siblings", "cardData"} <= keys(anonymous, "datasets?search=squad&full=True")
    assert not {"siblings", "cardData"} & keys(anonymous, "datasets?search=squad")


def test_all_downloads_ever_are_counted_in_lists_too(listed: ListedRepos, site: Site, anonymous: httpx2.Client) -> None:
    repo = listed.make("bob", "popular")
    with site.hub.write() as tx:
        row = repos.find(tx, RepoRef(RepoType.MODEL, RepoId("bob", "popular")))
        assert row is not None
        download_counts.add(tx, 5, {row.id: 4})
        download_counts.add(tx, 500, {row.id: 3})
    [item] = anonymous.get("/api/models?search=popular&expand=downloads&expand=downloadsAllTime").json()
    assert (item["id"], item["downloads"], item["downloadsAllTime"]) == (repo, 3, 7)


def test_pages_have_a_size_of_their_own() -> None:
    def limit(query: str, page: int) -> int:
        request = Request({"type": "http", "headers": [], "query_string": query.encode()})
        return read_search(request, RepoType.MODEL, page).limit

    assert (limit("", PAGE), limit("", FULL_PAGE)) == (200, 100)
    assert (limit("limit=7", PAGE), limit("limit=5000", PAGE), limit("limit=0", PAGE)) == (7, 1000, 1)


def test_every_order_is_one_of_the_hub() -> None:
    assert set(SORTS.values()) == {"lastModified", "createdAt", "downloads", "likes", "trending", "size"}


# --- the real client ---------------------------------------------------------


@pytest.fixture
def api(site: Site) -> HfApi:
    found: HfApi = site.api()
    return found


def test_the_real_client_lists_models(listed: ListedRepos, api: HfApi) -> None:
    def ids(**options: Any) -> list[str]:
        return [model.id for model in api.list_models(**options)]

    assert ids(author="zoe") == ZOES
    assert ids(author="zoe", limit=3) == ZOES[:3]
    assert ids(author="zoe", sort="created_at", limit=2) == ["zoe/m0", "zoe/m1"]
    assert ids(author="zoe", sort="trending_score", limit=1) == ["zoe/m0"]
    assert ids(search="bert") == ["alice/secret-bert", "alice/Bert-Large", "alice/bert-base"]
    assert ids(filter=["license:mit", "transformers"]) == ["alice/bert-base"]
    assert ids(filter="license:mit", author="alice", pipeline_tag="fill-mask") == ["alice/bert-base"]
    assert ids(gated=True, author="zoe") == []


def test_the_real_client_walks_all_pages(listed: ListedRepos, api: HfApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("entrepot.server.hf.repos.repo_lists.PAGE", 2)
    assert [model.id for model in api.list_models(author="zoe")] == ZOES
    assert [model.id for model in api.list_models(author="zoe", limit=5)] == ZOES[:5]


def test_the_real_client_reads_full_items(listed: ListedRepos, api: HfApi) -> None:
    [model] = api.list_models(search="bert-base", full=True, cardData=True, fetch_config=True)
    assert model.card_data is not None
    assert model.card_data.license == "mit"
    assert [item.rfilename for item in model.siblings or ()] == [".gitattributes", "README.md"]
    [bare] = api.list_models(search="bert-base", expand=["lastModified"])
    assert (bare.sha, bare.siblings) == (None, None)
    assert bare.last_modified is not None


def test_the_real_client_lists_datasets_and_spaces(listed: ListedRepos, api: HfApi) -> None:
    [squad] = api.list_datasets(task_categories="question-answering", language="en", full=True)
    assert (squad.id, squad.card_data is not None) == ("alice/squad", True)
    assert [dataset.id for dataset in api.list_datasets(author="alice", sort="last_modified")] == [
        "alice/hidden",
        "alice/squad",
    ]
    assert [space.id for space in api.list_spaces(search="demo", linked=True)] == ["alice/demo"]
    [space] = api.list_spaces(models="alice/bert-base", full=True)
    assert (space.sdk, space.models) == ("gradio", ["alice/bert-base"])

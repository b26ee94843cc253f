from collections.abc import Callable, Sequence
from typing import Any

import attrs
import pytest

from entrepot.catalog import Catalog
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.database import Read
from entrepot.catalog.repos import repo_tags, repositories
from entrepot.catalog.repos.repositories import CardFacts, RepoRow
from entrepot.catalog.search import listings
from entrepot.catalog.search.listings import SORTS, Search
from entrepot.catalog.visibility import Visibility
from entrepot.names import RepoType
from tests.support.database_steps import steps_of

AddRepo = Callable[..., RepoRow]
MODELS = Search(RepoType.MODEL)


def names(catalog: Catalog, search: Search) -> list[str]:
    with catalog.read() as tx:
        return [row.name for row in listings.find(tx, search)]


def tag(catalog: Catalog, row: RepoRow, *tags: str, task: str | None = None) -> None:
    with catalog.write() as tx:
        repositories.set_facts(tx, row.id, CardFacts(None, None, task, None, None, tags))


def pages(catalog: Catalog, search: Search, between: Callable[[], object] = lambda: None) -> list[str]:
    """Walk all pages; ``between`` is called after each."""
    found: list[str] = []
    while True:
        with catalog.read() as tx:
            page = listings.find(tx, search)
        found.extend(row.name for row in page)
        if len(page) < search.limit:
            return found
        search = attrs.evolve(search, after=listings.position_of(page[-1], search.sort))
        between()


def test_the_last_change_comes_first(catalog: Catalog, add_repo: AddRepo) -> None:
    for name, updated_ms in [("b", 2), ("c", 3), ("a", 1)]:
        add_repo(name, updated_ms=updated_ms)
    assert names(catalog, MODELS) == ["c", "b", "a"]
    assert names(catalog, attrs.evolve(MODELS, is_ascending=True)) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("lastModified", ["x", "y", "z"]),
        ("createdAt", ["z", "x", "y"]),
        ("downloads", ["y", "z", "x"]),
        ("likes", ["z", "y", "x"]),
        ("size", ["y", "x", "z"]),
    ],
)
def test_each_sort_word_sorts_by_its_own_column(
    catalog: Catalog, add_repo: AddRepo, sort: str, expected: list[str]
) -> None:
    add_repo("x", updated_ms=3, created_ms=2, downloads=1, likes=1, size=2)
    add_repo("y", updated_ms=2, created_ms=1, downloads=3, likes=2, size=3)
    add_repo("z", updated_ms=1, created_ms=3, downloads=2, likes=3, size=1)
    assert names(catalog, attrs.evolve(MODELS, sort=sort)) == expected


@pytest.mark.parametrize("author", [None, "alice"])
@pytest.mark.parametrize("is_ascending", [False, True])
@pytest.mark.parametrize("sort", SORTS)
def test_ties_are_broken_by_age_and_pages_neither_skip_nor_repeat_them(
    catalog: Catalog, add_repo: AddRepo, sort: str, is_ascending: bool, author: str | None
) -> None:
    for number, name in enumerate("abcdefg"):
        group = number // 3
        add_repo(name, updated_ms=group, created_ms=group, downloads=group, likes=group, size=group)
    search = Search(RepoType.MODEL, sort=sort, is_ascending=is_ascending, author=author, limit=2)
    expected = list("abcdefg") if is_ascending else list("gfedcba")
    assert pages(catalog, search) == expected


@pytest.mark.parametrize("is_ascending", [False, True])
@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("who", ["all", "few", "many"])
def test_public_and_private_ones_are_in_one_order(
    catalog: Catalog,
    alice: Account,
    add_repo: AddRepo,
    monkeypatch: pytest.MonkeyPatch,
    sort: str,
    is_ascending: bool,
    who: str,
) -> None:
    if who == "many":
        monkeypatch.setattr(listings, "_MAX_PRIVATE", 7)
    for number in range(12):
        group = number // 2
        values = {"updated_ms": group, "created_ms": group, "downloads": group, "likes": group, "size": group}
        add_repo(f"r{number}", visibility="private" if number % 3 else "public", **values)
    seen_by = None if who == "all" else Visibility([alice.id])
    expected = [f"r{number}" for number in (range(12) if is_ascending else reversed(range(12)))]
    for limit in (1, 2, 3, 4, 5, 12, 13):
        search = Search(RepoType.MODEL, seen_by=seen_by, sort=sort, is_ascending=is_ascending, limit=limit)
        assert pages(catalog, search) == expected
        assert names(catalog, attrs.evolve(search, skip=3)) == expected[3 : 3 + limit]


def test_pages_stay_stable_while_repositories_are_added(catalog: Catalog, add_repo: AddRepo) -> None:
    for number in range(6):
        add_repo(f"old{number}", updated_ms=number)
    fresh = iter(range(100))

    def insert() -> None:
        number = next(fresh)
        add_repo(f"new{number}", updated_ms=100 + number)

    found = pages(catalog, attrs.evolve(MODELS, limit=2), insert)
    assert found == [f"old{number}" for number in (5, 4, 3, 2, 1, 0)]
    assert next(fresh) == 3


def test_private_repositories_are_shown_to_members_of_their_namespace_only(
    catalog: Catalog, alice: Account, add_repo: AddRepo, add_account: Callable[..., Account]
) -> None:
    bob = add_account("bob")
    add_repo("open", updated_ms=3)
    add_repo("hers", updated_ms=2, visibility="private")
    add_repo("his", owner=bob, updated_ms=1, visibility="private")
    seen: Sequence[tuple[Visibility | None, list[str]]] = [
        (Visibility(), ["open"]),
        (Visibility([alice.id]), ["open", "hers"]),
        (Visibility([bob.id]), ["open", "his"]),
        (Visibility([alice.id, bob.id]), ["open", "hers", "his"]),
        (None, ["open", "hers", "his"]),
    ]
    for seen_by, expected in seen:
        assert names(catalog, attrs.evolve(MODELS, seen_by=seen_by)) == expected


def test_a_deleted_repository_is_not_even_shown_to_those_who_see_everything(catalog: Catalog, repo: RepoRow) -> None:
    everything = attrs.evolve(MODELS, seen_by=None)
    assert names(catalog, everything) == ["gpt2"]
    with catalog.write() as tx:
        repositories.unlink(tx, repo, 1)
    assert names(catalog, everything) == []


def test_one_type_is_listed(catalog: Catalog, add_repo: AddRepo) -> None:
    add_repo("m")
    add_repo("d", type=RepoType.DATASET)
    assert names(catalog, Search(RepoType.DATASET)) == ["d"]


def test_an_author_is_found_in_any_case(
    catalog: Catalog, add_repo: AddRepo, add_account: Callable[..., Account]
) -> None:
    add_repo("hers")
    add_repo("his", owner=add_account("Bob"))
    assert names(catalog, attrs.evolve(MODELS, author="ALICE")) == ["hers"]
    assert names(catalog, attrs.evolve(MODELS, author="bob")) == ["his"]
    assert names(catalog, attrs.evolve(MODELS, author="bo")) == []
    assert names(catalog, attrs.evolve(MODELS, author="b%")) == []


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        (("BERT",), ["bert_base", "bertxbase"]),
        (("bert_",), ["bert_base"]),
        (("_",), ["bert_base"]),
        (("%",), []),
        (("b%e",), []),
        (("alice/b",), ["bert_base", "bertxbase"]),
        (("alice", "xb"), ["bertxbase"]),
        (("ice/gpt",), ["GPT-2"]),
        (("\\",), []),
        (("'",), []),
        ((), ["bert_base", "bertxbase", "GPT-2"]),
    ],
)
def test_every_term_is_looked_for_literally_in_the_full_id(
    catalog: Catalog, add_repo: AddRepo, terms: tuple[str, ...], expected: list[str]
) -> None:
    for updated_ms, name in enumerate(["GPT-2", "bertxbase", "bert_base"]):
        add_repo(name, updated_ms=updated_ms)
    assert names(catalog, attrs.evolve(MODELS, terms=terms)) == expected


def test_all_tags_must_be_there(catalog: Catalog, add_repo: AddRepo) -> None:
    tag(catalog, add_repo("both", updated_ms=3), "mit", "torch")
    tag(catalog, add_repo("mit", updated_ms=2), "mit")
    tag(catalog, add_repo("none", updated_ms=1), "MIT", "mi", "license:mit")
    assert names(catalog, attrs.evolve(MODELS, tags=("mit",))) == ["both", "mit"]
    assert names(catalog, attrs.evolve(MODELS, tags=("torch", "mit"))) == ["both"]
    assert names(catalog, attrs.evolve(MODELS, tags=("torch", "jax"))) == []


def test_a_pipeline_and_a_gate_are_filters_too(catalog: Catalog, add_repo: AddRepo) -> None:
    add_repo("free", updated_ms=3, pipeline_tag="text")
    add_repo("auto", updated_ms=2, gated="auto", pipeline_tag="text")
    add_repo("manual", updated_ms=1, gated="manual", pipeline_tag="image")
    assert names(catalog, attrs.evolve(MODELS, pipeline_tag="text")) == ["free", "auto"]
    assert names(catalog, attrs.evolve(MODELS, gated=True)) == ["auto", "manual"]
    assert names(catalog, attrs.evolve(MODELS, gated=False)) == ["free"]
    assert names(catalog, attrs.evolve(MODELS, gated=True, pipeline_tag="text")) == ["auto"]


@pytest.mark.parametrize("most", [0, 3, 1_000])
@pytest.mark.parametrize(
    "wanted",
    [
        {"terms": ("m-1",)},
        {"terms": ("1", "ALICE/m-")},
        {"terms": ("%", "m")},
        {"terms": ("absent", "m-")},
        {"terms": ("", "é")},
        {"tags": ("mit", "even")},
        {"tags": ("mit", "odd")},
        {"tags": ("a", "b", "c", "mit", "even")},
        {"pipeline_tag": "text"},
        {"pipeline_tag": "text", "tags": ("mit",), "terms": ("-1",)},
        {"terms": ("1",), "tags": ("even",), "gated": True},
        {"terms": ("m-",), "author": "alice", "tags": ("even",)},
    ],
)
def test_a_list_is_the_same_whether_matches_are_many_or_few(
    catalog: Catalog, add_repo: AddRepo, monkeypatch: pytest.MonkeyPatch, wanted: dict[str, Any], most: int
) -> None:
    monkeypatch.setattr(listings, "_MAX_SORTED", most)
    added = []
    for number in range(24):
        kind = RepoType.DATASET if number % 5 == 4 else RepoType.MODEL
        options = {
            "likes": number % 7,
            "pipeline_tag": ("text", None)[number % 2],
            "gated": ("no", "auto")[number % 3 % 2],
        }
        row = add_repo(f"m-{number}", type=kind, visibility="private" if number % 4 == 3 else "public", **options)
        tags = {"a", "b", "c", ("even", "odd")[number % 2], *(["mit"] if number % 3 else [])}
        tag(catalog, row, *tags, task=row.pipeline_tag)
        added.append((row, tags))
    terms = [term.lower() for term in wanted.get("terms", ())]
    for seen, sees_private in ((Visibility(), False), (Visibility([added[0][0].namespace_id]), True), (None, True)):
        search = Search(RepoType.MODEL, seen_by=seen, sort="likes", limit=4, **wanted)
        expected = [
            row
            for row, tags in added
            if row.type is RepoType.MODEL
            and (sees_private or not row.is_private)
            and all(term in f"alice/{row.name}" for term in terms)
            and tags.issuperset(search.tags)
            and search.pipeline_tag in (None, row.pipeline_tag)
            and search.gated in (None, row.gated != "no")
        ]
        expected.sort(key=lambda row: (-row.likes, -row.id))
        assert pages(catalog, search) == [row.name for row in expected]
        with catalog.read() as tx:
            assert listings.count(tx, search) == len(expected)
            counted = listings.find_counted(tx, search, most=501)
            assert [row.id for row in counted.rows] == [row.id for row in expected[:4]]
            assert counted.total == len(expected) if most == 1_000 else counted.total >= min(len(expected), most)


def test_matches_are_counted_up_to_a_number(catalog: Catalog, add_repo: AddRepo) -> None:
    for number in range(5):
        tag(catalog, add_repo(f"m-{number}"), "mit")
    with catalog.read() as tx:
        for search in (MODELS, attrs.evolve(MODELS, tags=("mit",)), attrs.evolve(MODELS, author="alice")):
            first = attrs.evolve(search, limit=2)
            assert [listings.find_counted(tx, first, most=most).total for most in (3, 5, 9)] == [3, 5, 5]


def test_rows_of_a_listing_are_whole(catalog: Catalog, add_repo: AddRepo) -> None:
    added = add_repo("x", card={"license": "mit"})
    with catalog.read() as tx:
        assert listings.find(tx, MODELS) == [added]


def test_the_position_of_a_row_is_its_sort_value_and_its_id(add_repo: AddRepo) -> None:
    row = add_repo("x", updated_ms=1, created_ms=2, downloads=3, likes=4, trending=5.5, size=6)
    assert [listings.position_of(row, sort) for sort in SORTS] == [(value, row.id) for value in (1, 2, 3, 4, 5.5, 6)]


def test_any_of_several_beginnings_of_a_tag_is_enough(catalog: Catalog, add_repo: AddRepo) -> None:
    tag(catalog, add_repo("a", updated_ms=3), "model:x", "dataset:y")
    tag(catalog, add_repo("b", updated_ms=2), "dataset:y")
    tag(catalog, add_repo("c", updated_ms=1), "datasetxy", "supermodel:x")
    assert names(catalog, attrs.evolve(MODELS, any_prefix=("model:", "dataset:"))) == ["a", "b"]
    assert names(catalog, attrs.evolve(MODELS, any_prefix=("model:",))) == ["a"]
    assert names(catalog, attrs.evolve(MODELS, any_prefix=("data_et:",))) == []


def test_repositories_are_counted_by_type_for_those_who_see_them(
    catalog: Catalog, alice: Account, add_repo: AddRepo, add_account: Callable[..., Account]
) -> None:
    bob = add_account("bob")
    add_repo("open")
    add_repo("closed", visibility="private")
    add_repo("data", type=RepoType.DATASET, visibility="private")
    add_repo("his", owner=bob)
    gone = add_repo("gone")
    with catalog.write() as tx:
        repositories.unlink(tx, gone, 1)
    everything = {RepoType.MODEL: 2, RepoType.DATASET: 1}
    with catalog.read() as tx:
        assert listings.counts(tx, alice.id, None) == everything
        assert listings.counts(tx, alice.id, Visibility([alice.id])) == everything
        assert listings.counts(tx, alice.id, Visibility([bob.id])) == {RepoType.MODEL: 1}
        assert listings.counts(tx, bob.id, Visibility()) == {RepoType.MODEL: 1}


def test_owners_are_several_accounts_with_their_folders(
    catalog: Catalog, alice: Account, add_repo: AddRepo, add_account: Callable[..., Account]
) -> None:
    bob, eve = add_account("bob"), add_account("eve")
    for name, owner in (("a", alice), ("b", bob), ("c", eve)):
        add_repo(name, owner=owner)
    assert sorted(names(catalog, attrs.evolve(MODELS, owners=(alice.id, bob.id)))) == ["a", "b"]
    assert names(catalog, attrs.evolve(MODELS, owners=(eve.id,), limit=1)) == ["c"]


def test_models_with_a_tag_are_counted_up_to_a_limit_for_those_who_see_them(
    catalog: Catalog, add_repo: AddRepo
) -> None:
    for number, visibility in enumerate(("public", "public", "public", "private")):
        row = add_repo(f"m{number}", visibility=visibility)
        tag(catalog, row, "three", *(["one"] if not number else []), *(["hidden"] if visibility == "private" else []))
    tag(catalog, add_repo("d", type=RepoType.DATASET), "one")
    everyone, wanted = Visibility(), ["one", "three", "hidden", "none"]
    with catalog.read() as tx:
        assert listings.count_tagged(tx, wanted, everyone) == {"one": 1, "three": 3}
        assert listings.count_tagged(tx, wanted, everyone, most=2) == {"one": 1, "three": 2}
        assert listings.count_tagged(tx, wanted, None, most=4) == {"one": 1, "three": 4, "hidden": 1}
        assert listings.count_tagged(tx, [], everyone, most=2) == {}


LISTS: dict[str, Callable[[Read, Visibility], object]] = {
    name: (lambda tx, seen, wanted=wanted: listings.find(tx, attrs.evolve(MODELS, seen_by=seen, limit=3, **wanted)))
    for name, wanted in {
        "all": {},
        "by likes": {"sort": "likes"},
        "ascending": {"sort": "size", "is_ascending": True},
        "next page": {"after": (4.0, 2)},
        "author": {"author": "alice"},
        "owners": {"owners": (1, 2)},
        "tag": {"tags": ("mit",)},
        "two tags": {"tags": ("mit", "torch")},
        "hidden tag": {"tags": ("secret",)},
        "task": {"pipeline_tag": "text"},
        "hidden task": {"pipeline_tag": "secret"},
        "tag and task": {"tags": ("mit",), "pipeline_tag": "text"},
        "term": {"terms": ("m",)},
        "term and tag": {"terms": ("m",), "tags": ("mit",)},
        "prefix": {"any_prefix": ("torc",)},
        "gated": {"gated": True},
    }.items()
} | {
    "count": lambda tx, seen: listings.count(tx, Search(RepoType.MODEL, seen_by=seen)),
    "count of a tag": lambda tx, seen: listings.find_counted(
        tx, Search(RepoType.MODEL, seen_by=seen, tags=("mit",)), most=501
    ),
    "counts of a namespace": lambda tx, seen: listings.counts(tx, 1, seen),
    "tagged": lambda tx, seen: listings.count_tagged(tx, ["mit", "secret"], seen),
    "tagged up to a number": lambda tx, seen: listings.count_tagged(tx, ["mit", "secret"], seen, most=9),
    "by change": lambda tx, seen: repositories.page_by_change(tx, 1, seen, limit=3),
    "by name": lambda tx, seen: repositories.page_of(tx, 1, RepoType.MODEL, seen, limit=3),
    "by name, later": lambda tx, seen: repositories.page_of(tx, 1, RepoType.MODEL, seen, after="m1", limit=3),
    "ids": lambda tx, seen: repositories.ids_of(tx, 1, seen),
    "tags": lambda tx, seen: repo_tags.public_tags(tx, RepoType.MODEL),
    "words": lambda tx, seen: repo_tags.public_words(tx, RepoType.MODEL),
}
"""Lists and numbers, as functions of a transaction and of what a caller sees."""


@pytest.mark.parametrize("read", LISTS.values(), ids=LISTS)
def test_what_a_caller_may_not_see_costs_a_list_nothing(
    catalog: Catalog,
    alice: Account,
    add_repo: AddRepo,
    add_account: Callable[..., Account],
    read: Callable[[Read, Visibility], object],
) -> None:
    bob = add_account("bob")
    for number in range(4):
        tag(catalog, add_repo(f"m{number}", updated_ms=number * 2), "mit", "torch", task="text")
    tag(catalog, add_repo("hers", owner=bob, visibility="private"), "mit", task="text")
    callers = [Visibility(), Visibility([bob.id])]

    def steps_for(callers: Sequence[Visibility]) -> list[int]:
        return [steps_of(catalog, lambda tx, seen=seen: read(tx, seen)) for seen in callers]  # type: ignore[misc]

    before = steps_for(callers)
    for number in range(30):
        row = add_repo(f"m-hidden{number}", visibility="private", updated_ms=number, likes=number, gated="auto")
        tag(catalog, row, "mit", "torch", "secret", task=("text", "secret")[number % 2])
    after = steps_for(callers)
    # Where an index ends is some steps' difference; one step for each of the hidden ones would be too many.
    assert all(abs(now - then) < 30 for now, then in zip(after, before, strict=True)), (before, after)

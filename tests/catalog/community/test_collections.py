from collections.abc import Callable
from typing import Any

import pytest

from entrepot.catalog import Catalog
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.community import collections
from entrepot.catalog.community.collections import CollectionFilter, CollectionRow, ItemRow
from entrepot.catalog.lists import MAX_VALUES
from entrepot.catalog.repos import repositories
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.catalog.visibility import PUBLIC_ONLY, Visibility
from entrepot.names import new_uid
from tests.support.database_steps import steps_of


@pytest.fixture
def add(catalog: Catalog, alice: Account) -> Callable[..., CollectionRow]:
    def add_row(
        title: str = "c", *, owner: Account = alice, updated_ms: int = 1, is_private: bool = False
    ) -> CollectionRow:
        row = CollectionRow(
            0, new_uid(), owner.id, title, None, is_private, "blue", 0, 0, 1, updated_ms, owner.name
        )  # fmt: skip
        with catalog.write() as tx:
            return collections.add(tx, row)

    return add_row


def item(collection: CollectionRow, **words: object) -> ItemRow:
    values = {"kind": "paper", "repo_id": None, "linked_id": None, "name": None, "position": 0, "note": None}
    return ItemRow(0, new_uid(), collection.id, *(values | words).values())  # type: ignore[arg-type]


def test_a_collection_reads_back(catalog: Catalog, alice: Account, add: Callable[..., CollectionRow]) -> None:
    row = add("models")
    with catalog.read() as tx:
        assert collections.find(tx, row.uid) == row
        assert collections.by_ids(tx, [row.id]) == {row.id: row}
        assert collections.titled(tx, alice.id, "models") == row
        assert collections.titled(tx, alice.id, "data") is None
        assert collections.count(tx, alice.id) == 1


def test_any_number_of_collections_is_found_by_id(catalog: Catalog, add: Callable[..., CollectionRow]) -> None:
    rows = [add("first"), add("last")]
    with catalog.read() as tx:
        found = collections.by_ids(tx, [rows[0].id, *range(10**6, 10**6 + MAX_VALUES), rows[1].id])
    assert found == {row.id: row for row in rows}


def test_items_come_in_their_order(catalog: Catalog, repo: RepoRow, add: Callable[..., CollectionRow]) -> None:
    row, other = add("a"), add("b")
    with catalog.write() as tx:
        collections.add_item(tx, item(row, name="later", position=1))
        collections.add_item(tx, item(row, kind="model", repo_id=repo.id, position=0))
        collections.add_item(tx, item(other, name="elsewhere"))
        found = collections.items(tx, [row.id, other.id])
        assert [(it.repo_id, it.name) for it in found[row.id]] == [(repo.id, None), (None, "later")]
        collections.update_item(tx, found[row.id][0].id, position=5)
        collections.remove_item(tx, found[other.id][0].id)
        found = collections.items(tx, [row.id, other.id])
        assert [it.name for it in found[row.id]] == ["later", None]
        assert found[other.id] == []


def test_the_first_visible_items_are_read(catalog: Catalog, repo: RepoRow, add: Callable[..., CollectionRow]) -> None:
    rows, secret, empty = [add("a"), add("b")], add("secret", is_private=True), add("empty")
    with catalog.write() as tx:
        repositories.update(tx, repo.id, visibility="private")
        for row in rows:
            collections.add_item(tx, item(row, kind="model", repo_id=repo.id, position=0))
            collections.add_item(tx, item(row, kind="collection", linked_id=secret.id, position=1))
            for number in range(9, 1, -1):
                collections.add_item(tx, item(row, name=f"p{number}", position=number))
    ids = [row.id for row in (*rows, empty)]
    place = frozenset({repo.namespace_id})

    def shown(**seen: Any) -> list[list[object]]:
        with catalog.read() as tx:
            found = collections.first_items(tx, ids, most=4, **seen)
        return [[it.name or it.repo_id or it.linked_id for it in found[key]] for key in ids]

    papers = ["p2", "p3", "p4", "p5"]
    assert shown(seen_by=PUBLIC_ONLY, namespaces=frozenset()) == [papers, papers, []]
    everything = [repo.id, secret.id, *papers[:2]]
    assert shown(seen_by=None, namespaces=None) == [everything, everything, []]
    assert shown(seen_by=Visibility(place), namespaces=place) == [everything, everything, []]


def test_a_removed_collection_is_nowhere(catalog: Catalog, alice: Account, add: Callable[..., CollectionRow]) -> None:
    row, holder = add("a"), add("b")
    with catalog.write() as tx:
        collections.add_item(tx, item(row, name="x"))
        collections.add_item(tx, item(holder, kind="collection", linked_id=row.id))
        collections.vote(tx, row.id, alice.id)
        collections.remove(tx, row.id)
        assert collections.find(tx, row.uid) is None
        assert collections.items(tx, [row.id, holder.id]) == {row.id: [], holder.id: []}


def test_private_collections_are_listed_for_members_of_the_namespace(
    catalog: Catalog, alice: Account, add: Callable[..., CollectionRow]
) -> None:
    public, private = add("p"), add("s", is_private=True)
    with catalog.read() as tx:
        assert collections.listed(tx, CollectionFilter(frozenset())) == [public]
        assert collections.listed(tx, CollectionFilter(frozenset({alice.id}))) == [private, public]
        assert collections.listed(tx, CollectionFilter(None)) == [private, public]


@pytest.mark.parametrize(
    "wanted",
    [{}, {"sort": "upvotes"}, {"owners": (1,)}, {"text": "hidden"}, {"after": (4.0, 2)}],
    ids=["all", "by votes", "of an owner", "text", "next page"],
)
def test_private_collections_of_others_cost_a_list_nothing(
    catalog: Catalog, add: Callable[..., CollectionRow], add_account: Callable[..., Account], wanted: dict[str, Any]
) -> None:
    bob = add_account("bob")
    for number in range(4):
        add(f"c{number}", updated_ms=number * 2)
    add("his", owner=bob, is_private=True)
    asked = [CollectionFilter(frozenset(seen), limit=3, **wanted) for seen in ((), (bob.id,))]

    def costs() -> list[int]:
        sums = steps_of(catalog, lambda tx: collections.public_upvotes(tx, 1))
        return [sums, *(steps_of(catalog, lambda tx, each=each: collections.listed(tx, each)) for each in asked)]  # type: ignore[misc]

    before = costs()
    for number in range(30):
        add(f"hidden {number}", updated_ms=number, is_private=True)
    assert all(abs(now - then) < 30 for now, then in zip(costs(), before, strict=True)), before


def test_pages_do_not_repeat_rows_of_one_moment(catalog: Catalog, add: Callable[..., CollectionRow]) -> None:
    rows = [add(str(number), updated_ms=7) for number in range(3)]
    with catalog.read() as tx:
        first = collections.listed(tx, CollectionFilter(None, limit=2))
        after = collections.position_of(first[-1], "lastModified")
        rest = collections.listed(tx, CollectionFilter(None, limit=2, after=after))
    assert [*first, *rest] == rows[::-1]


def test_votes_are_counted_with_the_rows(catalog: Catalog, alice: Account, add: Callable[..., CollectionRow]) -> None:
    row = add()
    with catalog.write() as tx:
        collections.vote(tx, row.id, alice.id)
        collections.vote(tx, row.id, alice.id)
        assert collections.has_voted(tx, row.id, alice.id)
        assert collections.voted(tx, [row.id, 999], alice.id) == {row.id}
        assert collections.by_ids(tx, [row.id])[row.id].upvotes == 1
        collections.withdraw_vote(tx, row.id, alice.id)
        collections.withdraw_vote(tx, row.id, alice.id)
        assert collections.by_ids(tx, [row.id])[row.id].upvotes == 0

from __future__ import annotations

import pytest

from entrepot.catalog.community import collections as rows
from entrepot.errors import (
    AccountNotFound,
    LoginRequired,
    NotAllowed,
    RepoNotFound,
    ThingNotFound,
)
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.community import collection_items, collections
from entrepot.hub.community.collections import CollectionQuery, CollectionUpdate
from entrepot.hub.repos import repositories
from entrepot.hub.repos.repositories import RepoChanges
from tests.support.made_collections import listed, make, names
from tests.support.worlds import World


def test_a_slug_has_the_title_and_ends_in_the_id_which_alone_counts(world: World) -> None:
    made = make(world, "My  Ünique (models)!")
    assert made.slug == f"alice/my-nique-models-{made.row.uid}"
    assert collections.get(world.hub, None, f"alice/other-words-{made.row.uid}").row == made.row
    for wrong in (f"bob/my-{made.row.uid}", "alice/x", "alice/" + "0" * 24):
        with pytest.raises(ThingNotFound):
            collections.get(world.hub, None, wrong)


def test_items_hidden_from_the_reader_are_not_shown(world: World) -> None:
    made = make(world)
    ref = world.repo("alice/m")
    collection_items.add(world.hub, world.alice, made.slug, ("model", "alice/m"), None)
    repositories.configure(world.hub, world.alice, ref, RepoChanges(visibility="private"))
    assert names(collections.get(world.hub, world.bob, made.slug)) == []
    assert names(collections.get(world.hub, world.alice, made.slug)) == ["alice/m"]
    assert listed(world, world.bob, items=["models/alice/m"]) == []
    assert listed(world, world.alice, items=["models/alice/m"]) == ["My models"]
    with pytest.raises(RepoNotFound):
        collection_items.add(world.hub, world.bob, make(world, by="bob").slug, ("model", "alice/m"), None)


def test_lists_show_the_first_items_that_the_caller_sees_and_read_no_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, other = make(world), make(world, "Other", is_private=True)
    hidden = [world.repo(f"alice/{name}") for name in "ab"]
    for kind, name in (
        ("model", "alice/a"),
        ("collection", other.slug),
        ("paper", "1"),
        ("model", "alice/b"),
        *(("paper", str(number)) for number in range(2, 9)),
    ):
        collection_items.add(world.hub, world.alice, made.slug, (kind, name), None)
    repositories.configure(world.hub, world.alice, hidden[0], RepoChanges(visibility="private"))
    repositories.delete(world.hub, world.alice, hidden[1])
    monkeypatch.setattr(rows, "items", lambda *_: pytest.fail("all items were read"))

    def shown(caller: MaybeCaller) -> list[list[str]]:
        query = CollectionQuery(owners=["alice"], sort="upvotes")
        return [names(found) for found in collections.list_collections(world.hub, caller, query).items]

    assert shown(None) == shown(world.bob) == [["1", "2", "3", "4"]]
    for caller in (world.alice, world.root):
        assert shown(caller) == [[], ["alice/a", other.slug, "1", "2"]]


def test_a_private_collection_does_not_exist_for_others(world: World) -> None:
    made = make(world, is_private=True)
    for caller in (None, world.bob):
        with pytest.raises(ThingNotFound) as hidden:
            collections.get(world.hub, caller, made.slug)
        assert "collection" in str(hidden.value)
        assert listed(world, caller) == []
    assert listed(world, world.alice) == ["My models"]
    holder = make(world, "Holder")
    collection_items.add(world.hub, world.alice, holder.slug, ("collection", made.slug), None)
    assert names(collections.get(world.hub, world.bob, holder.slug)) == []


def test_only_those_who_may_write_in_the_namespace_change_it(world: World) -> None:
    made = make(world)
    with pytest.raises(LoginRequired):
        collections.delete(world.hub, None, made.slug)
    with pytest.raises(NotAllowed):
        collections.update(world.hub, world.bob, made.slug, CollectionUpdate(title="Mine"))
    with pytest.raises(NotAllowed):
        collections.update(world.hub, world.caller("alice", "read"), made.slug, CollectionUpdate(title="Mine"))
    with pytest.raises(NotAllowed):
        make(world, by="bob", namespace="alice")
    with pytest.raises(AccountNotFound):
        make(world, namespace="nobody")


def test_a_list_shows_four_items_of_each(world: World) -> None:
    made = make(world)
    for number in range(6):
        collection_items.add(world.hub, world.alice, made.slug, ("paper", str(number)), None)
    [shown] = collections.list_collections(world.hub, None, CollectionQuery()).items
    assert names(shown) == ["0", "1", "2", "3"]
    assert listed(world, items=["papers/3"]) == ["My models"]

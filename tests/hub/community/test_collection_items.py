from __future__ import annotations

import pytest

from entrepot.errors import (
    AlreadyExists,
    LimitExceeded,
    Malformed,
    NotAllowed,
    RepoNotFound,
    ThingNotFound,
)
from entrepot.hub.community import collection_items, collections
from entrepot.hub.community.collection_items import ItemUpdate
from entrepot.hub.repos import repositories
from entrepot.hub.repos.repositories import RepoChanges
from tests.support.made_collections import make, names
from tests.support.worlds import World


def test_items_keep_their_order_and_can_be_moved_and_taken_out(world: World) -> None:
    made = make(world)
    for name in "abc":
        world.repo(f"alice/{name}")
        made = collection_items.add(world.hub, world.alice, made.slug, ("model", f"alice/{name}"), None)
    assert names(made) == ["alice/a", "alice/b", "alice/c"]
    collection_items.update(world.hub, world.alice, made.slug, made.items[2].row.uid, position=0, note="first!")
    moved = collections.get(world.hub, None, made.slug)
    assert names(moved) == ["alice/c", "alice/a", "alice/b"]
    assert moved.items[0].row.note == "first!"
    collection_items.remove(world.hub, world.alice, made.slug, moved.items[1].row.uid)
    assert names(collections.get(world.hub, None, made.slug)) == ["alice/c", "alice/b"]


def test_an_item_moves_past_those_that_the_editor_does_not_see(world: World) -> None:
    made = make(world)
    for name in ("a", "x", "b", "y", "c"):
        owner = "bob" if name in "xy" else "alice"
        ref = world.repo(f"{owner}/{name}")
        made = collection_items.add(world.hub, world.alice, made.slug, ("model", f"{owner}/{name}"), None)
        if owner == "bob":
            repositories.configure(world.hub, world.bob, ref, RepoChanges(visibility="private"))
    uids = {item.name[-1]: item.row.uid for item in collections.get(world.hub, world.root, made.slug).items}

    def move(name: str, *, is_down: bool) -> str:
        collection_items.move(world.hub, world.alice, made.slug, uids[name], is_down=is_down)
        return "".join(name[-1] for name in names(collections.get(world.hub, world.root, made.slug)))

    assert move("a", is_down=True) == "xbayc"
    assert move("c", is_down=False) == "xbcay"
    assert move("b", is_down=False) == "xbcay", "the first one stays"
    assert move("a", is_down=True) == "xbcay", "the last one stays"
    with pytest.raises(ThingNotFound):
        move("x", is_down=True)
    with pytest.raises(NotAllowed):
        collection_items.move(world.hub, world.bob, made.slug, uids["a"], is_down=True)


def test_an_item_is_appended_behind_the_last_one(world: World) -> None:
    made = make(world)
    for number in range(4):
        made = collection_items.add(world.hub, world.alice, made.slug, ("paper", f"{number}"), None)
    for item in made.items[:2]:
        collection_items.remove(world.hub, world.alice, made.slug, item.row.uid)
    assert names(collection_items.add(world.hub, world.alice, made.slug, ("paper", "4"), None)) == ["2", "3", "4"]


def test_a_batch_of_changes_is_applied_in_order_or_not_at_all(world: World) -> None:
    made = make(world)
    for number in range(4):
        made = collection_items.add(world.hub, world.alice, made.slug, ("paper", f"{number}"), None)
    uids = [item.row.uid for item in made.items]

    def update(*changes: ItemUpdate) -> None:
        collection_items.update_all(world.hub, world.alice, made.slug, changes)

    update(ItemUpdate(uids[3], position=0), ItemUpdate(uids[0], "note", 3), ItemUpdate(uids[2], position=1))
    found = collections.get(world.hub, None, made.slug)
    assert names(found) == ["3", "2", "1", "0"]
    assert [item.row.note for item in found.items] == [None, None, None, "note"]
    with pytest.raises(ThingNotFound):
        update(ItemUpdate(uids[0], position=0), ItemUpdate("f" * 24, "note"))
    with pytest.raises(LimitExceeded, match="actions"):
        update(*[ItemUpdate(uids[0], "other")] * (collection_items.MAX_UPDATES + 1))
    with pytest.raises(NotAllowed):
        collection_items.update_all(world.hub, world.bob, made.slug, [])
    assert collections.get(world.hub, None, made.slug) == found


def test_an_item_is_in_a_collection_once(world: World) -> None:
    other, made = make(world, "Other", by="bob"), make(world)
    world.repo("alice/m")
    for item in (("model", "alice/m"), ("paper", "2307.09288"), ("collection", other.slug)):
        made = collection_items.add(world.hub, world.alice, made.slug, item, None)
        with pytest.raises(AlreadyExists, match="already in the collection"):
            collection_items.add(world.hub, world.alice, made.slug, item, None)
    assert names(made) == ["alice/m", "2307.09288", other.slug]
    with pytest.raises(Malformed, match="itself"):
        collection_items.add(world.hub, world.alice, made.slug, ("collection", made.slug), None)
    with pytest.raises(Malformed, match="expected one of"):
        collection_items.add(world.hub, world.alice, made.slug, ("song", "x"), None)
    with pytest.raises(RepoNotFound):
        collection_items.add(world.hub, world.alice, made.slug, ("model", "alice/absent"), None)

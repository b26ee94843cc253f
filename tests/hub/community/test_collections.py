from __future__ import annotations

from typing import Any

import pytest

from entrepot.errors import (
    AccountNotFound,
    AlreadyExists,
    InvalidName,
    LoginRequired,
    Malformed,
    NotAllowed,
    RepoNotFound,
    ThingNotFound,
)
from entrepot.hub.accounts import accounts
from entrepot.hub.callers import MaybeCaller, Role
from entrepot.hub.community import collections
from entrepot.hub.community.collections import Collection, CollectionDraft, CollectionQuery, CollectionUpdate
from entrepot.hub.repos import repositories
from entrepot.hub.repos.repositories import RepoChanges
from tests.support.worlds import World


def make(world: World, title: str = "My models", by: str = "alice", **words: Any) -> Collection:
    return collections.create(world.hub, world.caller(by), CollectionDraft(title, **words))


def names(found: Collection) -> list[str]:
    return [item.name for item in found.items]


def listed(world: World, caller: MaybeCaller = None, **words: Any) -> list[str]:
    return [item.row.title for item in collections.list_collections(world.hub, caller, CollectionQuery(**words)).items]


def test_a_slug_has_the_title_and_ends_in_the_id_which_alone_counts(world: World) -> None:
    made = make(world, "My  Ünique (models)!")
    assert made.slug == f"alice/my-nique-models-{made.row.uid}"
    assert collections.get(world.hub, None, f"alice/other-words-{made.row.uid}").row == made.row
    for wrong in (f"bob/my-{made.row.uid}", "alice/x", "alice/" + "0" * 24):
        with pytest.raises(ThingNotFound):
            collections.get(world.hub, None, wrong)


def test_items_keep_their_order_and_can_be_moved_and_taken_out(world: World) -> None:
    made = make(world)
    for name in "abc":
        world.repo(f"alice/{name}")
        made = collections.add_item(world.hub, world.alice, made.slug, ("model", f"alice/{name}"), None)
    assert names(made) == ["alice/a", "alice/b", "alice/c"]
    collections.update_item(world.hub, world.alice, made.slug, made.items[2].row.uid, position=0, note="first!")
    moved = collections.get(world.hub, None, made.slug)
    assert names(moved) == ["alice/c", "alice/a", "alice/b"]
    assert moved.items[0].row.note == "first!"
    collections.remove_item(world.hub, world.alice, made.slug, moved.items[1].row.uid)
    assert names(collections.get(world.hub, None, made.slug)) == ["alice/c", "alice/b"]


def test_an_item_moves_past_those_that_the_editor_does_not_see(world: World) -> None:
    made = make(world)
    for name in ("a", "x", "b", "y", "c"):
        owner = "bob" if name in "xy" else "alice"
        ref = world.repo(f"{owner}/{name}")
        made = collections.add_item(world.hub, world.alice, made.slug, ("model", f"{owner}/{name}"), None)
        if owner == "bob":
            repositories.configure(world.hub, world.bob, ref, RepoChanges(visibility="private"))
    uids = {item.name[-1]: item.row.uid for item in collections.get(world.hub, world.root, made.slug).items}

    def move(name: str, *, is_down: bool) -> str:
        collections.move_item(world.hub, world.alice, made.slug, uids[name], is_down=is_down)
        return "".join(name[-1] for name in names(collections.get(world.hub, world.root, made.slug)))

    assert move("a", is_down=True) == "xbayc"
    assert move("c", is_down=False) == "xbcay"
    assert move("b", is_down=False) == "xbcay", "the first one stays"
    assert move("a", is_down=True) == "xbcay", "the last one stays"
    with pytest.raises(ThingNotFound):
        move("x", is_down=True)
    with pytest.raises(NotAllowed):
        collections.move_item(world.hub, world.bob, made.slug, uids["a"], is_down=True)


def test_an_item_is_in_a_collection_once(world: World) -> None:
    other, made = make(world, "Other", by="bob"), make(world)
    world.repo("alice/m")
    for item in (("model", "alice/m"), ("paper", "2307.09288"), ("collection", other.slug)):
        made = collections.add_item(world.hub, world.alice, made.slug, item, None)
        with pytest.raises(AlreadyExists, match="already in the collection"):
            collections.add_item(world.hub, world.alice, made.slug, item, None)
    assert names(made) == ["alice/m", "2307.09288", other.slug]
    with pytest.raises(Malformed, match="itself"):
        collections.add_item(world.hub, world.alice, made.slug, ("collection", made.slug), None)
    with pytest.raises(Malformed, match="expected one of"):
        collections.add_item(world.hub, world.alice, made.slug, ("song", "x"), None)
    with pytest.raises(RepoNotFound):
        collections.add_item(world.hub, world.alice, made.slug, ("model", "alice/absent"), None)


def test_items_hidden_from_the_reader_are_not_shown(world: World) -> None:
    made = make(world)
    ref = world.repo("alice/m")
    collections.add_item(world.hub, world.alice, made.slug, ("model", "alice/m"), None)
    repositories.configure(world.hub, world.alice, ref, RepoChanges(visibility="private"))
    assert names(collections.get(world.hub, world.bob, made.slug)) == []
    assert names(collections.get(world.hub, world.alice, made.slug)) == ["alice/m"]
    assert listed(world, world.bob, items=["models/alice/m"]) == []
    assert listed(world, world.alice, items=["models/alice/m"]) == ["My models"]
    with pytest.raises(RepoNotFound):
        collections.add_item(world.hub, world.bob, make(world, by="bob").slug, ("model", "alice/m"), None)


def test_a_private_collection_does_not_exist_for_others(world: World) -> None:
    made = make(world, is_private=True)
    for caller in (None, world.bob):
        with pytest.raises(ThingNotFound) as hidden:
            collections.get(world.hub, caller, made.slug)
        assert "collection" in str(hidden.value)
        assert listed(world, caller) == []
    assert listed(world, world.alice) == ["My models"]
    holder = make(world, "Holder")
    collections.add_item(world.hub, world.alice, holder.slug, ("collection", made.slug), None)
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


def test_an_organisation_has_collections_too(world: World) -> None:
    accounts.create_org(world.hub, "lab", admin="alice")
    accounts.set_member(world.hub, "lab", "bob", Role.READ)
    made = make(world, namespace="lab", is_private=True)
    assert collections.get(world.hub, world.bob, made.slug).row == made.row
    with pytest.raises(NotAllowed):
        collections.delete(world.hub, world.bob, made.slug)
    accounts.set_member(world.hub, "lab", "bob", Role.WRITE)
    collections.delete(world.hub, world.bob, made.slug)


def test_a_title_is_taken_once_in_a_namespace(world: World) -> None:
    made = make(world)
    with pytest.raises(AlreadyExists) as error:
        make(world)
    assert error.value.url == made.slug
    make(world, by="bob")
    other = make(world, "Other")
    with pytest.raises(AlreadyExists):
        collections.update(world.hub, world.alice, other.slug, CollectionUpdate(title="My models"))


def test_changes_leave_the_rest_as_it_is(world: World) -> None:
    made = make(world, description="Good ones")
    changed = collections.update(
        world.hub, world.alice, made.slug, CollectionUpdate(title="New", theme="pink", is_private=True)
    )
    row = changed.row
    assert (row.title, row.theme, row.is_private, row.description) == ("New", "pink", True, "Good ones")
    assert changed.slug == f"alice/new-{row.uid}"
    assert (
        collections.update(world.hub, world.alice, made.slug, CollectionUpdate(description="")).row.description is None
    )


def test_collections_can_be_put_in_order(world: World) -> None:
    made = [make(world, title) for title in ("a", "b", "c")]
    collections.update(world.hub, world.alice, made[2].slug, CollectionUpdate(position=0))
    rows = [collections.get(world.hub, None, item.slug).row for item in made]
    assert [row.title for row in sorted(rows, key=lambda row: row.position)] == ["c", "a", "b"]


@pytest.mark.parametrize("title", ["", "   ", "x" * 61, "a\x00b"])
def test_a_title_that_cannot_be_shown_is_refused(world: World, title: str) -> None:
    with pytest.raises(InvalidName, match="title"):
        make(world, title)


def test_texts_have_a_maximum_length(world: World) -> None:
    with pytest.raises(InvalidName, match="description"):
        make(world, description="x" * 151)
    made = make(world)
    with pytest.raises(InvalidName, match="note"):
        collections.add_item(world.hub, world.alice, made.slug, ("paper", "1"), "x" * 501)
    with pytest.raises(Malformed, match="theme"):
        collections.update(world.hub, world.alice, made.slug, CollectionUpdate(theme="beige"))


def test_lists_are_sorted_filtered_and_paged(world: World) -> None:
    for number, title in enumerate(("Cats", "Dogs", "Big cats")):
        item = make(world, title, by="bob" if title == "Dogs" else "alice")
        world.clock.advance(1)
        if number == 0:
            collections.vote(world.hub, world.zed, item.slug, is_for=True)
    assert listed(world) == ["Big cats", "Dogs", "Cats"]
    assert listed(world, sort="upvotes")[0] == "Cats"
    assert listed(world, text="CATS") == ["Big cats", "Cats"]
    assert listed(world, owners=["Bob"]) == ["Dogs"]
    assert listed(world, owners=["nobody"]) == []
    first = collections.list_collections(world.hub, None, CollectionQuery(limit=2))
    rest = collections.list_collections(world.hub, None, CollectionQuery(limit=2, after=first.after))
    assert [item.row.title for item in (*first.items, *rest.items)] == ["Big cats", "Dogs", "Cats"]
    assert rest.after is None
    with pytest.raises(Malformed, match="sort"):
        listed(world, sort="size")


def test_a_list_shows_four_items_of_each(world: World) -> None:
    made = make(world)
    for number in range(6):
        collections.add_item(world.hub, world.alice, made.slug, ("paper", str(number)), None)
    [shown] = collections.list_collections(world.hub, None, CollectionQuery()).items
    assert names(shown) == ["0", "1", "2", "3"]
    assert listed(world, items=["papers/3"]) == ["My models"]


def test_a_vote_counts_once(world: World) -> None:
    made = make(world)
    for _ in range(2):
        voted = collections.vote(world.hub, world.bob, made.slug, is_for=True)
    assert (voted.row.upvotes, voted.is_upvoted) == (1, True)
    for _ in range(2):
        voted = collections.vote(world.hub, world.bob, made.slug, is_for=False)
    assert (voted.row.upvotes, voted.is_upvoted) == (0, False)


def test_a_first_item_that_cannot_be_put_in_leaves_no_collection(world: World) -> None:
    with pytest.raises(RepoNotFound):
        make(world, item=("model", "alice/absent"))
    assert listed(world) == []

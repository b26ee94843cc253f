from __future__ import annotations

import pytest

from entrepot.errors import (
    AlreadyExists,
    InvalidName,
    Malformed,
    NotAllowed,
    RepoNotFound,
)
from entrepot.hub.accounts import accounts
from entrepot.hub.callers import Role
from entrepot.hub.community import collection_items, collections
from entrepot.hub.community.collections import CollectionQuery, CollectionUpdate
from tests.support.made_collections import listed, make
from tests.support.worlds import World


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
        collection_items.add(world.hub, world.alice, made.slug, ("paper", "1"), "x" * 501)
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


def test_lists_are_filtered_by_what_collections_hold(world: World) -> None:
    world.repo("alice/secret", visibility="private")
    make(world, "Of secrets", item=("model", "alice/secret"))
    hidden = make(world, "Hidden", is_private=True)
    inner = make(world, "Inner")
    make(world, "Outer", item=("collection", inner.slug))
    make(world, "Of the hidden", item=("collection", hidden.slug))
    for item, seen, own in (
        ("models/alice/secret", [], ["Of secrets"]),
        (f"collections/{inner.slug}", ["Outer"], ["Outer"]),
        (f"collections/{hidden.slug}", [], ["Of the hidden"]),
        ("collections/alice/none", [], []),
    ):
        for caller, titles in ((world.bob, seen), (world.alice, own)):
            found = collections.list_collections(world.hub, caller, CollectionQuery(items=[item]))
            assert [one.row.title for one in found.items] == titles, item


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

from __future__ import annotations

from entrepot.hub.community import collections, likes
from entrepot.hub.community.collections import CollectionQuery
from entrepot.hub.pages import Page
from tests.support.worlds import World


def test_the_end_of_a_list_has_nothing_behind_it(world: World) -> None:
    assert likes.liked_by(world.hub, None, "bob") == Page([], None)
    assert collections.list_collections(world.hub, None, CollectionQuery()) == Page([], None)


def test_a_page_that_is_full_says_where_the_next_one_begins(world: World) -> None:
    for name in ("a", "b"):
        likes.like(world.hub, world.bob, world.repo(f"alice/{name}"))
        world.clock.advance(1)
    first = likes.liked_by(world.hub, None, "bob", limit=1)
    rest = likes.liked_by(world.hub, None, "bob", limit=1, after=first.after)
    assert [item.repo.id.name for item in (*first.items, *rest.items)] == ["b", "a"]
    assert (first.after is None, rest.after) == (False, None)

"""Collections for tests: created, and read as a caller sees them."""

from __future__ import annotations

from typing import Any

from entrepot.hub.callers import MaybeCaller
from entrepot.hub.community import collections
from entrepot.hub.community.collection_views import Collection
from entrepot.hub.community.collections import CollectionDraft, CollectionQuery
from tests.support.worlds import World


def make(world: World, title: str = "My models", by: str = "alice", **words: Any) -> Collection:
    """Create a collection of a user."""
    return collections.create(world.hub, world.caller(by), CollectionDraft(title, **words))


def names(found: Collection) -> list[str]:
    """Return the names of the items."""
    return [item.name for item in found.items]


def listed(world: World, caller: MaybeCaller = None, **words: Any) -> list[str]:
    """Return the titles of the collections in a list."""
    return [item.row.title for item in collections.list_collections(world.hub, caller, CollectionQuery(**words)).items]

"""What asking for something costs that the caller may not see: as much as if it did not exist."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest

from entrepot.errors import EntrepotError
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.community import collections
from entrepot.hub.community.collections import CollectionQuery
from entrepot.hub.comparisons import metrics
from entrepot.hub.datasets import tables
from entrepot.hub.datasets.layouts import SplitRef
from entrepot.hub.jobs import handlers
from entrepot.hub.repos import infos, lineage, repo_rights
from entrepot.hub.repos.infos import Search
from entrepot.hub.search import activity, profiles, searches
from entrepot.names import RepoId, RepoRef, RepoType
from tests.support import hub_work
from tests.support.database_statements import counted
from tests.support.worlds import World

HIDDEN = RepoId("alice", "hidden")
MODEL, DATASET = RepoRef(RepoType.MODEL, HIDDEN), RepoRef(RepoType.DATASET, HIDDEN)
SPLIT = SplitRef(DATASET, "main", "default", "train")
KINDS = (RepoType.MODEL, RepoType.DATASET)

USES: dict[str, Callable[[World, MaybeCaller], object]] = {
    "metrics beside others": lambda world, caller: metrics.compare(world.hub, caller, [MODEL]),
    "metrics": lambda world, caller: metrics.read_history(world.hub, caller, MODEL),
    "rights": lambda world, caller: repo_rights.check_read(world.hub, caller, MODEL),
    "first rows": lambda world, caller: tables.read_first_rows(world.hub, caller, SPLIT),
    "description": lambda world, caller: infos.describe(
        world.hub, caller, MODEL, "main", with_files=True, with_sizes=False
    ),
    "lineage": lambda world, caller: lineage.known_sources(world.hub, caller, MODEL),
    "suggestions": lambda world, caller: searches.quick(world.hub, caller, "hidden", KINDS, limit=5),
    "full text": lambda world, caller: searches.full_text(world.hub, caller, "hidden", KINDS, skip=0, limit=5),
    "trending": lambda world, caller: searches.trending(world.hub, caller, KINDS, limit=5),
    "list of an owner": lambda world, caller: infos.search(world.hub, caller, Search(RepoType.MODEL, author="alice")),
    "filtered list": lambda world, caller: infos.search_counted(
        world.hub, caller, Search(RepoType.MODEL, tags=("secret",), terms=("hid",)), most=501
    ),
    "profile": lambda world, caller: profiles.user(world.hub, caller, "alice"),
    "activity": lambda world, caller: activity.of_user(world.hub, caller, "alice"),
    "collections": lambda world, caller: collections.list_collections(
        world.hub, caller, CollectionQuery(owners=("alice",))
    ),
}
"""Use cases that name something, or could find it."""


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_what_is_private_takes_the_statements_of_what_is_absent(
    world: World, use: Callable[[World, MaybeCaller], object]
) -> None:
    def cost(caller: MaybeCaller) -> list[str]:
        with counted(world.hub) as sent, contextlib.suppress(EntrepotError):
            use(world, caller)
        return sent

    callers = (None, world.bob, world.zed)
    absent = [cost(caller) for caller in callers]
    for kind in KINDS:
        ref = world.repo(str(HIDDEN), kind=kind, visibility="private")
        world.add(ref, "README.md", b"---\ntags: [secret]\n---\nhidden words\n")
        world.add(ref, "train.csv", b"a\n1\n")
    world.clock.advance(60_000)
    while hub_work.run_next(world.hub, handlers.new_owner()) is not None:
        pass
    assert all(absent)
    assert [cost(caller) for caller in callers] == absent

from __future__ import annotations

import pytest

from entrepot.catalog.repos import refs
from entrepot.errors import InvalidPath
from entrepot.hub.files.operations import AddFile
from entrepot.hub.jobs import maintenance
from entrepot.hub.repos import histories
from entrepot.hub.repos.commits import CommitDraft
from entrepot.hub.repos.pulls import merges, openings, pull_refs, reviews
from entrepot.names import MAIN, RefName, RepoPath, RepoRef
from entrepot.storage import objects as stored
from tests.support.pull_requests import propose
from tests.support.worlds import World


def test_a_history_that_was_rewritten_and_swept_does_no_harm(world: World, ref: RepoRef) -> None:
    num = propose(world, ref)
    merges.merge(world.hub, world.wendy, ref, num)
    pull_refs.delete_ref(world.hub, world.bob, ref, num)
    histories.squash(world.hub, world.wendy, ref, "main", "all in one")
    world.clock.advance(10**10)
    list(maintenance.gc(world.hub, grace_ms=1000))
    assert reviews.review(world.hub, None, ref, num, with_diff=True) == reviews.PullRequestDiff((), "")


def test_a_merge_is_judged_by_the_rules_of_paths(world: World) -> None:
    ref = world.repo()
    operations = [AddFile(RepoPath("good"), b"x")]
    opened = openings.open_with_commit(world.hub, world.alice, ref, "main", CommitDraft("Change", operations))
    planted = world.plant(ref, {"Icon\r": (0o100644, b"")})
    with world.hub.write() as tx:  # as a pull request was pushed before such names were refused
        row_id, head = world.row_id(ref), RefName(f"refs/pr/{opened.num}")
        start = refs.find(tx, row_id, MAIN)
        parent = stored.read_commit(tx, row_id, planted).parents[0]
        assert refs.swap(tx, row_id, head, refs.find(tx, row_id, head), planted, 0)
        assert refs.swap(tx, row_id, MAIN, start, parent, 0)
    with pytest.raises(InvalidPath, match="control character"):
        merges.merge(world.hub, world.alice, ref, opened.num)

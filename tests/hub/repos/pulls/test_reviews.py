from __future__ import annotations

import pytest

from entrepot.errors import ThingNotFound
from entrepot.hub.community import discussions
from entrepot.hub.repos import branches, repositories
from entrepot.hub.repos.pulls import merges, openings, pull_refs, reviews
from entrepot.hub.repos.repositories import RepoChanges
from entrepot.names import RepoRef
from tests.support.pull_requests import propose
from tests.support.worlds import World


def test_a_review_tells_differences_and_conflicts(world: World, ref: RepoRef) -> None:
    num = propose(world, ref, "a.txt", b"two\n")
    seen = reviews.review(world.hub, None, ref, num, with_diff=True)
    assert seen.conflicts == []
    assert seen.diff is not None
    assert "-one\n+two\n" in seen.diff
    world.add(ref, "a.txt", b"three\n", by=world.wendy)
    world.add(ref, "other", by=world.wendy)
    seen = reviews.review(world.hub, None, ref, num, with_diff=True)
    assert seen.conflicts == ["a.txt"]
    assert seen.diff is not None
    assert "other" not in seen.diff


def test_a_merged_one_shows_what_it_changed(world: World, ref: RepoRef) -> None:
    num = propose(world, ref)
    merges.merge(world.hub, world.wendy, ref, num)
    pull_refs.delete_ref(world.hub, world.bob, ref, num)
    seen = reviews.review(world.hub, None, ref, num, with_diff=True)
    assert seen.conflicts == ()
    assert seen.diff is not None
    assert "+b\n" in seen.diff


def test_content_behind_a_gate_is_in_no_diff(world: World, ref: RepoRef) -> None:
    num = propose(world, ref)
    repositories.configure(world.hub, world.wendy, ref, RepoChanges(gated="manual"))
    assert reviews.review(world.hub, world.zed, ref, num, with_diff=True).diff is None
    assert reviews.review(world.hub, world.wendy, ref, num, with_diff=True).diff is not None
    assert discussions.show(world.hub, None, ref, num).shown.discussion.title == "Add it"


def test_its_bytes_are_counted(world: World, ref: RepoRef) -> None:
    num = propose(world, ref, content=b"12345")
    assert reviews.added_bytes(world.hub, None, ref, num) == 5


def test_obstacles_of_a_merge_are_known_before(world: World, ref: RepoRef) -> None:
    def obstacle(num: int) -> tuple[str, list[str], int]:
        found = reviews.mergeability(world.hub, world.bob, ref, num)
        return found.obstacle, list(found.conflicts), found.added_bytes

    draft = openings.open_draft(world.hub, world.bob, ref, "A draft", "text").num
    assert obstacle(draft) == ("same", [], 0)
    world.add(ref, "c.txt", b"c\n", by=world.bob, branch=f"refs/pr/{draft}")
    assert obstacle(draft) == ("draft", [], 2)
    num = propose(world, ref, "a.txt", b"other\n")
    assert obstacle(num) == ("", [], 6)
    world.add(ref, "a.txt", b"third\n", by=world.wendy)
    assert obstacle(num) == ("conflict", ["a.txt"], 6)
    discussions.set_status(world.hub, world.bob, ref, num, "closed")
    assert obstacle(num) == ("closed", [], 0)
    pull_refs.delete_ref(world.hub, world.bob, ref, num)
    branches.create_branch(world.hub, world.wendy, ref, "dev", start=None, is_empty=False, overwrites=False)
    gone = propose(world, ref, "d.txt", b"d", branch="dev")
    branches.delete_branch(world.hub, world.wendy, ref, "dev")
    assert obstacle(gone) == ("base", [], 0)
    with pytest.raises(ThingNotFound):
        obstacle(99)

from __future__ import annotations

import pytest

from entrepot.catalog.git import objects as object_rows
from entrepot.errors import NotAllowed, Refused, RevisionNotFound
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.community import discussions
from entrepot.hub.jobs import maintenance
from entrepot.hub.repos import repositories
from entrepot.hub.repos.pulls import pull_refs, reviews
from entrepot.hub.repos.repositories import RepoChanges
from entrepot.names import RepoRef
from tests.support.pull_requests import propose, pull_head
from tests.support.worlds import World


def test_how_a_caller_may_change_files_is_known_before(world: World, ref: RepoRef) -> None:
    def found(by: MaybeCaller, revision: str) -> tuple[str, bool, bool]:
        target = pull_refs.find_target(world.hub, by, ref, revision)
        return target.ref, target.may_commit, target.may_propose

    assert found(world.wendy, "main") == ("refs/heads/main", True, True)
    assert found(world.bob, "main") == ("refs/heads/main", False, True)
    num = propose(world, ref)
    for by in (world.wendy, world.bob):
        assert found(by, f"refs/pr/{num}") == (f"refs/pr/{num}", True, False)
    with pytest.raises(NotAllowed):
        found(world.alice, f"refs/pr/{num}")
    with pytest.raises(RevisionNotFound):
        found(world.wendy, pull_refs.find_target(world.hub, world.wendy, ref, "main").head)
    discussions.set_status(world.hub, world.bob, ref, num, "closed")
    with pytest.raises(Refused):
        found(world.bob, f"refs/pr/{num}")
    repositories.configure(world.hub, world.wendy, ref, RepoChanges(options={"discussionsDisabled": True}))
    assert found(world.wendy, "main") == ("refs/heads/main", True, False)
    with pytest.raises(NotAllowed):
        found(world.bob, "main")


def test_a_ref_is_deleted_after_the_end_and_its_objects_are_swept(world: World, ref: RepoRef) -> None:
    num = propose(world, ref, content=b"only here\n")
    head = pull_head(world, ref, num)
    assert head is not None

    def is_kept() -> bool:
        with world.hub.read() as tx:
            return object_rows.find(tx, world.row_id(ref), head) is not None

    def sweep() -> None:
        world.clock.advance(10**10)
        list(maintenance.gc(world.hub, grace_ms=1000))

    sweep()
    assert is_kept()
    with pytest.raises(Refused, match="close it first"):
        pull_refs.delete_ref(world.hub, world.bob, ref, num)
    discussions.set_status(world.hub, world.bob, ref, num, "closed")
    with pytest.raises(NotAllowed):
        pull_refs.delete_ref(world.hub, world.zed, ref, num)
    pull_refs.delete_ref(world.hub, world.bob, ref, num)
    with pytest.raises(RevisionNotFound):
        pull_refs.delete_ref(world.hub, world.bob, ref, num)
    sweep()
    assert not is_kept()
    with pytest.raises(Refused, match="ref was deleted"):
        discussions.set_status(world.hub, world.bob, ref, num, "open")
    assert reviews.review(world.hub, None, ref, num, with_diff=True).diff == ""
    assert list(maintenance.fsck(world.hub)) == []

from __future__ import annotations

import pytest

from entrepot.errors import ThingNotFound
from entrepot.hub.community import discussions
from entrepot.hub.files.operations import AddFile
from entrepot.hub.repos import branches, merges, pulls
from entrepot.hub.repos.commits import CommitDraft
from entrepot.names import RepoPath, RepoRef
from tests.support.worlds import World


@pytest.fixture
def ref(world: World) -> RepoRef:
    made = world.repo("acme/m", world.wendy)
    world.add(made, "a.txt", b"one\n", by=world.wendy)
    return made


def proposed(world: World, ref: RepoRef, path: str, content: bytes, branch: str = "main") -> int:
    wish = CommitDraft("Add it", [AddFile(RepoPath(path), content)])
    return pulls.open_with_commit(world.hub, world.bob, ref, branch, wish).num


def test_obstacles_of_a_merge_are_known_before(world: World, ref: RepoRef) -> None:
    def obstacle(num: int) -> tuple[str, list[str], int]:
        found = merges.mergeability(world.hub, world.bob, ref, num)
        return found.obstacle, list(found.conflicts), found.added_bytes

    draft = pulls.open_draft(world.hub, world.bob, ref, "A draft", "text").num
    assert obstacle(draft) == ("same", [], 0)
    world.add(ref, "c.txt", b"c\n", by=world.bob, branch=f"refs/pr/{draft}")
    assert obstacle(draft) == ("draft", [], 2)
    num = proposed(world, ref, "a.txt", b"other\n")
    assert obstacle(num) == ("", [], 6)
    world.add(ref, "a.txt", b"third\n", by=world.wendy)
    assert obstacle(num) == ("conflict", ["a.txt"], 6)
    discussions.set_status(world.hub, world.bob, ref, num, "closed")
    assert obstacle(num) == ("closed", [], 0)
    pulls.delete_ref(world.hub, world.bob, ref, num)
    branches.create_branch(world.hub, world.wendy, ref, "dev", start=None, is_empty=False, overwrites=False)
    gone = proposed(world, ref, "d.txt", b"d", "dev")
    branches.delete_branch(world.hub, world.wendy, ref, "dev")
    assert obstacle(gone) == ("base", [], 0)
    with pytest.raises(ThingNotFound):
        obstacle(99)

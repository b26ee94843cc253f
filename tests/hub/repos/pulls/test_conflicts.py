from __future__ import annotations

from typing import Any

import pytest

from entrepot.errors import BranchMoved, EntrepotError, Malformed, NotAllowed, NotMergeable, Refused, ThingNotFound
from entrepot.git import MergeSide
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.community import discussions
from entrepot.hub.files.operations import AddFile, Delete
from entrepot.hub.repos import publishing
from entrepot.hub.repos.commits import CommitDraft
from entrepot.hub.repos.pulls import conflicts, merges, openings, reviews
from entrepot.hub.repos.pulls.conflicts import Resolution
from entrepot.names import RepoPath, RepoRef
from entrepot.storage import objects as stored
from tests.support.worlds import World

P = RepoPath
OURS, THEIRS = MergeSide.OURS, MergeSide.THEIRS


@pytest.fixture
def ref(world: World) -> RepoRef:
    made = world.repo("acme/m", world.wendy)
    world.commit(made, *(AddFile(P(path), b"one\n") for path in ("a.txt", "b.txt", "c.txt")), by=world.wendy)
    return made


@pytest.fixture
def num(world: World, ref: RepoRef) -> int:
    """A pull request of bob: both sides changed a.txt, main deleted b.txt, and each side added a file."""
    changes = [AddFile(P(path), b"two\n") for path in ("a.txt", "b.txt", "mine.txt")]
    made = openings.open_with_commit(world.hub, world.bob, ref, "main", CommitDraft("Change", changes)).num
    world.commit(ref, AddFile(P("a.txt"), b"three\n"), Delete(P("b.txt")), AddFile(P("new.txt"), b"n"), by=world.wendy)
    return made


def seen(world: World, ref: RepoRef, num: int, *sides: MergeSide) -> Resolution:
    found = reviews.mergeability(world.hub, world.bob, ref, num)
    assert found.sides is not None, found
    return Resolution(*found.sides, sides)


def text(world: World, ref: RepoRef, path: str, revision: str) -> bytes | None:
    try:
        return world.read(ref, path, revision)
    except EntrepotError:
        return None


@pytest.mark.parametrize(
    ("sides", "a", "b"), [((OURS, THEIRS), b"two\n", None), ((THEIRS, OURS), b"three\n", b"two\n")]
)
def test_each_file_gets_the_chosen_side_in_one_commit_and_the_pull_request_can_be_merged(
    world: World, ref: RepoRef, num: int, sides: tuple[MergeSide, ...], a: bytes, b: bytes | None
) -> None:
    wanted = seen(world, ref, num, *sides)
    done = conflicts.resolve(world.hub, world.bob, ref, num, wanted)
    with world.hub.read() as tx:
        commit = stored.read_commit(tx, world.row_id(ref), done.oid)
    assert commit.parents == (wanted.head, wanted.base)
    assert commit.title == f"Merge main into refs/pr/{num}"
    assert world.head(ref) == wanted.base, "main does not change"
    assert (text(world, ref, "a.txt", f"refs/pr/{num}"), text(world, ref, "b.txt", f"refs/pr/{num}")) == (a, b)
    merges.merge(world.hub, world.wendy, ref, num)
    assert (text(world, ref, "a.txt", "main"), text(world, ref, "b.txt", "main")) == (a, b)
    assert {"c.txt", "mine.txt", "new.txt"} <= set(world.paths(ref))


def test_only_the_author_and_writers_resolve(world: World, ref: RepoRef, num: int) -> None:
    wanted = seen(world, ref, num, OURS, OURS)
    who: MaybeCaller
    for who in (world.rita, world.zed, None):
        with pytest.raises(NotAllowed if who is not None else EntrepotError):
            conflicts.resolve(world.hub, who, ref, num, wanted)
    assert conflicts.resolve(world.hub, world.wendy, ref, num, wanted).ref == f"refs/pr/{num}"


def test_choices_between_other_commits_are_refused(world: World, ref: RepoRef, num: int) -> None:
    wanted = seen(world, ref, num, OURS, OURS)
    with pytest.raises(Malformed, match="each of the 2 files"):
        conflicts.resolve(world.hub, world.bob, ref, num, seen(world, ref, num, OURS))
    world.add(ref, "later.txt", b"x", by=world.wendy)
    with pytest.raises(Refused, match="new commit on one of the two sides"):
        conflicts.resolve(world.hub, world.bob, ref, num, wanted)
    done = conflicts.resolve(world.hub, world.bob, ref, num, seen(world, ref, num, OURS, OURS))
    with pytest.raises(NotMergeable, match="nothing is in conflict"):
        conflicts.resolve(world.hub, world.bob, ref, num, Resolution(world.head(ref), done.oid, ()))


def test_a_file_where_the_other_side_has_a_folder_is_told(world: World, ref: RepoRef) -> None:
    wish = CommitDraft("Folder", [AddFile(P("x/y"), b"1")])
    num = openings.open_with_commit(world.hub, world.bob, ref, "main", wish).num
    world.add(ref, "x", b"2", by=world.wendy)
    with pytest.raises(NotMergeable, match="a file where the other has a folder"):
        conflicts.resolve(world.hub, world.bob, ref, num, seen(world, ref, num, OURS))


def test_an_ended_or_missing_pull_request_is_refused(world: World, ref: RepoRef, num: int) -> None:
    wanted = seen(world, ref, num, OURS, OURS)
    discussions.set_status(world.hub, world.bob, ref, num, "closed")
    with pytest.raises(Refused, match="reopen it first"):
        conflicts.resolve(world.hub, world.bob, ref, num, wanted)
    with pytest.raises((ThingNotFound, EntrepotError)):
        conflicts.resolve(world.hub, world.bob, ref, num + 1, wanted)


def test_a_commit_that_comes_first_wins(world: World, ref: RepoRef, num: int, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = seen(world, ref, num, OURS, OURS)
    genuine = publishing.commit_object

    def commit_first(*arguments: Any) -> Any:
        world.add(ref, "quick.txt", b"q", by=world.bob, branch=f"refs/pr/{num}")
        return genuine(*arguments)

    monkeypatch.setattr(conflicts, "commit_object", commit_first)
    with pytest.raises(BranchMoved):
        conflicts.resolve(world.hub, world.bob, ref, num, wanted)
    assert "quick.txt" in world.paths(ref, f"refs/pr/{num}")

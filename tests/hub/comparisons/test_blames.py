from __future__ import annotations

import pytest

from entrepot.errors import EntryNotFound, GatedRepo, LimitExceeded, Malformed
from entrepot.hub.comparisons import blames
from entrepot.hub.files.operations import AddLarge
from entrepot.hub.repos import branches, histories, repositories
from entrepot.hub.repos.pulls import merges, openings
from entrepot.hub.repos.repositories import RepoChanges
from entrepot.names import Oid, RepoPath, RepoRef
from tests.support.worlds import World


@pytest.fixture
def ref(world: World) -> RepoRef:
    return world.repo("alice/m")


def traced(world: World, ref: RepoRef, revision: str = "main") -> list[Oid | None]:
    return list(blames.blame(world.hub, world.alice, ref, revision, RepoPath("a.txt")).origins)


def test_each_line_has_the_commit_that_wrote_it(world: World, ref: RepoRef) -> None:
    first = world.add(ref, "a.txt", b"one\ntwo\nthree\n")
    world.add(ref, "other.txt", b"x")
    second = world.add(ref, "a.txt", b"zero\none\ntwo\nTHREE\n")
    third = world.add(ref, "a.txt", b"zero\none\ntwo\nTHREE\nfour")
    assert traced(world, ref) == [second, first, first, second, third]
    assert traced(world, ref, second) == [second, first, first, second]
    named = blames.blame(world.hub, world.alice, ref, "main", RepoPath("a.txt")).commits
    assert set(named) == {first, second, third}


def test_lines_are_traced_through_both_sides_of_a_merge(world: World, ref: RepoRef) -> None:
    first = world.add(ref, "a.txt", b"".join(b"line %d\n" % number for number in range(20)))
    branches.create_branch(world.hub, world.alice, ref, "dev", start=None, is_empty=False, overwrites=False)
    lines = [b"line %d\n" % number for number in range(20)]
    theirs = world.add(ref, "a.txt", b"".join([b"top\n", *lines]), branch="dev")
    world.add(ref, "b.txt", b"b", branch="dev")
    num = openings.open_from_branch(world.hub, world.alice, ref, "From dev", "text", source="dev").num
    merge = merges.merge(world.hub, world.alice, ref, num).oid
    after = world.add(ref, "a.txt", b"".join([b"top\n", *lines, b"end\n"]))
    assert traced(world, ref) == [theirs, *[first] * 20, after]
    assert merge not in traced(world, ref, merge)


def test_a_change_that_a_merge_did_not_take_is_not_named(world: World, ref: RepoRef) -> None:
    first = world.add(ref, "a.txt", b"one\n")
    branches.create_branch(world.hub, world.alice, ref, "dev", start=None, is_empty=False, overwrites=False)
    for text in (b"two\n", b"three\n", b"one\n"):
        world.add(ref, "a.txt", text, branch="dev")
    world.add(ref, "b.txt", b"b", branch="dev")
    num = openings.open_from_branch(world.hub, world.alice, ref, "From dev", "text", source="dev").num
    merges.merge(world.hub, world.alice, ref, num)
    assert traced(world, ref) == [first]


def test_what_was_not_compared_is_said_to_be_older(world: World, ref: RepoRef, monkeypatch: pytest.MonkeyPatch) -> None:
    world.add(ref, "a.txt", b"one\n")
    second = world.add(ref, "a.txt", b"one\ntwo\n")
    monkeypatch.setattr(blames, "MAX_VERSIONS", 1)
    assert traced(world, ref) == [None, second]
    monkeypatch.setattr(blames, "_CPU_S", -1.0)
    assert traced(world, ref) == [None, None]


def test_the_version_of_each_commit_is_looked_up_once(
    world: World, ref: RepoRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    for text in (b"one\n", b"one\ntwo\n", b"one\ntwo\nthree\n"):
        world.add(ref, "a.txt", text)
    asked, look = list[Oid](), blames._Search._find_version

    def note(search: blames._Search, commit: Oid) -> Oid | None:
        asked.append(commit)
        return look(search, commit)

    monkeypatch.setattr(blames._Search, "_find_version", note)
    assert None not in traced(world, ref)
    assert len(asked) == len(set(asked)) >= 3


def test_files_without_lines_are_refused(world: World, ref: RepoRef, monkeypatch: pytest.MonkeyPatch) -> None:
    world.commit(ref, AddLarge(RepoPath("w.bin"), world.upload(ref, b"w" * 100)))
    world.add(ref, "zero.bin", b"a\0b\n")
    world.add(ref, "empty.txt", b"")
    world.add(ref, "long.txt", b"x" * 300)

    def ask(path: str) -> blames.Blame:
        return blames.blame(world.hub, world.alice, ref, "main", RepoPath(path))

    for path in ("w.bin", "zero.bin"):
        with pytest.raises(Malformed):
            ask(path)
    assert list(ask("empty.txt").origins) == []
    with pytest.raises(EntryNotFound):
        ask("none.txt")
    monkeypatch.setattr(blames, "MAX_BLAMED", 299)
    with pytest.raises(LimitExceeded):
        ask("long.txt")


def test_the_gate_comes_first(world: World, ref: RepoRef) -> None:
    world.add(ref, "a.txt", b"one\n")
    repositories.configure(world.hub, world.alice, ref, RepoChanges(gated="manual"))
    with pytest.raises(GatedRepo):
        blames.blame(world.hub, world.bob, ref, "main", RepoPath("a.txt"))
    assert histories.history(world.hub, world.bob, ref, "main", offset=0, limit=1).total

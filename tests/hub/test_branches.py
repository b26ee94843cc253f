from __future__ import annotations

import pathlib
from typing import Any

import pytest

from entrepot.errors import AlreadyExists, InvalidName, NotAllowed, RevisionNotFound
from entrepot.hub import branches, contents
from entrepot.names import RefName, RepoPath, RepoRef


def branch(world: Any, ref: RepoRef, name: str, **options: Any) -> None:
    defaults = {"start": None, "is_empty": False, "overwrites": False}
    branches.create_branch(world.hub, world.alice, ref, name, **(defaults | options))


def tag(world: Any, ref: RepoRef, name: str, revision: str = "main", message: str | None = None) -> None:
    branches.create_tag(world.hub, world.alice, ref, revision, name, message)


def listed(world: Any, ref: RepoRef) -> dict[str, str]:
    return {item.ref: item.commit for item in branches.list_refs(world.hub, world.alice, ref)}


def test_a_branch_begins_where_it_is_told(world: Any) -> None:
    ref = world.repo()
    first, second = world.head(ref), world.add(ref, "a")
    branch(world, ref, "one")
    branch(world, ref, "two", start=first)
    branch(world, ref, "three", start="two")
    branch(world, ref, "empty", is_empty=True)
    found = listed(world, ref)
    assert found["refs/heads/one"] == found["refs/heads/main"] == second
    assert found["refs/heads/two"] == found["refs/heads/three"] == first
    assert world.paths(ref, "empty") == []


def test_a_branch_that_exists_is_moved_only_on_request(world: Any) -> None:
    ref = world.repo()
    first, second = world.head(ref), world.add(ref, "a")
    branch(world, ref, "b", start=first)
    for empty in (True, False):
        with pytest.raises(AlreadyExists, match="Reference refs/heads/b already exists"):
            branch(world, ref, "b", is_empty=empty)
    branch(world, ref, "b", overwrites=True)
    assert world.head(ref, "b") == second
    branch(world, ref, "b", is_empty=True, overwrites=True)
    assert world.paths(ref, "b") == []


@pytest.mark.parametrize("is_empty", [True, False])
def test_main_is_never_overwritten(world: Any, is_empty: bool) -> None:
    ref = world.repo()
    first, second = world.head(ref), world.add(ref, "a")
    with pytest.raises(AlreadyExists):
        branch(world, ref, "main", start=first, is_empty=is_empty, overwrites=True)
    assert world.head(ref) == second


def test_a_branch_needs_a_good_name_and_a_start(world: Any) -> None:
    ref = world.repo()
    for name in ("", "a b", "a..b", "-x", "HEAD"):
        with pytest.raises(InvalidName):
            branch(world, ref, name)
    with pytest.raises(RevisionNotFound):
        branch(world, ref, "b", start="nothing")


def test_no_ref_lies_below_another_one(world: Any, tmp_path: pathlib.Path) -> None:
    ref = world.repo()
    branch(world, ref, "a/b")
    tag(world, ref, "a")
    for name in ("a", "a/b/c", "main/x"):
        for empty in (True, False):
            with pytest.raises(AlreadyExists):
                branch(world, ref, name, is_empty=empty)
    with pytest.raises(AlreadyExists):
        tag(world, ref, "a/b")
    branch(world, ref, "a/c")
    world.export(ref, tmp_path / "git")


def test_main_cannot_be_deleted(world: Any) -> None:
    ref = world.repo()
    for name in ("main", "refs/heads/main"):
        with pytest.raises(NotAllowed, match="Cannot delete refs/heads/main"):
            branches.delete_branch(world.hub, world.alice, ref, name)


def test_a_branch_and_a_tag_may_have_the_same_name(world: Any) -> None:
    ref = world.repo()
    first = world.head(ref)
    tag(world, ref, "same", first)
    branch(world, ref, "same")
    second = world.add(ref, "a", branch="same")
    assert contents.locate(world.hub, world.alice, ref, "same", RepoPath("a")).commit == second
    branches.delete_tag(world.hub, world.alice, ref, "same")
    assert listed(world, ref)["refs/heads/same"] == second
    tag(world, ref, "same", first)
    branches.delete_branch(world.hub, world.alice, ref, "same")
    assert listed(world, ref) == {"refs/heads/main": first, "refs/tags/same": first}


def test_an_annotated_tag_leads_to_its_commit(world: Any, tmp_path: pathlib.Path) -> None:
    ref = world.repo()
    tag(world, ref, "v1", message="one\n\ntwo")
    tag(world, ref, "light")
    found = listed(world, ref)
    assert found[RefName("refs/tags/v1")] == found[RefName("refs/tags/light")] == world.head(ref)
    git = world.export(ref, tmp_path / "git")
    assert git("cat-file", "-t", "v1").strip() == "tag"
    assert git("tag", "-l", "--format=%(contents:subject)|%(taggername)", "v1").strip() == "one|alice"
    assert git("cat-file", "-t", "light").strip() == "commit"
    git("fsck", "--strict")


def test_a_tag_is_never_moved(world: Any) -> None:
    ref = world.repo()
    tag(world, ref, "v1")
    for message in (None, "again"):
        with pytest.raises(AlreadyExists, match="Tag v1 already exists"):
            tag(world, ref, "v1", message=message)
    with pytest.raises(RevisionNotFound):
        tag(world, ref, "v2", "nothing")
    with pytest.raises(InvalidName):
        tag(world, ref, "a b")


def test_what_is_not_there_cannot_be_deleted(world: Any) -> None:
    ref = world.repo()
    with pytest.raises(RevisionNotFound, match="refs/heads/x"):
        branches.delete_branch(world.hub, world.alice, ref, "x")
    with pytest.raises(RevisionNotFound, match="refs/tags/main"):
        branches.delete_tag(world.hub, world.alice, ref, "main")

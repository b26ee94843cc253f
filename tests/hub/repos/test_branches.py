from __future__ import annotations

import pathlib
from typing import Any

import pytest

from entrepot.catalog.repos import refs
from entrepot.errors import AlreadyExists, InvalidName, NotAllowed, Refused, RevisionNotFound
from entrepot.hub.files.operations import AddFile
from entrepot.hub.repos import branches, commits, contents, repositories
from entrepot.hub.repos.commits import CommitDraft
from entrepot.hub.repos.pulls import openings
from entrepot.hub.repos.repositories import RepoChanges
from entrepot.names import Oid, RefName, RepoPath, RepoRef
from tests.support.worlds import World


def branch(world: World, ref: RepoRef, name: str, **options: Any) -> None:
    defaults = {"start": None, "is_empty": False, "overwrites": False}
    branches.create_branch(world.hub, world.alice, ref, name, **(defaults | options))


def tag(world: World, ref: RepoRef, name: str, revision: str = "main", message: str | None = None) -> None:
    branches.create_tag(world.hub, world.alice, ref, revision, name, message)


def listed(world: World, ref: RepoRef) -> dict[str, str]:
    return {item.ref: item.commit for item in branches.list_refs(world.hub, world.alice, ref)}


def test_a_branch_starts_at_the_given_revision(world: World) -> None:
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


def test_a_branch_that_exists_is_moved_only_on_request(world: World) -> None:
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
def test_main_is_never_overwritten(world: World, is_empty: bool) -> None:
    ref = world.repo()
    first, second = world.head(ref), world.add(ref, "a")
    with pytest.raises(AlreadyExists):
        branch(world, ref, "main", start=first, is_empty=is_empty, overwrites=True)
    assert world.head(ref) == second


def test_a_branch_needs_a_good_name_and_a_start(world: World) -> None:
    ref = world.repo()
    for name in ("", "a b", "a..b", "-x", "HEAD"):
        with pytest.raises(InvalidName):
            branch(world, ref, name)
    with pytest.raises(RevisionNotFound):
        branch(world, ref, "b", start="nothing")


def test_no_ref_is_below_another_one(world: World, tmp_path: pathlib.Path) -> None:
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


def test_main_cannot_be_deleted(world: World) -> None:
    ref = world.repo()
    for name in ("main", "refs/heads/main"):
        with pytest.raises(NotAllowed, match="Cannot delete refs/heads/main"):
            branches.delete_branch(world.hub, world.alice, ref, name)


def test_a_branch_and_a_tag_may_have_the_same_name(world: World) -> None:
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


def test_an_annotated_tag_leads_to_its_commit(world: World, tmp_path: pathlib.Path) -> None:
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


def test_a_tag_is_never_moved(world: World) -> None:
    ref = world.repo()
    tag(world, ref, "v1")
    for message in (None, "again"):
        with pytest.raises(AlreadyExists, match="Tag v1 already exists"):
            tag(world, ref, "v1", message=message)
    with pytest.raises(RevisionNotFound):
        tag(world, ref, "v2", "nothing")
    with pytest.raises(InvalidName):
        tag(world, ref, "a b")


def test_a_missing_thing_cannot_be_deleted(world: World) -> None:
    ref = world.repo()
    with pytest.raises(RevisionNotFound, match="refs/heads/x"):
        branches.delete_branch(world.hub, world.alice, ref, "x")
    with pytest.raises(RevisionNotFound, match="refs/tags/main"):
        branches.delete_tag(world.hub, world.alice, ref, "main")


def text_at(world: World, ref: RepoRef, revision: str) -> bytes:
    return bytes(world.read(ref, "f", revision))


def plant(world: World, ref: RepoRef, name: str, oid: Oid) -> None:
    """Store a ref with a name that is refused now."""
    with world.hub.write() as tx:
        assert refs.swap(tx, world.row_id(ref), RefName(name), None, oid, 0)


@pytest.mark.parametrize(
    "name", ["refs/pr/1", "refs/tags/v1", "refs/heads/refs/heads/main", "refs/x", "refs/heads/refs/convert/parquet"]
)
def test_no_branch_or_tag_has_a_name_that_hides_another_ref(world: World, name: str) -> None:
    ref = world.repo()
    with pytest.raises(InvalidName, match="refs/"):
        branch(world, ref, name)
    with pytest.raises(InvalidName, match="refs/"):
        branch(world, ref, name, is_empty=True)
    with pytest.raises(InvalidName, match="refs/"):
        tag(world, ref, name.replace("refs/tags/", "refs/heads/"))


def test_full_names_win_over_refs_that_were_made_to_hide_them(world: World) -> None:
    ref = world.repo()
    world.add(ref, "f", b"main")
    tag(world, ref, "v1")
    openings.open_with_commit(
        world.hub, world.alice, ref, "main", CommitDraft("Change", [AddFile(RepoPath("f"), b"pull")])
    )
    branch(world, ref, "x")
    other = world.add(ref, "f", b"OTHER", branch="x")
    for full in ("refs/heads/main", "refs/tags/v1", "refs/pr/1"):
        plant(world, ref, f"refs/heads/{full}", other)
        plant(world, ref, f"refs/tags/{full}", other)
    plant(world, ref, f"refs/heads/{world.head(ref)}", other)
    assert [text_at(world, ref, name) for name in ("refs/heads/main", "refs/tags/v1", "refs/pr/1")] == [
        b"main",
        b"main",
        b"pull",
    ]
    assert text_at(world, ref, world.head(ref)) == b"main"
    world.add(ref, "f", b"main again", branch="refs/heads/main")
    assert text_at(world, ref, "main") == b"main again"
    for full in ("refs/heads/main", "refs/pr/1"):
        branches.delete_branch(world.hub, world.alice, ref, f"refs/heads/{full}")
        branches.delete_tag(world.hub, world.alice, ref, f"refs/tags/{full}")
    assert "refs/pr/1" in listed(world, ref)


def test_converted_copies_are_a_namespace_of_their_own(world: World) -> None:
    ref = world.repo()
    world.add(ref, "f", b"main")
    branch(world, ref, "parquet", start="main")
    branch(world, ref, "refs/convert/parquet", is_empty=True)
    commits.create(
        world.hub,
        world.alice,
        ref,
        "refs/convert/parquet",
        CommitDraft("Convert", [AddFile(RepoPath("f"), b"converted")]),
    )
    assert text_at(world, ref, "~parquet") == text_at(world, ref, "refs/convert/parquet") == b"converted"
    assert text_at(world, ref, "parquet") == b"main"
    assert {"refs/convert/parquet", "refs/heads/parquet"} <= set(listed(world, ref))
    with pytest.raises(RevisionNotFound):
        contents.locate(world.hub, world.alice, ref, "~other", RepoPath("f"))
    branches.delete_branch(world.hub, world.alice, ref, "refs/convert/parquet")
    assert "refs/convert/parquet" not in listed(world, ref)


def test_where_tags_are_immutable_branches_and_tags_share_no_name(world: World) -> None:
    ref = world.repo()
    world.add(ref, "f", b"pinned")
    tag(world, ref, "v1.0")
    branch(world, ref, "v1.0")  # allowed as in git, as long as tags may move
    with pytest.raises(Refused, match=r"v1\.0"):
        repositories.configure(world.hub, world.alice, ref, RepoChanges(options={"immutableTags": True}))
    branches.delete_branch(world.hub, world.alice, ref, "v1.0")
    repositories.configure(world.hub, world.alice, ref, RepoChanges(options={"immutableTags": True}))
    for options in ({}, {"overwrites": True}, {"is_empty": True}):
        with pytest.raises(AlreadyExists, match="immutable"):
            branch(world, ref, "v1.0", **options)
    branch(world, ref, "dev")
    with pytest.raises(AlreadyExists, match="immutable"):
        tag(world, ref, "dev")
    assert text_at(world, ref, "v1.0") == b"pinned"


def test_no_name_is_read_instead_of_the_id_of_a_commit(world: World) -> None:
    ref = world.repo()
    head = world.head(ref)
    for name in (head, head.upper(), head[:7], head[:12]):
        with pytest.raises((InvalidName, Refused), match="commit"):
            branch(world, ref, name)
        with pytest.raises((InvalidName, Refused), match="commit"):
            tag(world, ref, name)
    other = "00000" if not head.startswith("00000") else "11111"
    branch(world, ref, other)  # digits alone are a name


def test_an_unknown_revision_is_reported_before_an_invalid_tag_name(world: World) -> None:
    ref = world.repo()
    with pytest.raises(RevisionNotFound):
        tag(world, ref, "not a name", revision="nowhere")
    with pytest.raises(InvalidName):
        tag(world, ref, "not a name")

from __future__ import annotations

import random

import pytest

from entrepot.errors import EntryNotFound, GatedRepo, Malformed, RepoNotFound, RevisionNotFound
from entrepot.hub.comparisons.comparisons import FileDifference, compare_file, list_changes
from entrepot.hub.comparisons.rows import RowsDiff
from entrepot.hub.comparisons.tensors import TensorsDiff
from entrepot.hub.files.operations import Delete
from entrepot.hub.repos import repositories
from entrepot.hub.repos.repositories import RepoChanges
from entrepot.names import RepoPath, RepoRef
from tests.hub.comparisons.test_tensors import safetensors
from tests.support import hub_work
from tests.support.worlds import World


@pytest.fixture
def ref(world: World) -> RepoRef:
    found = world.repo("alice/versions")
    world.add(found, "a.csv", b"id,a\n1,x\n2,y\n")
    return found


def kinds(files: list[FileDifference]) -> dict[str, str]:
    return {file.path: file.kind for file in files if file.path != ".gitattributes"}


def test_changed_files_are_listed_with_sizes_and_kinds(world: World, ref: RepoRef) -> None:
    old = world.head(ref)
    world.add(ref, "a.csv", b"id,a\n1,x\n2,Y\n")
    world.add(ref, "new.txt", b"new")
    new = world.head(ref)
    found = list_changes(world.hub, None, ref, f"{old}..{new}")
    assert kinds(list(found.files)) == {"a.csv": "changed", "new.txt": "added"}
    assert (found.old, found.new, found.is_complete) == (old, new, True)
    back = list_changes(world.hub, None, ref, f"{new}..{old}")
    assert kinds(list(back.files)) == {"a.csv": "changed", "new.txt": "removed"}


def test_new_bytes_are_those_of_chunks_that_the_old_side_does_not_have(world: World, ref: RepoRef) -> None:
    data = random.Random(7).randbytes(2_000_000)
    world.add_large(ref, "w.bin", data)
    old = world.head(ref)
    world.add_large(ref, "w.bin", data[:1_000_000] + b"!" + data[1_000_000:])
    hub_work.chunk_files(world.hub, world.row_id(ref))
    [file] = list_changes(world.hub, None, ref, f"{old}...main").files
    assert file.new is not None
    assert file.new.size == 2_000_001
    assert file.new_bytes is not None
    assert 0 < file.new_bytes < 400_000


def test_a_table_is_compared_by_its_rows(world: World, ref: RepoRef) -> None:
    old = world.head(ref)
    world.add(ref, "a.csv", b"id,a\n1,x\n2,Y\n")
    found = compare_file(world.hub, None, ref, f"{old}..main", RepoPath("a.csv"))
    assert isinstance(found.details, RowsDiff)
    assert found.details.changed == 1
    assert found.bytes_read > 0


def test_a_model_is_compared_without_reading_equal_chunks(world: World, ref: RepoRef) -> None:
    chance = random.Random(3)
    first, second = chance.randbytes(600_000), chance.randbytes(600_000)
    old_file = safetensors({"a": ("U8", [600_000], first), "b": ("U8", [600_000], second)})
    new_file = safetensors({"a": ("U8", [600_000], first), "b": ("U8", [600_000], b"!" + second[1:])})
    world.add_large(ref, "m.safetensors", old_file)
    old = world.head(ref)
    world.add_large(ref, "m.safetensors", new_file)
    hub_work.chunk_files(world.hub, world.row_id(ref))
    found = compare_file(world.hub, None, ref, f"{old}..main", RepoPath("m.safetensors"))
    assert isinstance(found.details, TensorsDiff)
    assert [(change.name, change.kind) for change in found.details.tensors] == [("b", "changed")]
    assert (found.details.equal, found.details.equal_bytes) == (1, 600_000)
    assert 0 < found.details.tensors[0].changed_bytes < 300_000
    assert found.bytes_read < 400_000


def test_files_of_one_side_and_of_other_kinds_have_no_details(world: World, ref: RepoRef) -> None:
    old = world.head(ref)
    world.add(ref, "b.csv", b"a\n1\n")
    world.add(ref, "t.txt", b"x")
    for path in ("b.csv", "t.txt", "a.csv"):
        assert compare_file(world.hub, None, ref, f"{old}..main", RepoPath(path)).details is None
    with pytest.raises(EntryNotFound):
        compare_file(world.hub, None, ref, f"{old}..main", RepoPath("none.csv"))


def test_the_parent_of_a_first_commit_is_empty(world: World, ref: RepoRef) -> None:
    head = world.head(ref)
    found = list_changes(world.hub, None, ref, f"{head}^..{head}")
    assert kinds(list(found.files)) == {"a.csv": "added"}
    first = list_changes(world.hub, None, ref, f"{head}^^..{head}^")
    assert (first.old, [file.kind for file in first.files]) == (None, ["added"] * len(first.files))


def test_both_revisions_are_judged_as_files_are(world: World, ref: RepoRef) -> None:
    for spec, error in (("main", Malformed), ("main..none", RevisionNotFound), ("none...main", RevisionNotFound)):
        with pytest.raises(error):
            list_changes(world.hub, None, ref, spec)
    repositories.configure(world.hub, world.alice, ref, RepoChanges(gated="manual"))
    with pytest.raises(GatedRepo):
        list_changes(world.hub, None, ref, "main..main")
    with pytest.raises(GatedRepo):
        compare_file(world.hub, world.bob, ref, "main..main", RepoPath("a.csv"))
    repositories.configure(world.hub, world.alice, ref, RepoChanges(visibility="private", gated="no"))
    with pytest.raises(RepoNotFound):
        list_changes(world.hub, world.bob, ref, "main..main")


def test_a_deleted_file_is_a_removed_one(world: World, ref: RepoRef) -> None:
    old = world.head(ref)
    world.commit(ref, Delete(RepoPath("a.csv")))
    assert kinds(list(list_changes(world.hub, None, ref, f"{old}..main").files)) == {"a.csv": "removed"}

from __future__ import annotations

from typing import Any

import pytest

from entrepot.catalog.repos import repositories as repos
from entrepot.errors import InvalidName, Refused
from entrepot.hub.repos import branches, histories, lfs_files, protections, repositories
from entrepot.hub.repos.protections import Protections
from entrepot.hub.repos.repositories import RepoChanges
from entrepot.names import MAIN, Oid, RefName, RepoRef
from tests.support.worlds import World

A, B = Oid("a" * 40), Oid("b" * 40)
RELEASE = RefName("refs/heads/release/1")
TAG = RefName("refs/tags/v1")


@pytest.fixture
def ref(world: World) -> RepoRef:
    made: RepoRef = world.repo()
    return made


def protect(world: World, ref: RepoRef, **options: object) -> Any:
    return repositories.configure(world.hub, world.alice, ref, RepoChanges(options=options))


def test_a_protected_branch_only_goes_forward(world: World, ref: RepoRef) -> None:
    row = protect(world, ref, protectedBranches=["main", "release/*"])
    assert protections.find_refusal(row, RELEASE, A, B, lambda: True) is None
    assert "rewritten" in (protections.find_refusal(row, RELEASE, A, B, lambda: False) or "")
    assert "deleted" in (protections.find_refusal(row, RELEASE, A, None, lambda: True) or "")
    assert protections.find_refusal(row, RELEASE, None, B, lambda: False) is None
    assert protections.find_refusal(row, RefName("refs/heads/dev"), A, None, lambda: False) is None
    assert protections.find_refusal(row, TAG, A, None, lambda: False) is None


def test_immutable_tags_are_made_and_stay(world: World, ref: RepoRef) -> None:
    row = protect(world, ref, immutableTags=True)
    assert protections.find_refusal(row, TAG, None, A, lambda: False) is None
    assert protections.find_refusal(row, TAG, A, B, lambda: True)
    assert protections.find_refusal(row, TAG, A, None, lambda: True)
    assert protections.find_refusal(row, MAIN, A, None, lambda: True) is None


def test_protections_apply_to_the_http_api(world: World, ref: RepoRef) -> None:
    make: dict[str, Any] = {"start": None, "is_empty": False}
    branches.create_branch(world.hub, world.alice, ref, "release/1", overwrites=False, **make)
    branches.create_tag(world.hub, world.alice, ref, "main", "v1", None)
    protect(world, ref, protectedBranches=["main", "release/*"], immutableTags=True)
    for forbidden in (
        lambda: branches.delete_branch(world.hub, world.alice, ref, "release/1"),
        lambda: branches.create_branch(world.hub, world.alice, ref, "release/1", overwrites=True, **make),
        lambda: branches.delete_tag(world.hub, world.alice, ref, "v1"),
        lambda: histories.squash(world.hub, world.alice, ref, "main", "all"),
    ):
        with pytest.raises(Refused):
            forbidden()
    world.add(ref, "still.txt")
    protect(world, ref, protectedBranches=[], immutableTags=False)
    branches.delete_branch(world.hub, world.alice, ref, "release/1")
    branches.delete_tag(world.hub, world.alice, ref, "v1")


def test_large_files_cannot_be_cut_out_of_a_protected_history(world: World, ref: RepoRef) -> None:
    sha256 = world.add_large(ref, "large.bin", b"x" * 5000)
    protect(world, ref, protectedBranches=["main"])
    with pytest.raises(Refused):
        lfs_files.delete_content(world.hub, world.alice, ref, sha256, rewrites_history=True)
    protect(world, ref, protectedBranches=[])
    lfs_files.delete_content(world.hub, world.alice, ref, sha256, rewrites_history=True)
    assert "large.bin" not in world.paths(ref)


def test_a_branch_that_is_protected_meanwhile_is_not_rewritten(
    world: World, ref: RepoRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha256 = world.add_large(ref, "large.bin", b"x" * 5000)
    branches.create_branch(world.hub, world.alice, ref, "dev", start=None, is_empty=False, overwrites=False)

    def protecting(module: Any, name: str) -> None:
        """Protect all branches when a function is called, which runs between the check and the transaction."""
        called = getattr(module, name)

        def call(*args: Any, **words: Any) -> Any:
            protect(world, ref, protectedBranches=["*"])
            return called(*args, **words)

        protect(world, ref, protectedBranches=[])
        monkeypatch.setattr(module, name, call)

    before = world.head(ref)
    protecting(histories, "commit_object")
    with pytest.raises(Refused, match="protected"):
        histories.squash(world.hub, world.alice, ref, "main", "all")
    protecting(branches, "commit_object")
    with pytest.raises(Refused, match="protected"):
        branches.create_branch(world.hub, world.alice, ref, "dev", start=None, is_empty=True, overwrites=True)
    protecting(lfs_files, "_publish")
    with pytest.raises(Refused, match="protected"):
        lfs_files.delete_content(world.hub, world.alice, ref, sha256, rewrites_history=True)
    assert world.head(ref) == before


@pytest.mark.parametrize("patterns", [["a b"], ["../x"], ["x"] * 101])
def test_patterns_are_those_of_branch_names(world: World, ref: RepoRef, patterns: list[str]) -> None:
    with pytest.raises(InvalidName):
        protect(world, ref, protectedBranches=patterns)


def test_protections_set_by_the_operator_apply_to_pushes_and_calls(world: World, ref: RepoRef) -> None:
    assert protections.read(world.hub, ref) == Protections((), tags=False)
    wanted = Protections(("main",), tags=True)
    assert protections.change(world.hub, ref, lambda _now: wanted) == wanted
    assert protections.read(world.hub, ref) == wanted
    with world.hub.read() as tx:
        row = repos.by_id(tx, world.row_id(ref))
    assert row is not None
    with pytest.raises(Refused, match="the branch main is protected"):
        protections.check_rewriting(row, MAIN)
    with pytest.raises(InvalidName):
        protections.change(world.hub, ref, lambda _now: Protections(("a..b",), tags=False))
    assert protections.read(world.hub, ref) == wanted

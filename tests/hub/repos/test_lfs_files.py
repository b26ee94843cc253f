from __future__ import annotations

import pathlib
from typing import Any

import pytest

from entrepot.catalog.repos import refs
from entrepot.errors import Busy, EntryNotFound, LimitExceeded, ThingNotFound
from entrepot.git import Mode, render_pointer
from entrepot.hub.files.operations import Copy, Delete
from entrepot.hub.jobs import maintenance
from entrepot.hub.repos import branches, contents, histories, lfs_files
from entrepot.names import MAIN, RepoPath, RepoRef
from tests.support.worlds import World

P = RepoPath


def uids(world: World, ref: RepoRef) -> dict[str, str]:
    listed = lfs_files.list_files(world.hub, world.alice, ref, after=None, limit=100)
    return {str(item.link.path): item.link.uid for item in listed}


def test_committed_files_are_listed_page_by_page(world: World) -> None:
    ref = world.repo()
    world.upload(ref, b"never committed")
    for name in ("a", "b", "c"):
        world.add_large(ref, name, name.encode())
    found: list[lfs_files.LargeFile] = []
    after = None
    while page := lfs_files.list_files(world.hub, world.alice, ref, after=after, limit=1):
        found += page
        after = page[-1].link.uid
    assert sorted(str(item.link.path) for item in found) == ["a", "b", "c"]
    assert {item.pusher.name for item in found if item.pusher} == {"alice"}
    assert {(item.link.size, item.link.ref) for item in found} == {(1, MAIN)}


def test_without_rewriting_pointers_stay_and_lead_nowhere(world: World) -> None:
    ref = world.repo()
    world.add_large(ref, "w.bin", b"large")
    head = world.head(ref)
    lfs_files.delete(world.hub, world.alice, ref, [uids(world, ref)["w.bin"]], rewrites_history=False)
    assert world.head(ref) == head
    assert contents.locate(world.hub, world.alice, ref, "main", P("w.bin"), is_raw=True).size > 100
    with pytest.raises(EntryNotFound):
        contents.locate(world.hub, world.alice, ref, "main", P("w.bin"))
    assert uids(world, ref) == {}
    world.upload(ref, b"large")
    assert world.read(ref, "w.bin") == b"large"


def test_rewriting_takes_files_out_of_every_commit_of_every_ref(world: World, tmp_path: pathlib.Path) -> None:
    ref = world.repo()
    world.add_large(ref, "keep.bin", b"keep")
    world.add(ref, "d/text", b"text")
    world.clock.advance(5_000)
    world.add_large(ref, "only/here/w.bin", b"unwanted", summary="bring it", description="long story")
    branches.create_tag(world.hub, world.alice, ref, "main", "v1", "annotated")
    branches.create_branch(world.hub, world.alice, ref, "side", start=None, is_empty=False, overwrites=False)
    world.commit(ref, Copy(P("copy.bin"), P("only/here/w.bin")), branch="side", summary="copy it")
    untouched = world.head(ref)
    branches.create_branch(world.hub, world.alice, ref, "old", start=f"{untouched}", is_empty=False, overwrites=False)
    world.clock.advance(7_000)
    world.commit(ref, Delete(P("only/here/w.bin")), summary="remove it")
    before = {
        name: histories.history(world.hub, world.alice, ref, name, offset=0, limit=99) for name in ("main", "side")
    }
    [uid] = [uid for path, uid in uids(world, ref).items() if path != "keep.bin"]

    lfs_files.delete(world.hub, world.alice, ref, [uid], rewrites_history=True)

    for name, old in before.items():
        new = histories.history(world.hub, world.alice, ref, name, offset=0, limit=99)
        assert new.total == old.total
        for was, now in zip(old.commits, new.commits, strict=True):
            assert (was.commit.message, was.commit.author) == (now.commit.message, now.commit.author)
            assert was.commit.committer == now.commit.committer
    assert world.paths(ref, "side") == world.paths(ref, "v1") == [".gitattributes", "d/text", "keep.bin"]
    assert world.read(ref, "keep.bin", "v1") == b"keep"
    git = world.export(ref, tmp_path / "git")
    git("fsck", "--strict", "--full", "--no-dangling")
    names = git("log", "--all", "--name-only", "--format=")
    assert "w.bin" not in names
    assert "copy.bin" not in names
    assert "bring it" in git("log", "--format=%s", "main")
    assert git("cat-file", "-t", "v1").strip() == "tag"
    assert [finding for finding in maintenance.fsck(world.hub) if finding.is_damage] == []
    world.clock.advance(22 * 86_400_000)
    assert "file" in [item.kind for item in maintenance.gc(world.hub)]
    assert [finding for finding in maintenance.fsck(world.hub) if finding.is_damage] == []


def test_commits_before_the_file_keep_their_ids(world: World) -> None:
    ref = world.repo()
    early = world.add(ref, "a")
    world.add_large(ref, "w.bin", b"unwanted")
    lfs_files.delete(world.hub, world.alice, ref, list(uids(world, ref).values()), rewrites_history=True)
    commits = histories.history(world.hub, world.alice, ref, "main", offset=0, limit=9).commits
    assert commits[1].oid == early
    assert commits[0].commit.tree == commits[1].commit.tree


def test_a_tree_with_nothing_else_becomes_empty(world: World) -> None:
    ref = world.repo()
    world.add_large(ref, "w.bin", b"unwanted")
    world.commit(ref, Delete(P(".gitattributes")), summary="bare")
    lfs_files.delete(world.hub, world.alice, ref, list(uids(world, ref).values()), rewrites_history=True)
    assert world.paths(ref) == []
    assert [finding for finding in maintenance.fsck(world.hub) if finding.is_damage] == []


def test_a_file_that_another_repository_uses_survives(world: World) -> None:
    ref, other = world.repo(), world.repo("bob/m")
    sha256 = world.add_large(ref, "w.bin", b"shared")
    world.commit(other, Copy(P("w.bin"), P("w.bin"), repo=ref))
    lfs_files.delete(world.hub, world.alice, ref, list(uids(world, ref).values()), rewrites_history=True)
    world.clock.advance(22 * 86_400_000)
    assert ("file", sha256) not in [(item.kind, item.what) for item in maintenance.gc(world.hub)]
    assert world.read(other, "w.bin") == b"shared"


def test_a_pushed_executable_pointer_disappears_too(world: World) -> None:
    from entrepot.git import Pointer

    ref = world.repo()
    sha256 = world.add_large(ref, "w.bin", b"shared")
    world.plant(ref, {"run": (Mode.EXECUTABLE, render_pointer(Pointer(sha256, 6)))})
    lfs_files.delete(world.hub, world.alice, ref, list(uids(world, ref).values()), rewrites_history=True)
    assert world.paths(ref) == [".gitattributes"]


def test_a_missing_thing_cannot_be_deleted(world: World) -> None:
    ref, other = world.repo(), world.repo("alice/n")
    world.add_large(other, "w.bin", b"theirs")
    for uid in ("f" * 24, *uids(world, other).values()):
        with pytest.raises(ThingNotFound):
            lfs_files.delete(world.hub, world.alice, ref, [uid], rewrites_history=False)
    with pytest.raises(LimitExceeded):
        lfs_files.delete(world.hub, world.alice, ref, ["f" * 24] * 1001, rewrites_history=False)
    assert uids(world, other)


def test_a_commit_made_meanwhile_is_rewritten_too(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ref = world.repo()
    world.add_large(ref, "w.bin", b"unwanted")
    genuine, calls = refs.everything, []

    def everything(tx: Any, repo_id: int) -> Any:
        found = genuine(tx, repo_id)
        calls.append(found)
        if len(calls) == 1:
            monkeypatch.setattr(refs, "everything", genuine)
            world.add(ref, "meanwhile")
        return found

    monkeypatch.setattr(refs, "everything", everything)
    lfs_files.delete(world.hub, world.alice, ref, list(uids(world, ref).values()), rewrites_history=True)
    assert world.paths(ref) == [".gitattributes", "meanwhile"]


def test_a_deletion_gives_up_while_others_keep_committing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ref = world.repo()
    world.add_large(ref, "w.bin", b"unwanted")
    wanted = list(uids(world, ref).values())
    monkeypatch.setattr(lfs_files, "_publish", lambda *_arguments: False)
    with pytest.raises(Busy):
        lfs_files.delete(world.hub, world.alice, ref, wanted, rewrites_history=True)
    assert world.read(ref, "w.bin") == b"unwanted"

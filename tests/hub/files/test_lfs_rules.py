from __future__ import annotations

import pathlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from entrepot.errors import NotMergeable, Refused
from entrepot.git import MAX_ATTRIBUTES, Mode
from entrepot.hub.files.operations import AddFile, AddLarge, Copy, Delete
from entrepot.hub.repos import locks
from entrepot.hub.repos.commits import CommitDraft
from entrepot.hub.repos.pulls import merges, openings, reviews
from entrepot.names import RepoPath, RepoRef
from tests.support.worlds import World

P = RepoPath
LFS = "filter=lfs diff=lfs merge=lfs -text"


def added(world: World, ref: RepoRef, revision: str = "main", path: str = ".gitattributes") -> list[str]:
    """Return the lines of a ``.gitattributes`` after those of a new repository."""
    from entrepot.git import DEFAULT_MODEL

    return str(world.read(ref, path, revision).decode()).removeprefix(DEFAULT_MODEL).splitlines()


def large(world: World, ref: RepoRef, path: str, data: bytes = b"\0large") -> AddLarge:
    return AddLarge(P(path), world.upload(ref, data), len(data))


def test_a_large_file_gets_its_path_into_gitattributes_in_the_same_commit(world: World) -> None:
    ref = world.repo()
    before = world.head(ref)
    world.commit(ref, large(world, ref, "m.gguf"), large(world, ref, "deep/my model.gguf"))
    assert added(world, ref) == [f'"deep/my model.gguf" {LFS}', f"m.gguf {LFS}"]
    assert world.commit(ref, large(world, ref, "m.gguf", b"\0second")) != before
    assert added(world, ref) == [f'"deep/my model.gguf" {LFS}', f"m.gguf {LFS}"]


def test_files_that_a_rule_sends_to_lfs_already_need_no_line(world: World) -> None:
    ref = world.repo()
    rules = world.read(ref, ".gitattributes")
    world.commit(ref, large(world, ref, "w.safetensors"), large(world, ref, "d/x.bin"))
    assert world.read(ref, ".gitattributes") == rules


def test_a_rule_that_excludes_a_path_is_overruled_where_it_stands(world: World) -> None:
    ref = world.repo()
    world.commit(ref, AddFile(P("d/.gitattributes"), b"*.bin -filter"))
    world.commit(ref, large(world, ref, "d/x.bin"), large(world, ref, "y.bin"))
    assert added(world, ref) == []
    assert world.read(ref, "d/.gitattributes").decode().splitlines() == ["*.bin -filter", f"/x.bin {LFS}"]


def test_a_commit_that_writes_gitattributes_itself_keeps_its_lines(world: World) -> None:
    ref = world.repo()
    world.commit(ref, AddFile(P(".gitattributes"), b"# mine\n*.bin -filter"), large(world, ref, "x.bin"))
    assert world.read(ref, ".gitattributes").decode() == f"# mine\n*.bin -filter\nx.bin {LFS}\n"
    world.commit(ref, Delete(P(".gitattributes")), large(world, ref, "y"))
    assert world.read(ref, ".gitattributes").decode() == f"y {LFS}\n"


def test_a_file_that_the_same_commit_replaces_or_removes_needs_no_line(world: World) -> None:
    ref = world.repo()
    world.commit(ref, large(world, ref, "a"), large(world, ref, "b"), Delete(P("a")), AddFile(P("b"), b"text\n"))
    assert added(world, ref) == []


def test_copies_and_renames_get_a_line_for_the_new_path(world: World) -> None:
    ref, other = world.repo(), world.repo("alice/other")
    world.commit(ref, large(world, ref, "d/a.gguf"))
    world.commit(ref, Copy(P("e"), P("d")))
    sha256 = world.upload(ref, b"\0large")
    world.commit(ref, AddLarge(P("f.gguf"), sha256, moved_from=P("d/a.gguf")))
    assert added(world, ref) == [f"d/a.gguf {LFS}", f"e/a.gguf {LFS}", f"f.gguf {LFS}"]
    world.commit(other, Copy(P("here.gguf"), P("f.gguf"), repo=ref))
    assert added(world, other) == [f"here.gguf {LFS}"]


def test_a_name_that_also_exists_in_a_folder_is_anchored(world: World) -> None:
    ref = world.repo()
    world.commit(ref, AddFile(P("train/data.json"), b"{}\n"))
    world.commit(ref, large(world, ref, "data.json"), large(world, ref, "other.json"))
    assert added(world, ref) == [f"/data.json {LFS}", f"other.json {LFS}"]


def test_links_and_large_files_are_never_extended(world: World) -> None:
    ref = world.repo()
    world.plant(ref, {".gitattributes": (Mode.SYMLINK, b"elsewhere")})
    world.commit(ref, large(world, ref, "a"))
    assert world.read(ref, ".gitattributes") == b"elsewhere"
    ref = world.repo("alice/pointer")
    world.commit(ref, large(world, ref, ".gitattributes"), large(world, ref, "b"))
    assert world.read(ref, ".gitattributes") == b"\0large"


def test_ten_thousand_large_files_in_one_commit_are_all_covered(world: World) -> None:
    ref = world.repo()
    sha256 = world.upload(ref, b"\0large")
    world.commit(ref, *[AddLarge(P(f"data/part-{number:05}.gguf"), sha256, 6) for number in range(10_000)])
    assert len(added(world, ref)) == 10_000
    world.commit(ref, AddLarge(P("data/part-00007.gguf"), sha256, 6), AddLarge(P("one.gguf"), sha256, 6))
    assert len(added(world, ref)) == 10_001


def test_a_long_gitattributes_that_came_otherwise_is_read_and_extended(world: World) -> None:
    ref = world.repo()
    text = b"".join(b"folder/file-%05d %s\n" % (number, LFS.encode()) for number in range(6_000))
    assert len(text) > 256 * 1024
    world.commit(ref, AddFile(P(".gitattributes"), text))
    world.commit(ref, large(world, ref, "folder/file-00003"), large(world, ref, "new"))
    assert world.read(ref, ".gitattributes") == text + f"new {LFS}\n".encode()


def test_a_gitattributes_stops_growing_at_its_limit(world: World) -> None:
    ref = world.repo()
    text = b"# " + b"x" * (MAX_ATTRIBUTES - 30) + b"\n"
    world.commit(ref, AddFile(P(".gitattributes"), text))
    world.commit(ref, large(world, ref, "new"))
    assert world.read(ref, ".gitattributes") == text


def test_writers_at_the_same_time_all_get_their_lines(world: World) -> None:
    ref = world.repo()
    operations = [large(world, ref, f"m{number}.gguf", b"\0%d" % number) for number in range(12)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda operation: world.commit(ref, operation), operations))
    assert sorted(added(world, ref)) == sorted(f"m{number}.gguf {LFS}" for number in range(12))


def test_disjoint_commits_on_a_pinned_parent_are_not_in_each_others_way(world: World) -> None:
    ref = world.repo()
    parent = world.head(ref)
    for name in ("a.gguf", "b.gguf"):
        world.commit(ref, large(world, ref, name), parent=parent, allows_disjoint=True)
    assert added(world, ref) == [f"a.gguf {LFS}", f"b.gguf {LFS}"]


def test_a_lock_on_gitattributes_holds_for_added_lines_too(world: World) -> None:
    ref = world.repo("acme/locked", by=world.olga)
    locks.take(world.hub, world.wendy, ref, P(".gitattributes"), None)
    with pytest.raises(Refused, match="gitattributes"):
        world.commit(ref, large_by(world, ref, "a.gguf"), by=world.olga)


def large_by(world: World, ref: RepoRef, path: str) -> AddLarge:
    return AddLarge(P(path), world.upload(ref, b"\0large", world.olga), 6)


def test_pull_requests_that_bring_a_large_file_each_can_all_be_merged(world: World) -> None:
    ref = world.repo()
    opened = [
        openings.open_with_commit(world.hub, world.alice, ref, "main", CommitDraft("Add it", [large(world, ref, name)]))
        for name in ("a.gguf", "b.gguf", "c.gguf")
    ]
    assert added(world, ref, "refs/pr/1") == [f"a.gguf {LFS}"]
    for one in opened:
        assert reviews.review(world.hub, world.alice, ref, one.num, with_diff=False).conflicts == []
        merges.merge(world.hub, world.alice, ref, one.num)
    assert added(world, ref) == [f"{name}.gguf {LFS}" for name in "abc"]


def test_a_pull_request_that_rewrites_rules_stays_in_conflict(world: World) -> None:
    ref = world.repo()
    operations = [AddFile(P(".gitattributes"), b"*.bin -filter\n")]
    opened = openings.open_with_commit(world.hub, world.alice, ref, "main", CommitDraft("Rewrite", operations))
    world.commit(ref, large(world, ref, "a.gguf"))
    with pytest.raises(NotMergeable, match="conflict"):
        merges.merge(world.hub, world.alice, ref, opened.num)


def test_ids_of_the_commit_are_those_that_git_computes(world: World, tmp_path: pathlib.Path) -> None:
    ref = world.repo()
    oid = world.commit(ref, large(world, ref, "d/m [1].gguf"))
    git = world.export(ref, tmp_path / "copy.git")
    assert git("rev-parse", f"{oid}^{{tree}}")
    git("fsck", "--strict", oid)
    git("read-tree", oid)
    assert git("write-tree") == git("rev-parse", f"{oid}^{{tree}}")

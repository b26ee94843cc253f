from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from entrepot.catalog import tables
from entrepot.catalog.repos import commits
from entrepot.errors import EntryNotFound, HistoryBeingIndexed, ObjectMissing, RepoNotFound, RevisionNotFound
from entrepot.git import Mode, Pointer, render_pointer
from entrepot.hub.files.operations import AddFile, Delete
from entrepot.hub.jobs import handlers, indexing
from entrepot.hub.repos import branches, contents
from entrepot.names import ROOT, Oid, RepoPath, RepoRef, Sha256
from tests.support.worlds import World

P = RepoPath


def listed(world: World, ref: RepoRef, **options: Any) -> contents.TreePage:
    defaults: dict[str, Any] = {"path": ROOT, "is_deep": True, "with_commits": False, "limit": 1000}
    given = defaults | options
    return contents.list_tree(world.hub, world.alice, ref, given.pop("revision", "main"), given.pop("path"), **given)


def names(page: contents.TreePage) -> list[str]:
    return [item.listed.path + ("/" if item.listed.is_folder else "") for item in page.entries]


@pytest.fixture
def tree(world: World) -> RepoRef:
    ref = world.repo(files={".gitattributes": b"x"})
    paths = ["a.txt", "a/1", "a/b/2", "a/b.x", "a-b/3", "z/é/4", "b"]
    world.commit(ref, *(AddFile(P(path), path.encode()) for path in paths))
    world.add_large(ref, "a/w.bin", b"large")
    return ref


def test_folders_come_before_files_depth_first(world: World, tree: RepoRef) -> None:
    assert names(listed(world, tree)) == [
        "a-b/",
        "a-b/3",
        "a/",
        "a/b/",
        "a/b/2",
        "a/1",
        "a/b.x",
        "a/w.bin",
        "z/",
        "z/é/",
        "z/é/4",
        ".gitattributes",
        "a.txt",
        "b",
    ]
    assert names(listed(world, tree, is_deep=False)) == ["a-b/", "a/", "z/", ".gitattributes", "a.txt", "b"]
    assert names(listed(world, tree, path=P("a"), is_deep=False)) == ["a/b/", "a/1", "a/b.x", "a/w.bin"]


@pytest.mark.parametrize("is_deep", [True, False])
@pytest.mark.parametrize("folder", ["", "a"])
def test_pages_put_together_are_the_whole(world: World, tree: RepoRef, is_deep: bool, folder: str) -> None:
    whole = names(listed(world, tree, path=P(folder), is_deep=is_deep))
    for limit in range(1, len(whole) + 1):
        found, after = [], None
        while True:
            page = listed(world, tree, path=P(folder), is_deep=is_deep, limit=limit, after=after)
            found += names(page)
            after = page.after
            if after is None:
                break
        assert found == whole


def test_large_files_show_their_real_size(world: World, tree: RepoRef) -> None:
    [item] = contents.paths_info(world.hub, None, tree, "main", [P("a/w.bin")], with_commits=False)
    assert item.listed.size == 5
    assert item.listed.pointer_size == len(render_pointer(Pointer(Sha256("0" * 64), 5)))
    assert item.listed.lfs is not None
    assert item.listed.etag == item.listed.lfs.sha256
    assert contents.tree_size(world.hub, None, tree, "main", P("a")) == 5 + len("a/1a/b/2a/b.x")


def test_the_error_for_a_missing_folder_names_the_commit(world: World, tree: RepoRef) -> None:
    for path in ("nothing", "b", "b/below"):
        with pytest.raises(EntryNotFound) as caught:
            listed(world, tree, path=P(path))
        assert caught.value.commit == world.head(tree)
        with pytest.raises(EntryNotFound) as caught:
            contents.tree_size(world.hub, None, tree, "main", P(path))
        assert caught.value.commit == world.head(tree)


def test_the_tree_of_a_revision_is_remembered_for_one_version_of_the_database(world: World, tree: RepoRef) -> None:
    def found(path: str, version: tuple[int, int] | None) -> tuple[str, Oid]:
        located = contents.locate(world.hub, world.alice, tree, "main", P(path), version=version)
        return located.etag, located.commit

    first = found("a.txt", (1, 1))
    world.commit(tree, AddFile(P("a.txt"), b"new"), AddFile(P("new"), b"new"))
    # A real version would have changed: this shows what is remembered, and that errors come from rows.
    assert (found("a.txt", (1, 1)), found("b", (1, 1))[1]) == (first, first[1])
    assert found("new", (1, 1))[1] == found("a.txt", None)[1] == found("a.txt", (1, 2))[1] == world.head(tree)
    assert found("a.txt", (1, 2)) != first
    assert world.hub.known_trees.size > 0


def test_a_remembered_tree_is_that_of_one_token(world: World) -> None:
    ref = world.repo(files={"a": b"a"}, visibility="private")
    contents.locate(world.hub, world.alice, ref, "main", P("a"), version=(1, 1))
    for caller in (None, world.bob):
        with pytest.raises(RepoNotFound):
            contents.locate(world.hub, caller, ref, "main", P("a"), version=(1, 1))


def test_paths_are_described_in_their_order_without_the_missing_ones(world: World, tree: RepoRef) -> None:
    paths = [P(path) for path in ("b", "nothing", "a", "", "z/é/4", "b/x")]
    found = contents.paths_info(world.hub, None, tree, "main", paths, with_commits=True)
    assert [item.listed.path for item in found] == ["b", "a", "z/é/4"]
    assert found[1].listed.is_folder
    assert all(item.last_commit for item in found)


def test_a_submodule_is_not_listed_because_it_cannot_be_downloaded(world: World, tree: RepoRef) -> None:
    before = names(listed(world, tree))
    world.plant(tree, {"sub": (Mode.GITLINK, Oid("1" * 40))})
    assert names(listed(world, tree)) == before
    assert contents.paths_info(world.hub, None, tree, "main", [P("sub")], with_commits=False) == []


def test_last_commits_are_listed_for_each_branch(world: World) -> None:
    ref = world.repo(files={".gitattributes": b"x"})
    first = world.commit(ref, AddFile(P("d/a"), b"1"), AddFile(P("d/e/b"), b"1"), summary="first")
    branches.create_branch(world.hub, world.alice, ref, "side", start=None, is_empty=False, overwrites=False)
    on_main = world.add(ref, "d/a", b"2")
    on_side = world.add(ref, "d/e/b", b"3", branch="side")
    gone = world.commit(ref, Delete(P("d/e")))
    world.add(ref, "new")

    def newest(revision: str) -> dict[str, str]:
        page = listed(world, ref, revision=revision, with_commits=True)
        return {item.listed.path: item.last_commit.oid for item in page.entries if item.last_commit}

    main, side = newest("main"), newest("side")
    assert (main["d/a"], main["d"]) == (on_main, gone)
    assert (side["d/a"], side["d/e/b"], side["d"], side["d/e"]) == (first, on_side, on_side, on_side)
    assert newest(first)["d/e/b"] == first
    assert len(main) == 4


def test_few_new_commits_are_compared_and_many_are_indexed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ref = world.repo()
    heads = [world.commit(ref, *(AddFile(P(f"d/f{n}"), b"%d" % turn) for n in range(9))) for turn in range(3)]

    def newest() -> set[str]:
        page = contents.list_tree(world.hub, None, ref, "main", P("d"), is_deep=True, with_commits=True, limit=5)
        return {item.last_commit.oid for item in page.entries if item.last_commit}

    def waiting() -> int:
        with world.hub.read() as tx:
            return len(commits.unindexed(tx, world.row_id(ref), heads[-1]))

    before = waiting()
    assert before >= 3
    assert (newest(), waiting()) == ({heads[-1]}, before)
    monkeypatch.setattr(contents, "_MAX_COMPARED", 4)
    assert (newest(), waiting()) == ({heads[-1]}, 0)


def test_last_commits_are_left_to_the_job_if_too_many_commits_are_new(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contents, "_MAX_COMPARED", 0)
    monkeypatch.setattr(indexing, "BRIEF_COMMITS", 0)
    ref = world.repo(files={"a": b"a"})
    with pytest.raises(HistoryBeingIndexed):
        contents.paths_info(world.hub, None, ref, "main", [P("a")], with_commits=True)
    with pytest.raises(HistoryBeingIndexed):
        listed(world, ref, with_commits=True)
    assert names(listed(world, ref, with_commits=False)) == names(listed(world, ref))
    handlers.run_now(world.hub, indexing.history_job(world.row_id(ref)))
    assert all(item.last_commit for item in listed(world, ref, with_commits=True).entries)


def test_files_are_located_as_git_or_as_people_mean_them(world: World, tree: RepoRef) -> None:
    found = contents.locate(world.hub, None, tree, "main", P("a/w.bin"))
    raw = contents.locate(world.hub, None, tree, "main", P("a/w.bin"), is_raw=True)
    assert (found.size, found.commit, found.oid) == (5, world.head(tree), raw.oid)
    assert found.lfs is not None
    assert (found.etag, raw.etag) == (found.lfs.sha256, raw.oid)
    opened = raw.open(world.hub)
    assert opened.read_at(0, 999) == render_pointer(Pointer(found.lfs.sha256, 5))


@pytest.mark.parametrize("size", [0, 1, 256 * 1024, 256 * 1024 + 1])
def test_files_of_any_size_are_read_at_any_offset(world: World, size: int) -> None:
    ref = world.repo()
    data = (bytes(range(256)) * (size // 256 + 1))[:size]
    world.add(ref, "f", data)
    content = contents.locate(world.hub, None, ref, "main", P("f")).open(world.hub)
    assert content.size == size
    assert content.read_at(0, size + 5) == data
    assert content.read_at(max(size - 3, 0), 100) == data[max(size - 3, 0) :]
    content.close()


def test_only_files_are_located(world: World, tree: RepoRef) -> None:
    world.plant(tree, {"sub": (Mode.GITLINK, Oid("1" * 40))})
    for path in ("a", "nothing", "sub", "b/x"):
        with pytest.raises(EntryNotFound) as caught:
            contents.locate(world.hub, None, tree, "main", P(path))
        assert caught.value.commit == world.head(tree)
    with pytest.raises(RevisionNotFound):
        contents.locate(world.hub, None, tree, "nothing", P("b"))


def test_a_lost_object_is_damage_not_absence(world: World, tree: RepoRef) -> None:
    with world.hub.write() as tx:
        tx.sql.execute(sa.delete(tables.objects).where(tables.objects.c.kind == "blob"))
    with pytest.raises(ObjectMissing):
        contents.locate(world.hub, None, tree, "main", P("b"))


def test_a_pushed_pointer_gives_no_access_to_other_bytes(world: World) -> None:
    secret, mine = world.repo("bob/secret", visibility="private"), world.repo("alice/m")
    sha256 = world.add_large(secret, "w.bin", b"secret bytes")
    world.plant(mine, {"w.bin": (Mode.FILE, render_pointer(Pointer(sha256, 12)))})
    with pytest.raises(EntryNotFound):
        contents.locate(world.hub, world.alice, mine, "main", P("w.bin"))
    assert contents.locate(world.hub, world.alice, mine, "main", P("w.bin"), is_raw=True).size > 100


def gathered(world: World, ref: RepoRef, *paths: str, **limits: int) -> dict[str, bytes]:
    given = {"most_each": 100, "most_bytes": 1000} | limits
    found = contents.read_small_files(world.hub, world.alice, ref, "main", [P(path) for path in paths], **given)
    assert found.commit == world.head(ref)
    return {file.path: file.data for file in found.files}


def test_many_small_files_are_read_in_every_form_of_storage(world: World, tree: RepoRef) -> None:
    assert gathered(world, tree, "a/w.bin", "b", "a/b/2", "b") == {"a/w.bin": b"large", "b": b"b", "a/b/2": b"a/b/2"}


def test_folders_missing_files_and_submodules_are_left_out(world: World, tree: RepoRef) -> None:
    world.plant(tree, {"sub": (Mode.GITLINK, Oid("1" * 40)), "one": (Mode.FILE, b"1")})
    assert gathered(world, tree, "sub", "a", "", "a/none", "one/x", "one") == {"one": b"1"}


def test_only_files_that_do_not_fit_are_left_out(world: World, tree: RepoRef) -> None:
    world.commit(tree, AddFile(P("m"), b"m" * 6), AddFile(P("n"), b"n" * 11))
    assert gathered(world, tree, "m", "n", "a.txt", "b", most_each=10, most_bytes=7) == {"m": b"m" * 6, "b": b"b"}


def test_a_file_whose_bytes_are_lost_does_not_spoil_the_others(world: World, tree: RepoRef) -> None:
    for path in (world.hub.settings.data / "blobs" / "files").rglob("*"):
        if path.is_file():
            path.unlink()
    assert gathered(world, tree, "a/w.bin", "b") == {"b": b"b"}


def test_a_pointer_to_a_file_that_the_repository_may_not_use_is_left_out(world: World, tree: RepoRef) -> None:
    pointer = render_pointer(Pointer(Sha256("9" * 64), 5))
    world.plant(tree, {"foreign": (Mode.FILE, pointer)})
    assert gathered(world, tree, "foreign", "b") == {"b": b"b"}


def test_unusable_paths_are_left_out_and_reported(world: World) -> None:
    ref = world.repo()
    bad = {"Icon\r": (0o100644, b""), "d/caf\udce9": (0o100644, b""), "bad\tfolder/x": (0o100644, b"x")}
    world.plant(ref, {**bad, "d/good": (0o100644, b"y")})
    page = contents.list_tree(world.hub, world.alice, ref, "main", ROOT, is_deep=True, with_commits=True, limit=10)
    assert [item.listed.path for item in page.entries] == ["d", "d/good", ".gitattributes"]
    assert set(page.left_out) == {"Icon\r", "d/caf\udce9", "bad\tfolder"}
    for path in ("Icon\r", "d/caf\udce9", "bad\tfolder"):
        world.commit(ref, Delete(RepoPath(path)))
    assert world.paths(ref) == [".gitattributes", "d/good"]

from __future__ import annotations

import pathlib
from typing import Any

import pytest

from entrepot.errors import BranchMoved, EntryNotFound, Malformed, RevisionNotFound
from entrepot.git import Mode
from entrepot.hub.files.operations import AddFile, Delete
from entrepot.hub.repos import branches, histories, publishing
from entrepot.names import RepoPath
from tests.support.worlds import World

P = RepoPath


def test_history_comes_page_by_page_newest_first(world: World) -> None:
    ref = world.repo()
    made = [world.head(ref), *(world.add(ref, f"f{number}") for number in range(6))]
    found = []
    for offset in range(0, 8, 3):
        page = histories.history(world.hub, world.alice, ref, "main", offset=offset, limit=3)
        assert page.total == 7
        found += [item.oid for item in page.commits]
    assert found == made[::-1]
    assert histories.history(world.hub, world.alice, ref, made[2], offset=0, limit=9).total == 3
    assert histories.newest_commit(world.hub, world.alice, ref, "main").oid == made[-1]


def test_differences_are_what_git_prints(world: World, tmp_path: pathlib.Path) -> None:
    ref = world.repo()
    world.commit(
        ref,
        AddFile(P("text"), b"".join(b"line %d\n" % n for n in range(40))),
        AddFile(P("gone"), b"gone\n"),
        AddFile(P("d/ünï"), b"no newline"),
        AddFile(P("bin"), b"\0\1"),
    )
    world.plant(ref, {"link": (Mode.SYMLINK, b"text"), "run": (Mode.EXECUTABLE, b"#!\n")})
    old = world.head(ref)
    branches.create_branch(world.hub, world.alice, ref, "side", start=None, is_empty=False, overwrites=False)
    changed = b"".join(b"line %d\n" % n for n in range(40)).replace(b"line 7\n", b"seven\nmore\n")
    world.commit(ref, AddFile(P("text"), changed), Delete(P("gone")), AddFile(P("new/file"), b"n\n"))
    world.add_large(ref, "w.bin", b"large")
    world.commit(ref, AddFile(P("d/ünï"), b"newline\n"), AddFile(P("bin"), b"\0\2"))
    world.add(ref, "on-side", branch="side")
    git = world.export(ref, tmp_path / "git")

    def printed(*arguments: str) -> str:
        return git("diff", "--no-renames", "--abbrev=7", *arguments)

    for spec in (
        f"{old}..main",
        "main^..main",
        "main^^^..main^",
        "side..main",
        "side...main",
        "main...side",
        "main..main",
    ):
        assert histories.compare(world.hub, world.alice, ref, spec) == printed(spec), spec


def test_the_parent_of_the_first_commit_is_nothing(world: World) -> None:
    ref = world.repo()
    text = histories.compare(world.hub, world.alice, ref, "main^..main")
    assert text.startswith("diff --git a/.gitattributes b/.gitattributes\nnew file mode 100644\n")


def test_a_long_difference_is_cut(world: World) -> None:
    ref = world.repo()
    world.commit(ref, *(AddFile(P(f"{n:02}"), b"x" * 900_000) for n in range(0)), AddFile(P("z"), b"1"))
    world.commit(ref, *(AddFile(P(f"{n:02}"), b"0123456\n" * 30_000) for n in range(40)))
    text = histories.compare(world.hub, world.alice, ref, "main^..main")
    assert text.count("diff --git") == 40
    assert len(text) < 10 << 20
    assert text.endswith("diff --git a/39 b/39\n")


@pytest.mark.parametrize("spec", ["", "main", "..", "main..", "...main", "a.b"])
def test_a_specification_without_two_sides_is_malformed(world: World, spec: str) -> None:
    with pytest.raises(Malformed):
        histories.compare(world.hub, world.alice, world.repo(), spec)


@pytest.mark.parametrize("spec", ["main..nothing", "nothing..main", "^..main", "main^^..main"])
def test_a_side_that_is_not_there(world: World, spec: str) -> None:
    with pytest.raises(RevisionNotFound):
        histories.compare(world.hub, world.alice, world.repo(), spec)


def test_squashing_keeps_the_files_and_leaves_one_commit(world: World, tmp_path: pathlib.Path) -> None:
    ref = world.repo()
    world.add(ref, "a")
    world.add_large(ref, "w.bin", b"large")
    paths = world.paths(ref)
    oid = histories.squash(world.hub, world.alice, ref, "main", "title\n\nbody\n")
    history = histories.history(world.hub, world.alice, ref, "main", offset=0, limit=9)
    assert (history.total, history.commits[0].oid, world.head(ref)) == (1, oid, oid)
    assert (history.commits[0].commit.title, history.commits[0].commit.body) == ("title", "body")
    assert history.commits[0].commit.parents == ()
    assert world.paths(ref) == paths
    assert world.read(ref, "w.bin") == b"large"
    assert world.export(ref, tmp_path / "git")("rev-list", "--count", "main").strip() == "1"


def test_only_branches_are_squashed(world: World) -> None:
    ref = world.repo()
    branches.create_tag(world.hub, world.alice, ref, "main", "v1", None)
    for revision in ("v1", world.head(ref), "nothing"):
        with pytest.raises(RevisionNotFound):
            histories.squash(world.hub, world.alice, ref, revision, "m")


def test_a_squash_that_loses_the_race_changes_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ref = world.repo()
    genuine = publishing.commit_object

    def commit_first(*arguments: Any) -> Any:
        world.add(ref, "meanwhile")
        return genuine(*arguments)

    monkeypatch.setattr(histories, "commit_object", commit_first)
    with pytest.raises(BranchMoved):
        histories.squash(world.hub, world.alice, ref, "main", "m")
    assert "meanwhile" in world.paths(ref)


def test_the_history_of_a_path_and_the_commits_between_revisions(world: World) -> None:
    ref = world.repo("alice/paths")
    first = world.add(ref, "d/a.txt", b"1")
    second = world.add(ref, "b.txt", b"1")
    third = world.add(ref, "d/a.txt", b"2")

    def changed(path: str, offset: int = 0) -> list[str]:
        found = histories.path_history(world.hub, None, ref, "main", RepoPath(path), offset=offset, limit=10)
        return [logged.oid for logged in found.commits]

    assert changed("d/a.txt") == changed("d") == [third, first]
    assert changed("d", offset=1) == [first]
    assert changed("b.txt") == [second]
    with pytest.raises(EntryNotFound):
        changed("none")
    between = histories.commits_between(world.hub, None, ref, f"{first}..main", limit=10)
    assert [logged.oid for logged in between.commits] == [third, second]
    assert histories.commits_between(world.hub, None, ref, f"main...{first}", limit=10).commits == []

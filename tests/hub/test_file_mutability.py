from __future__ import annotations

import pathlib

import pytest

from entrepot.errors import InvalidName, Refused
from entrepot.hub.files.operations import AddFile, Delete
from entrepot.hub.repos import commits, repositories
from entrepot.hub.repos.commits import CommitDraft
from entrepot.hub.repos.repositories import RepoChanges
from entrepot.names import RepoPath, RepoRef
from tests.hub.git.test_pushes import Author
from tests.support.worlds import World


@pytest.fixture
def strict(world: World) -> RepoRef:
    made: RepoRef = world.repo()
    commit(world, made, AddFile(RepoPath("data/a"), b"1"), AddFile(RepoPath("README.md"), b"old"))
    set_mutability(world, made, "strict")
    return made


def set_mutability(world: World, ref: RepoRef, word: str) -> None:
    repositories.configure(world.hub, world.alice, ref, RepoChanges(options={"mutability": word}))


def commit(world: World, ref: RepoRef, *operations: AddFile | Delete, branch: str = "main") -> None:
    commits.create(world.hub, world.alice, ref, branch, CommitDraft("change", operations))


def test_the_content_of_a_strict_repository_stays(world: World, strict: RepoRef) -> None:
    with pytest.raises(Refused, match="data/a"):
        commit(world, strict, AddFile(RepoPath("data/a"), b"2"))
    commit(world, strict, AddFile(RepoPath("data/b"), b"2"), AddFile(RepoPath("README.md"), b"new"))
    commit(world, strict, Delete(RepoPath("data/b")))


def test_a_push_cannot_change_it_either(world: World, strict: RepoRef, tmp_path: pathlib.Path) -> None:
    author = Author(world, strict, tmp_path / "author")
    (author.folder / "work" / "data" / "a").write_bytes(b"2")
    author.git("commit", "-q", "-a", "-m", "change")
    old, new = author.git("rev-parse", "HEAD~1").strip(), author.git("rev-parse", "HEAD").strip()
    with pytest.raises(Refused, match="strict"):
        author.push(("refs/heads/main", old, new))


@pytest.mark.parametrize("word", ["flexible", "mutable"])
def test_other_repositories_change(world: World, word: str) -> None:
    ref = world.repo()
    set_mutability(world, ref, word)
    commit(world, ref, AddFile(RepoPath("a"), b"1"))
    commit(world, ref, AddFile(RepoPath("a"), b"2"))


def test_the_mutability_is_set_once(world: World, strict: RepoRef) -> None:
    set_mutability(world, strict, "strict")
    with pytest.raises(Refused, match="cannot be changed"):
        set_mutability(world, strict, "mutable")
    with pytest.raises(InvalidName):
        set_mutability(world, strict, "frozen")

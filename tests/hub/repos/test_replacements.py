from __future__ import annotations

import contextlib
import json
import threading
from typing import Any

import pytest

from entrepot.catalog.repos import refs, repo_tags
from entrepot.errors import (
    LimitExceeded,
    LoginRequired,
    Malformed,
    NotAllowed,
    Refused,
    RepoNotFound,
    RevisionNotFound,
)
from entrepot.hub import audit
from entrepot.hub.audit import AuditFilter
from entrepot.hub.branch_locks import BranchLocks
from entrepot.hub.files.operations import AddFile, Delete
from entrepot.hub.repos import branches, locks, replacements, repositories
from entrepot.hub.repos.commits import RecordedCommit
from entrepot.hub.repos.repositories import RepoChanges
from entrepot.names import MAIN, Oid, RepoPath, RepoRef
from entrepot.storage import objects as stored
from tests.support.worlds import World

P = RepoPath


def branch(world: World, ref: RepoRef, name: str = "v1", *, is_empty: bool = False) -> None:
    branches.create_branch(world.hub, world.alice, ref, name, start=None, is_empty=is_empty, overwrites=False)


def replace(world: World, ref: RepoRef, source: str = "v1", message: str | None = None, **names: Any) -> RecordedCommit:
    by, target = names.get("by", world.alice), names.get("target", "main")
    return replacements.replace(world.hub, by, ref, target, source, message)


def parents(world: World, ref: RepoRef, oid: Oid) -> tuple[Oid, ...]:
    with world.hub.read() as tx:
        return stored.read_commit(tx, world.row_id(ref), oid).parents


def test_main_becomes_exactly_the_branch_in_one_commit(world: World) -> None:
    ref = world.repo()
    world.add(ref, "common", b"c")
    branch(world, ref)
    world.add(ref, "of main", b"m")
    world.commit(ref, AddFile(P("of branch"), b"b"), Delete(P("common")), branch="v1")
    old, new = world.head(ref), world.head(ref, "v1")
    made = replace(world, ref)
    assert (made.oid, made.is_unchanged) == (world.head(ref), False)
    assert world.paths(ref) == world.paths(ref, "v1") == [".gitattributes", "of branch"]
    assert parents(world, ref, made.oid) == (old, new)
    with world.hub.read() as tx:
        assert stored.read_commit(tx, world.row_id(ref), made.oid).message == "Merge branch 'v1'"
    [row] = audit.search(world.hub, AuditFilter(action="repo.merge"))
    assert json.loads(row.details) == {"ref": MAIN, "from": "refs/heads/v1", "was": old, "commit": made.oid}


def test_equal_files_make_no_commit(world: World) -> None:
    ref = world.repo()
    branch(world, ref)
    world.add(ref, "a", branch="v1")
    world.add(ref, "a")
    head = world.head(ref)
    made = replace(world, ref)
    assert (made.oid, made.is_unchanged, world.head(ref)) == (head, True, head)
    assert list(audit.search(world.hub, AuditFilter(action="repo.merge"))) == []


def test_a_branch_without_files_empties_main(world: World) -> None:
    ref = world.repo()
    world.add(ref, "a")
    branch(world, ref, is_empty=True)
    replace(world, ref)
    assert world.paths(ref) == []


def test_large_files_of_the_branch_are_read_from_main(world: World) -> None:
    ref = world.repo()
    branch(world, ref)
    world.add_large(ref, "w.bin", b"\0" * 1000, branch="v1")
    replace(world, ref)
    assert world.read(ref, "w.bin") == b"\0" * 1000


def test_the_card_of_the_branch_is_the_card_of_main_immediately(world: World) -> None:
    ref = world.repo()
    branch(world, ref)
    world.commit(ref, AddFile(P("README.md"), b"---\nlicense: mit\n---\n"), branch="v1")
    replace(world, ref)
    with world.hub.read() as tx:
        assert "license:mit" in repo_tags.tags_of(tx, [world.row_id(ref)])[world.row_id(ref)]


def test_a_message_may_have_lines_and_has_a_limit(world: World) -> None:
    ref = world.repo()
    branch(world, ref)
    world.add(ref, "a", branch="v1")
    with pytest.raises(LimitExceeded):
        replace(world, ref, message="x" * (64 * 1024 + 1))
    made = replace(world, ref, message="Title\n\nWhy.")
    with world.hub.read() as tx:
        assert stored.read_commit(tx, world.row_id(ref), made.oid).message == "Title\n\nWhy."


@pytest.mark.parametrize("names", [("nothing", "main"), ("main", "nothing"), ("v0", "main")])
def test_both_must_be_branches(world: World, names: tuple[str, str]) -> None:
    ref = world.repo()
    branches.create_tag(world.hub, world.alice, ref, "main", "v0", None)
    with pytest.raises(RevisionNotFound):
        replace(world, ref, names[0], target=names[1])


def test_a_branch_does_not_replace_itself(world: World) -> None:
    with pytest.raises(Malformed, match="itself"):
        replace(world, world.repo(), "main")


def test_a_protected_branch_is_not_replaced_but_may_replace(world: World) -> None:
    ref = world.repo()
    branch(world, ref)
    world.add(ref, "a")
    options = {"protectedBranches": ["main"]}
    repositories.configure(world.hub, world.alice, ref, RepoChanges(options=options))
    with pytest.raises(NotAllowed, match="protected"):
        replace(world, ref)
    replace(world, ref, "main", target="v1")
    assert "a" in world.paths(ref, "v1")


def test_files_that_others_have_locked_stay(world: World) -> None:
    ref = world.repo("acme/m", by=world.olga)
    world.add(ref, "locked", by=world.olga)
    branches.create_branch(world.hub, world.olga, ref, "v1", start=None, is_empty=False, overwrites=False)
    world.add(ref, "locked", b"other", by=world.olga, branch="v1")
    locks.take(world.hub, world.wendy, ref, P("locked"), None)
    with pytest.raises(Refused, match="locked"):
        replace(world, ref, by=world.olga)


def test_only_writers_merge(world: World) -> None:
    public, private = world.repo("alice/p"), world.repo("alice/q", visibility="private")
    for caller, error in ((world.bob, NotAllowed), (world.caller("alice", "read"), NotAllowed), (None, LoginRequired)):
        with pytest.raises(error):
            replacements.replace(world.hub, caller, public, "main", "v1", None)
    with pytest.raises(RepoNotFound):
        replacements.replace(world.hub, world.bob, private, "main", "v1", None)


def test_commits_to_either_branch_during_a_merge_are_not_lost(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ref = world.repo()
    branch(world, ref)
    world.add(ref, "first", branch="v1")
    compute, steps = replacements._changes, [("late on main", "main"), ("late on v1", "v1")]
    raced: list[Oid] = []

    def race(*arguments: Any) -> Any:
        if steps:
            path, name = steps.pop(0)
            other = threading.Thread(target=lambda: raced.append(plain(path, name)))
            other.start()
            other.join(30)
        return compute(*arguments)

    def plain(path: str, name: str) -> Oid:
        with monkeypatch.context() as patched:  # past the lock of this process, as another process would
            patched.setattr(BranchLocks, "take", lambda *_names, **_how: contextlib.nullcontext())
            return world.add(ref, path, branch=name)

    monkeypatch.setattr(replacements, "_changes", race)
    made = replace(world, ref)
    assert len(raced) == 2
    assert parents(world, ref, made.oid) == (raced[0], raced[1])
    assert world.paths(ref) == [".gitattributes", "first", "late on v1"]
    with world.hub.read() as tx:
        assert refs.find(tx, world.row_id(ref), MAIN) == made.oid

from __future__ import annotations

from typing import Any

import pytest

from entrepot.errors import Malformed
from entrepot.git import Commit, Kind, Pointer, Signature, oid_of
from entrepot.git.commands import Command
from entrepot.hub.git import push_locks, push_policy
from entrepot.hub.git.push_contents import PushContents
from entrepot.names import MAIN, Oid, RepoRef, Sha256
from tests.support.worlds import World

NEW = Oid("e" * 40)
SOMEBODY = Signature("a", "a@b.example", 1)


def brought(tree: bytes, *parents: Oid, beyond: frozenset[Oid] = frozenset()) -> PushContents:
    """A push of one commit with one tree."""
    oid = oid_of(Kind.TREE, tree)
    commit = Commit(oid, parents, SOMEBODY, SOMEBODY, "m")
    return PushContents({NEW: commit}, {oid: tree}, {}, {}, {}, beyond, [], [])


def refusal(world: World, ref: RepoRef, command: Command, found: PushContents) -> str | None:
    row_id = world.row_id(ref)
    with world.hub.read() as tx:
        from entrepot.catalog.repos import repositories

        row = repositories.by_id(tx, row_id)
        assert row is not None
        guard = push_locks.guard(world.hub, tx, row_id, world.alice.account.id, found)
        return push_policy.find_refusal(tx, row, command, found, guard)


def test_a_history_must_be_whole(world: World) -> None:
    ref = world.repo()
    head = world.head(ref)
    with world.hub.read() as tx:
        push_policy.check_history(tx, world.row_id(ref), brought(b"", head))
        with pytest.raises(Malformed, match="the commit 1111111"):
            push_policy.check_history(tx, world.row_id(ref), brought(b"", Oid("1" * 40)))
        with pytest.raises(Malformed, match="objects that the new commits need"):
            push_policy.check_history(tx, world.row_id(ref), brought(b"", head, beyond=frozenset({Oid("1" * 40)})))


def test_a_push_that_names_no_large_file_admits_none(world: World) -> None:
    ref = world.repo()
    with world.hub.read() as tx:
        assert push_policy.find_revived_pointers(world.hub, tx, world.row_id(ref), brought(b"")) == {}
    nothing: Any = None
    assert push_policy.admit_large(world.hub, world.alice, nothing, brought(b""), {}, nothing) == []


def test_a_pointer_without_its_file_stays_where_it_is_and_goes_nowhere_else(world: World) -> None:
    ref = world.repo()
    sha256, row_id = world.add_large(ref, "w", b"large" * 1000), world.row_id(ref)
    pointer = Pointer(Sha256(sha256), 5000)
    from entrepot.catalog.files import file_links
    from entrepot.git import render_pointer

    blob = oid_of(Kind.BLOB, render_pointer(pointer))
    with world.hub.write() as tx:
        file_links.unlink(tx, row_id, [sha256])
    row = bytes.fromhex(blob)
    same, moved = b"100644 w\0" + row, b"100644 v\0" + row
    with world.hub.read() as tx:
        for tree, expected in ((same, {}), (moved, {"v": pointer}), (moved + same, {"v": pointer})):
            found = brought(tree, world.head(ref), beyond=frozenset({blob}))
            assert push_policy.find_revived_pointers(world.hub, tx, row_id, found) == expected
        orphan = brought(same, beyond=frozenset({blob}))
        assert push_policy.find_revived_pointers(world.hub, tx, row_id, orphan) == {"w": pointer}


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (Command("refs/heads/x", None, NEW), None),
        (Command("refs/tags/x", None, NEW), None),
        (Command("refs/heads/x", None, Oid("1" * 40)), "is missing in the push"),
        (Command("refs/heads/a..b", None, NEW), "invalid branch name"),
        (Command("refs/notes/x", None, NEW), "push to refs/heads/"),
        (Command("refs/pr/1", None, NEW), "through the API"),
        (Command(MAIN, NEW, None), "cannot be deleted"),
    ],
)
def test_commands_are_refused_for_what_they_say(world: World, command: Command, reason: str | None) -> None:
    told = refusal(world, world.repo(), command, brought(b""))
    assert told is None if reason is None else reason in (told or "")

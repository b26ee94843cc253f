from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from entrepot.catalog.git import objects as rows
from entrepot.catalog.repos import repositories
from entrepot.errors import Busy, EntryNotFound, InvalidPath, LimitExceeded, RepoNotFound
from entrepot.git import EMPTY_TREE, Kind, Mode, TreeEditor, oid_of
from entrepot.hub import revisions
from entrepot.hub.accounts import quotas
from entrepot.hub.files import preparation
from entrepot.hub.files.operations import AddFile, AddLarge, Copy, Operation
from entrepot.hub.files.preparation import PreparedCommit, Put, Remove
from entrepot.hub.files.unpublished import Unpublished
from entrepot.hub.repos import repositories as hub_repositories
from entrepot.hub.repos.repositories import RepoChanges
from entrepot.names import Oid, RepoPath, RepoRef
from tests.support.worlds import World

P = RepoPath
BLOB = oid_of(Kind.BLOB, b"x")


def prepare(world: World, ref: RepoRef, *operations: Operation) -> PreparedCommit:
    with world.hub.read() as tx:
        row = repositories.find(tx, ref)
        assert row is not None
        assert row is not None
        branch, quota = revisions.branch(tx, row.id, "main"), quotas.allowance(world.hub, tx, row)
    fresh = Unpublished(world.hub, row.id, quota)
    return preparation.prepare(world.hub, world.alice, row, branch, operations, quota, fresh=fresh)


def unpublished(world: World, ref: RepoRef) -> Unpublished:
    with world.hub.read() as tx:
        row = repositories.find(tx, ref)
        assert row is not None
        return Unpublished(world.hub, row.id, quotas.allowance(world.hub, tx, row))


def editor(**modes: int) -> TreeEditor:
    made = TreeEditor(EMPTY_TREE, lambda _oid: b"")
    for name, mode in modes.items():
        made.put(P(name), mode, BLOB)
    return made


def test_writing_keeps_what_was_executable_and_nothing_else() -> None:
    tree = editor(run=Mode.EXECUTABLE, link=Mode.SYMLINK)
    for name in ("run", "link", "new"):
        Put(P(name), Mode.FILE, Oid("1" * 40)).apply(tree)
    modes = {name: tree.find(P(name)).mode for name in ("run", "link", "new")}
    assert modes == {"run": Mode.EXECUTABLE, "link": Mode.FILE, "new": Mode.FILE}


def test_removing_a_missing_path_is_an_error() -> None:
    tree = editor(f=Mode.FILE)
    for edit in (Remove(P("g")), Remove(P("f"), is_folder=True)):
        with pytest.raises(EntryNotFound):
            edit.apply(tree)
    Remove(P("f")).apply(tree)
    assert tree.find(P("f")) is None


def test_bytes_are_stored_before_anything_is_named(world: World) -> None:
    ref = world.repo()
    head = world.head(ref)
    prepared = prepare(world, ref, AddFile(P("a"), b"1"), AddFile(P("b"), b"2" * 300_000))
    with world.hub.read() as tx:
        assert rows.are_present(tx, world.row_id(ref), prepared.objects)
    assert len(prepared.objects) == 2
    assert len(list(world.hub.store.blobs.list("files/"))) == 1
    assert world.head(ref) == head


def test_a_few_small_objects_are_left_to_the_publication_or_stored_on_request(world: World) -> None:
    ref = world.repo()
    prepared = prepare(world, ref, AddFile(P("a"), b"1"), AddFile(P("b"), b"2"))
    oids = [oid_of(Kind.BLOB, content) for content in (b"1", b"2")]
    assert ([row.oid for row in prepared.rows], prepared.objects) == (oids, frozenset())
    with world.hub.read() as tx:
        assert not any(rows.are_present(tx, world.row_id(ref), [oid]) for oid in oids)
    stored = preparation.stored(world.hub, world.row_id(ref), prepared, unpublished(world, ref))
    assert (stored.rows, stored.objects) == ((), set(oids))
    with world.hub.read() as tx:
        assert rows.are_present(tx, world.row_id(ref), oids)


@pytest.mark.parametrize("contents", [[os.urandom(300)] * 33, [os.urandom(90_000) for _ in range(3)]])
def test_many_objects_or_bytes_are_stored_before_the_publication(world: World, contents: list[bytes]) -> None:
    ref = world.repo()
    prepared = prepare(world, ref, *(AddFile(P(f"f{at}"), content) for at, content in enumerate(contents)))
    assert prepared.rows == ()
    with world.hub.read() as tx:
        assert rows.are_present(tx, world.row_id(ref), {oid_of(Kind.BLOB, content) for content in contents})


def test_only_one_content_is_held_at_a_time(world: World) -> None:
    import weakref

    ref, alive = world.repo(), weakref.WeakValueDictionary[int, AddFile]()
    most = 0

    def operations() -> Iterator[Operation]:
        nonlocal most
        for number in range(10):
            alive[number] = operation = AddFile(P(f"f{number}"), bytes([number]) * 10_000)
            most = max(most, len(alive))
            yield operation

    with world.hub.read() as tx:
        row = repositories.find(tx, ref)
        assert row is not None
        branch, quota = revisions.branch(tx, row.id, "main"), quotas.allowance(world.hub, tx, row)
    fresh = Unpublished(world.hub, row.id, quota)
    preparation.prepare(world.hub, world.alice, row, branch, operations(), quota, fresh=fresh)
    assert most <= 2


def test_touched_paths_are_those_written_removed_and_copied_from(world: World) -> None:
    ref, other = world.repo(), world.repo("alice/other")
    sha256 = world.upload(ref, b"l")
    world.add(ref, "s")
    prepared = prepare(
        world,
        ref,
        AddFile(P("a"), b"", moved_from=P("b")),
        AddLarge(P("l"), sha256),
        Copy(P("c"), P("s")),
        Copy(P("d"), P(".gitattributes"), repo=other),
    )
    assert prepared.touched == {"a", "b", "l", "s", "c", "d"}
    assert prepared.large == ((sha256, "l"),)


@pytest.mark.parametrize("is_elsewhere", [True, False])
def test_a_source_swept_while_it_is_copied_is_noticed(
    world: World, monkeypatch: pytest.MonkeyPatch, is_elsewhere: bool
) -> None:
    ref, source = world.repo(), world.repo("alice/source")
    origin = source if is_elsewhere else ref
    world.add(origin, "d/f", b"unique")
    monkeypatch.setattr(rows, "copy" if is_elsewhere else "touch", lambda *_arguments: 1)
    with pytest.raises(Busy):
        prepare(world, ref, Copy(P("c"), P("d"), repo=origin))


def test_a_source_that_becomes_private_while_it_is_copied_is_not_copied(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref, source = world.repo(), world.repo("bob/source")
    world.add(source, "d/f", b"unique", by=world.bob)
    measure = preparation._closure

    def hiding(*arguments: Any) -> Any:
        hub_repositories.configure(world.hub, world.bob, source, RepoChanges(visibility="private"))
        return measure(*arguments)

    monkeypatch.setattr(preparation, "_closure", hiding)
    with pytest.raises(RepoNotFound):
        prepare(world, ref, Copy(P("c"), P("d"), repo=source))


def test_a_folder_with_equal_files_is_copied(world: World) -> None:
    ref, source = world.repo(), world.repo("alice/source")
    world.commit(source, *(AddFile(P(f"d/{n}"), b"same") for n in range(5)))
    world.commit(ref, Copy(P("c"), P("d"), repo=source))
    assert [path for path in world.paths(ref) if path.startswith("c/")] == [f"c/{n}" for n in range(5)]


def test_copies_into_copies_cannot_grow_deeper_than_any_path(world: World) -> None:
    ref = world.repo()
    world.add(ref, "d/" * 100 + "f")
    before = world.head(ref)
    with pytest.raises(InvalidPath, match="deeper than 128 levels"):
        world.commit(ref, Copy(P("d/" * 99 + "copy"), P("d")))
    assert world.head(ref) == before


def test_a_folder_of_too_many_entries_is_not_copied(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ref = world.repo()
    world.commit(ref, *(AddFile(P(f"d/{n}"), b"same") for n in range(4)))
    monkeypatch.setattr(preparation, "_MAX_COPIED", 4)
    world.commit(ref, Copy(P("d/c"), P("d")))
    with pytest.raises(LimitExceeded, match="exceeds the limit of 4; copy parts of it"):
        world.commit(ref, Copy(P("d/e"), P("d")))


def test_one_commit_does_not_copy_a_folder_many_times(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ref = world.repo()
    world.commit(ref, *(AddFile(P(f"d/{n}"), b"same") for n in range(4)))
    monkeypatch.setattr(preparation, "_MAX_COPIED", 8)
    before = world.head(ref)
    with pytest.raises(LimitExceeded, match="in several commits"):
        world.commit(ref, *(Copy(P(f"c{n}"), P("d")) for n in range(3)))
    assert world.head(ref) == before
    world.commit(ref, *(Copy(P(f"c{n}"), P("d")) for n in range(2)), *(Copy(P(f"f{n}"), P("d/1")) for n in range(9)))

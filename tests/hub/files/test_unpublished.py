from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator

import pytest

from entrepot.errors import Busy, EntrepotError, EntryNotFound
from entrepot.hub.accounts import quotas
from entrepot.hub.files import bulk_uploads
from entrepot.hub.files.operations import AddFile, Delete, Operation
from entrepot.hub.repos import commits, staged_changes
from entrepot.hub.repos.commits import CommitDraft
from entrepot.hub.repos.pulls import openings
from entrepot.hub.repos.staged_commits import StagedPolicy
from entrepot.names import RepoPath, RepoRef, Sha256
from tests.support.worlds import World

P = RepoPath


def used(world: World) -> int:
    return quotas.show(world.hub, "alice").used


def commit(world: World, ref: RepoRef, operations: Iterator[Operation]) -> None:
    commits.create(world.hub, world.alice, ref, "main", CommitDraft("s", operations))


def propose(world: World, ref: RepoRef, operations: Iterator[Operation]) -> None:
    openings.open_with_commit(world.hub, world.alice, ref, "main", CommitDraft("s", operations))


def stage(world: World, ref: RepoRef, operations: Iterator[Operation]) -> None:
    staged_changes.stage(world.hub, world.alice, ref, "main", operations)


def refuse(world: World, ref: RepoRef, content: bytes, meanwhile: Callable[[], object]) -> None:
    """Send a commit that stores a file and is refused, after something else was done with the same content."""

    def operations() -> Iterator[Operation]:
        yield AddFile(P("a"), content)
        yield from (AddFile(P(f"small/{number}"), b"%d" % number) for number in range(2_500))
        meanwhile()
        yield Delete(P("missing"))

    with pytest.raises(EntryNotFound):
        commit(world, ref, operations())


@pytest.mark.parametrize("write", [commit, propose, stage])
@pytest.mark.parametrize("limit", [None, 10_000_000])
def test_a_refused_write_leaves_no_objects_that_count(
    world: World, write: Callable[[World, RepoRef, Iterator[Operation]], None], limit: int | None
) -> None:
    ref = world.repo()
    quotas.change(world.hub, "alice", {"max_bytes": limit})
    world.clock.advance(1_000)
    before = used(world)

    def operations() -> Iterator[Operation]:
        yield AddFile(P("large"), os.urandom(300_000))
        yield from (AddFile(P(f"small/{number}"), os.urandom(200)) for number in range(2_500))
        yield AddFile(P("../bad"), b"") if write is stage else Delete(P("missing"))
        if write is stage:
            raise EntryNotFound(P("missing"), world.head(ref))

    with pytest.raises(EntryNotFound):
        write(world, ref, operations())
    assert used(world) == before


def test_objects_that_another_write_uses_by_now_stay(world: World) -> None:
    ref, content = world.repo(), os.urandom(300_000)
    world.clock.advance(1_000)
    refuse(world, ref, content, lambda: stage(world, ref, iter([AddFile(P("b"), content)])))
    commits.create(world.hub, world.alice, ref, "main", CommitDraft("s", [], staged=StagedPolicy(force=True)))
    assert world.read(ref, "b") == content


def test_objects_that_a_ref_may_lead_to_by_now_stay(world: World) -> None:
    ref, content = world.repo(), os.urandom(300_000)
    world.clock.advance(1_000)
    refuse(world, ref, content, lambda: world.add(ref, "b", content))
    assert world.read(ref, "b") == content


def test_a_write_that_will_be_repeated_keeps_what_it_has_stored(world: World) -> None:
    ref, before = world.repo(), used(world)

    def operations() -> Iterator[Operation]:
        yield from (AddFile(P(f"small/{number}"), b"%d" % number) for number in range(2_500))
        raise Busy("the repository")

    with pytest.raises(EntrepotError):
        commit(world, ref, operations())
    assert used(world) > before


def test_bytes_of_a_refused_write_count_no_longer(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    quotas.change(world.hub, "alice", {"max_bytes": 10_000_000})
    ref, counted = world.repo(), list[int]()
    monkeypatch.setattr(world.hub.usage_cache, "add", lambda _namespace_id, size: counted.append(size))
    operations: list[Operation] = [AddFile(P("a"), b"x"), Delete(P("missing"))]
    refused = CommitDraft("s", operations, inline_bytes=1_000)
    with pytest.raises(EntryNotFound):
        commits.create(world.hub, world.alice, ref, "main", refused)
    assert sum(counted) == 0
    files = [bulk_uploads.UploadedFile(Sha256(hashlib.sha256(b"large").hexdigest()), b"large")]

    def fail(*_arguments: object) -> None:
        raise Busy("this file")

    monkeypatch.setattr(bulk_uploads, "_record", fail)
    with pytest.raises(Busy):
        bulk_uploads.receive_files(world.hub, world.alice, ref, files, revision="main")
    assert counted[-2:] == [5, -5]

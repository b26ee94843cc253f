from __future__ import annotations

import random

import pytest

from entrepot.errors import GatedRepo, NotAllowed, RepoMoved, RepoNotFound, RevisionNotFound
from entrepot.hub.files.operations import AddLarge, Delete
from entrepot.hub.jobs import maintenance
from entrepot.hub.repos import branches, repositories, storage_costs
from entrepot.hub.repos.repositories import RepoChanges
from entrepot.hub.repos.storage_costs import OPERATOR, StorageCost
from entrepot.names import RepoId, RepoPath, RepoRef, RepoType, Sha256
from tests.support import hub_work
from tests.support.chunk_sender import Sender
from tests.support.worlds import World

P = RepoPath


def size(world: World, key: str) -> int:
    found = world.hub.store.blobs.stat(key)
    assert found is not None
    return found.size


def noise(seed: int, size: int) -> bytes:
    return random.Random(seed).randbytes(size)


def cost(world: World, ref: RepoRef, revision: str | None = None) -> tuple[int, int, int, int]:
    """Return (logical, stored, shared, freed)."""
    if revision is None:
        found = storage_costs.of_repo(world.hub, OPERATOR, ref)
    else:
        found = storage_costs.of_revision(world.hub, OPERATOR, ref, revision)
    return found.logical, found.stored, found.shared, found.freed


def collected(world: World) -> int:
    """Return the bytes freed by a real sweep, as the disk counts them."""
    blobs = world.hub.store.blobs
    before = sum(stat.size for stat in blobs.list(""))
    world.clock.advance(1)
    told = sum(
        item.size for item in maintenance.gc(world.hub, grace_ms=0, bumps_epoch=True) if item.kind in ("file", "xorb")
    )
    gone = before - sum(stat.size for stat in blobs.list(""))
    assert told == gone
    return gone


def test_an_empty_repository_costs_nothing(world: World) -> None:
    ref = world.repo()
    assert cost(world, ref) == (0, 0, 0, 0)
    assert storage_costs.of_everything(world.hub) == [StorageCost("model alice/m", 0, 0, 0, 0)]


def test_raw_files_cost_their_size_once(world: World) -> None:
    one, two = world.repo("alice/one"), world.repo("bob/two")
    world.add_large(one, "a", noise(1, 1000))
    world.add_large(one, "again", noise(1, 1000))
    world.add_large(one, "b", noise(2, 300))
    world.add_large(two, "b", noise(2, 300))
    assert cost(world, one) == (1300, 1300, 300, 1000)
    assert cost(world, two) == (300, 300, 300, 0)
    repositories.delete(world.hub, world.alice, one)
    assert collected(world) == 1000
    assert cost(world, two) == (300, 300, 0, 300)
    repositories.delete(world.hub, world.bob, two)
    assert collected(world) == 300


def test_a_shared_xorb_is_freed_by_the_last_who_needs_it(world: World, sender: Sender) -> None:
    one, two = world.repo("alice/one"), world.repo("bob/two")
    pieces = sender.chunks(1, 8)
    shared, own = sender.xorb(pieces), sender.xorb(sender.chunks(2))
    given = sender.give(one)
    for xorb in (shared, own):
        sender.send(given, xorb)
    sender.register(given, [sender.block([(shared, 0, 8), (own, 0, 4)], "a" * 64)], [shared, own])
    world.commit(one, AddLarge(P("w"), Sha256("a" * 64), None))
    sender.send(sender.give(two), shared)
    sender.register(sender.give(two), [sender.block([(shared, 3, 4)], "b" * 64)])
    world.commit(two, AddLarge(P("w"), Sha256("b" * 64), None))
    s, o = len(shared.data), len(own.data)
    assert cost(world, one) == (12_000, s + o, s, o)
    assert cost(world, two) == (1000, s, s, 0)
    assert [found.freed for found in storage_costs.of_everything(world.hub)] == [o, 0]
    repositories.delete(world.hub, world.alice, one)
    assert cost(world, two) == (1000, s, 0, s)
    assert collected(world) == o
    repositories.delete(world.hub, world.bob, two)
    assert collected(world) == s


def test_the_figures_are_those_of_chunks_once_a_file_is_chunked(world: World, sender: Sender) -> None:
    one, two = world.repo("alice/one"), world.repo("bob/two")
    data = noise(1, 200_000) + bytes(200_000)
    for ref in (one, two):
        world.add_large(ref, "w", data)
    assert cost(world, one) == (400_000, 400_000, 400_000, 0)
    for ref in (one, two):
        hub_work.chunk_files(world.hub, world.row_id(ref))
    stored = sum(size(world, key) for key in sender.stored())
    assert stored < 250_000
    assert cost(world, one) == cost(world, two) == (400_000, stored, stored, 0)
    repositories.delete(world.hub, world.alice, one)
    assert collected(world) == 0
    assert cost(world, two) == (400_000, stored, 0, stored)
    repositories.delete(world.hub, world.bob, two)
    assert collected(world) == stored


def test_a_claim_of_another_repository_keeps_no_raw_bytes(world: World, sender: Sender) -> None:
    private, other = world.repo("alice/p", visibility="private"), world.repo("bob/m")
    pieces = sender.chunks(1, 20)
    data = b"".join(pieces)
    sha256 = world.add_large(private, "w", data)
    sender.add(other, "w", sender.chunks(2), sha256=sha256)
    x = len(sender.xorb(sender.chunks(2)).data)
    assert cost(world, private) == (20_000, 20_000, 0, 20_000)
    assert cost(world, other) == (4000, x, 0, x)
    repositories.delete(world.hub, world.alice, private)
    assert collected(world) == 20_000
    assert world.read(other, "w") == b"".join(sender.chunks(2))
    repositories.delete(world.hub, world.bob, other)
    assert collected(world) == x


def test_bytes_that_a_git_object_elsewhere_needs_are_shared(world: World) -> None:
    one, two = world.repo("alice/one"), world.repo("bob/two")
    data = noise(1, 300_000)
    world.add_large(one, "w", data)
    world.add(two, "inline", data)
    assert cost(world, one) == (300_000, 300_000, 300_000, 0)
    repositories.delete(world.hub, world.alice, one)
    assert collected(world) == 0
    assert world.read(two, "inline") == data


def test_a_revision_costs_what_its_tree_holds(world: World) -> None:
    ref = world.repo()
    world.add_large(ref, "a", noise(1, 1000))
    world.add(ref, "small", b"12345")
    first = world.head(ref)
    attributes = world.read(ref, ".gitattributes")
    small = 5 + len(attributes)
    assert cost(world, ref, "main") == (1000 + small, 1000, 0, 1000)
    world.add_large(ref, "twice", noise(1, 1000))
    world.commit(ref, Delete(P("small")))
    more_attributes = world.read(ref, ".gitattributes")  # each large file has a line in it
    assert cost(world, ref, "main") == (2000 + len(more_attributes), 1000, 0, 1000)
    # The first commit is freed only with its branch.
    assert cost(world, ref, first) == (1000 + small, 1000, 1000, 0)


def test_files_that_other_refs_lead_to_are_not_freed_with_a_revision(world: World) -> None:
    ref = world.repo()
    world.add_large(ref, "a", noise(1, 1000))
    branches.create_tag(world.hub, world.alice, ref, "main", "v1", "annotated")
    branches.create_branch(world.hub, world.alice, ref, "dev", start="main", is_empty=False, overwrites=False)
    world.add_large(ref, "b", noise(2, 300), branch="dev")
    base, of_dev = (len(world.read(ref, ".gitattributes", branch)) for branch in ("main", "dev"))
    assert cost(world, ref, "dev") == (1300 + of_dev, 1300, 1000, 300)
    assert cost(world, ref, "v1") == (1000 + base, 1000, 1000, 0)
    branches.delete_branch(world.hub, world.alice, ref, "dev")
    assert collected(world) == 300
    assert cost(world, ref, "v1") == (1000 + base, 1000, 0, 1000)


def test_deleting_a_branch_frees_what_its_revision_promised(world: World, sender: Sender) -> None:
    ref, other = world.repo(), world.repo("bob/m")
    sender.add(ref, "a", sender.chunks(1))
    branches.create_branch(world.hub, world.alice, ref, "dev", start="main", is_empty=False, overwrites=False)
    _, sha256 = sender.upload(ref, sender.chunks(2))
    _, elsewhere = sender.upload(ref, sender.chunks(3))
    world.commit(ref, AddLarge(P("b"), sha256, None), AddLarge(P("c"), elsewhere, None), branch="dev")
    sender.add(other, "c", sender.chunks(3))
    one, two, three = (len(sender.xorb(sender.chunks(n)).data) for n in (1, 2, 3))
    base = len(world.read(ref, ".gitattributes", "dev"))
    assert cost(world, ref, "dev") == (12_000 + base, one + two + three, one + three, two)
    branches.delete_branch(world.hub, world.alice, ref, "dev")
    assert collected(world) == two
    assert cost(world, ref) == (4000, one, 0, one)


def test_figures_are_for_those_who_may_read(world: World) -> None:
    private = world.repo("alice/p", visibility="private")
    gated = world.repo("alice/g")
    repositories.configure(world.hub, world.alice, gated, RepoChanges(gated="auto"))
    for caller in (None, world.bob):
        with pytest.raises(RepoNotFound):
            storage_costs.of_repo(world.hub, caller, private)
        with pytest.raises(GatedRepo):
            storage_costs.of_revision(world.hub, caller, gated, "main")
    assert storage_costs.of_repo(world.hub, world.alice, private).name == "model alice/p"
    assert storage_costs.of_revision(world.hub, world.alice, gated, "main").name == "model alice/g@main"
    with pytest.raises(RevisionNotFound):
        storage_costs.of_revision(world.hub, OPERATOR, gated, "nope")
    with pytest.raises(RepoNotFound):
        storage_costs.of_repo(world.hub, OPERATOR, RepoRef(RepoType.MODEL, RepoId("alice", "none")))
    repositories.move(world.hub, world.alice, gated, RepoRef(RepoType.MODEL, RepoId("alice", "new")))
    with pytest.raises(RepoMoved):
        storage_costs.of_repo(world.hub, world.alice, gated)


def test_all_repositories_are_read_in_pages(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage_costs, "_PAGE", 2)
    names = [f"alice/r{number}" for number in range(5)]
    for name in names:
        world.repo(name)
    assert [found.name for found in storage_costs.of_everything(world.hub)] == [f"model {name}" for name in names]


def test_a_cost_is_five_fields() -> None:
    assert storage_costs.as_fields(StorageCost("model a/b", 4, 3, 2, 1)) == {
        "name": "model a/b",
        "logical": 4,
        "stored": 3,
        "shared": 2,
        "freed": 1,
    }


def test_writers_see_the_costs_of_refs(world: World) -> None:
    ref = world.repo("alice/measured")
    world.add_large(ref, "a.bin", b"a" * 50_000)
    found = storage_costs.of_refs(world.hub, world.alice, ref, most=5)
    assert [(item.ref, item.cost.stored) for item in found.refs] == [("refs/heads/main", found.total.stored)]
    assert storage_costs.of_refs(world.hub, world.alice, ref, most=0).left_out == 1
    with pytest.raises(NotAllowed):
        storage_costs.of_refs(world.hub, world.bob, ref, most=5)


def test_callers_see_the_chunks_of_a_repository_and_nothing_of_its_neighbours_in_a_xorb(
    world: World, sender: Sender
) -> None:
    """The owner has sent the chunks of a public file together with those of private ones."""
    seen, pieces = [], sender.chunks("public", 3)
    for name, before, after in (("alone", 0, 0), ("beside", 2, 5)):
        public, private = world.repo(f"alice/{name}"), world.repo(f"alice/p-{name}", visibility="private")
        xorb = sender.xorb([*sender.chunks(f"{name}-", before), *pieces, *sender.chunks(f"-{name}", after)])
        given = sender.give(public)
        sender.send(given, xorb)
        sender.register(given, [sender.block([(xorb, before, before + 2)], "a" * 64)], [xorb])
        sender.register(given, [sender.block([(xorb, before + 1, before + 3)], "b" * 64)], [xorb])
        sender.register(sender.give(private), [sender.block([(xorb, 0, xorb.index.count)], "c" * 64)], [xorb])
        for path in ("a", "b"):
            world.commit(public, AddLarge(P(path), Sha256(path * 64), None))
        world.commit(private, AddLarge(P("c"), Sha256("c" * 64), None))
        found = [storage_costs.of_repo(world.hub, by, public) for by in (None, world.bob)]
        found.append(storage_costs.of_revision(world.hub, world.bob, public, "main"))
        seen.append([(one.logical, one.stored, one.shared, one.freed) for one in found])
        own = xorb.index.offset(before + 3) - xorb.index.offset(before)
        assert seen[-1][0] == (4000, own, 0, own)
        assert cost(world, public)[1] == len(xorb.data)
    assert seen[0][:2] == seen[1][:2]
    assert seen[0][2][1:] == seen[1][2][1:]


def test_uploads_that_no_commit_names_count_for_those_who_may_use_them(world: World) -> None:
    ref, other = world.repo("alice/m"), world.repo("bob/m")
    world.add_large(ref, "a", noise(1, 1000))
    world.upload(ref, noise(2, 300), world.alice)
    found = [storage_costs.of_repo(world.hub, caller, ref) for caller in (None, world.bob, world.alice, OPERATOR)]
    assert [(one.stored, one.freed) for one in found] == [(1000, 1000)] * 2 + [(1300, 1300)] * 2
    world.upload(other, noise(1, 1000), world.bob)
    found = [storage_costs.of_repo(world.hub, caller, ref) for caller in (None, world.alice, OPERATOR)]
    assert [one.shared for one in found] == [0, 0, 1000]

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator

import pytest

from entrepot.catalog import Write
from entrepot.catalog.repos import push_reservations as rows
from entrepot.errors import Busy
from entrepot.hub.accounts import quotas
from entrepot.hub.files.operations import AddFile
from entrepot.hub.repos import commits, push_reservations, repositories
from entrepot.hub.repos.commits import CommitDraft
from entrepot.hub.repos.push_reservations import (
    BREATH_MS,
    LONGEST_MS,
    MEMORY_MS,
    REST_MS,
    SIGN_MS,
    PushWaiter,
    RepositoryReserved,
    ReservationWaiter,
)
from entrepot.names import MAIN, RepoPath, RepoRef
from tests.support.worlds import World

ME = 7


def is_held(world: World, ref: RepoRef, waiter: ReservationWaiter | None = None) -> bool:
    with world.hub.read() as tx:
        return (waiter or ReservationWaiter()).is_held(world.hub, tx, world.row_id(ref))


def attempt(world: World, ref: RepoRef, account: int = ME, waiter: PushWaiter | None = None) -> None:
    (waiter or PushWaiter()).note_try(world.hub, world.row_id(ref), account)


def must_wait(world: World, ref: RepoRef, account: int, waiter: PushWaiter | None = None) -> bool:
    try:
        attempt(world, ref, account, waiter)
    except RepositoryReserved:
        return True
    return False


def finish(world: World, ref: RepoRef) -> None:
    with world.hub.write() as tx:
        push_reservations.end(tx, world.row_id(ref), ME, world.hub.now_ms())


def test_the_second_try_in_a_minute_gets_a_turn_and_a_push_ends_it(world: World) -> None:
    ref = world.repo()
    attempt(world, ref)
    assert not is_held(world, ref)
    world.clock.now_ms += MEMORY_MS
    attempt(world, ref)
    assert is_held(world, ref)
    finish(world, ref)
    assert not is_held(world, ref)
    attempt(world, ref)
    assert not is_held(world, ref)


def test_a_try_counts_for_one_minute_and_for_one_account_and_repository(world: World) -> None:
    ref, other = world.repo(), world.repo("alice/other")
    attempt(world, ref)
    attempt(world, ref, ME + 1)
    attempt(world, other)
    assert not is_held(world, ref)
    assert not is_held(world, other)
    world.clock.now_ms += MEMORY_MS + 1
    attempt(world, ref)
    assert not is_held(world, ref)


def test_a_push_that_found_its_ref_moved_has_a_turn_immediately(world: World) -> None:
    ref = world.repo()
    push_reservations.note_loss(world.hub, world.row_id(ref), ME)
    assert is_held(world, ref)


def test_a_turn_ends_without_signs_and_signs_renew_it_for_a_limited_time(world: World) -> None:
    ref = world.repo()
    push_reservations.note_loss(world.hub, world.row_id(ref), ME)
    for passed in range(0, LONGEST_MS, SIGN_MS - 1):
        assert is_held(world, ref), passed
        world.clock.now_ms += SIGN_MS - 1
        push_reservations.note_pack(world.hub, world.row_id(ref), ME)
    assert not is_held(world, ref)
    assert must_wait(world, ref, ME)  # it rests
    push_reservations.note_loss(world.hub, world.row_id(ref), ME)
    assert not is_held(world, ref)
    world.clock.now_ms += REST_MS
    attempt(world, ref)
    assert is_held(world, ref)
    world.clock.now_ms += SIGN_MS
    assert not is_held(world, ref)


def test_one_account_at_a_time_has_a_turn_and_others_who_push_wait(world: World) -> None:
    ref, other = world.repo(), PushWaiter()
    row_id = world.row_id(ref)
    push_reservations.note_loss(world.hub, row_id, ME)
    assert must_wait(world, ref, ME + 1, other)
    assert other.look(world.hub, row_id)
    push_reservations.note_loss(world.hub, row_id, ME + 2)  # it knew the refs already, and lost too
    finish(world, ref)
    assert not is_held(world, ref)
    assert must_wait(world, ref, ME + 1, other)  # writers over HTTP come first
    world.clock.now_ms += BREATH_MS
    assert not other.look(world.hub, row_id)
    attempt(world, ref, ME + 1, other)
    assert is_held(world, ref)  # it has waited for a push, so it has lost this race
    assert must_wait(world, ref, ME + 2)
    assert must_wait(world, ref, ME)


def test_a_first_try_waits_for_a_push_under_way_only(world: World) -> None:
    ref = world.repo()
    push_reservations.note_loss(world.hub, world.row_id(ref), ME)
    finish(world, ref)
    attempt(world, ref, ME + 1)
    assert not is_held(world, ref)
    assert must_wait(world, ref, ME + 1)  # the second one has to wait until writers had a turn


def test_who_has_pushed_may_have_the_next_turn_without_a_rest(world: World) -> None:
    ref = world.repo()
    push_reservations.note_loss(world.hub, world.row_id(ref), ME)
    finish(world, ref)
    attempt(world, ref)
    assert not is_held(world, ref)
    push_reservations.note_loss(world.hub, world.row_id(ref), ME)
    assert is_held(world, ref)


def test_the_patience_of_who_pushes_ends(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(push_reservations, "PUSH_PATIENCE_S", 0.1)
    ref, other, looks = world.repo(), PushWaiter(), []
    row_id = world.row_id(ref)
    push_reservations.note_loss(world.hub, row_id, ME)
    assert must_wait(world, ref, ME + 1, other)

    async def still_held() -> bool:
        looks.append(other.look(world.hub, row_id))
        return looks[-1]

    asyncio.run(other.wait(still_held))
    assert looks[-1]
    attempt(world, ref, ME + 1, other)
    with world.hub.read() as tx:
        assert rows.end_of_others(tx, row_id, ME) == 0  # it goes on without a reservation


def test_sending_objects_renews_a_turn_but_gives_none(world: World) -> None:
    ref = world.repo()
    push_reservations.note_pack(world.hub, world.row_id(ref), ME)
    attempt(world, ref)
    push_reservations.note_pack(world.hub, world.row_id(ref), ME)
    assert not is_held(world, ref)


def test_a_deleted_repository_has_no_reservations(world: World) -> None:
    ref = world.repo()
    row_id = world.row_id(ref)
    repositories.delete(world.hub, world.alice, ref)
    push_reservations.note_loss(world.hub, row_id, ME)
    PushWaiter().note_try(world.hub, row_id, ME)
    with world.hub.read() as tx:
        assert rows.find(tx, row_id, ME) is None


def test_a_database_that_cannot_be_written_fails_no_push(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ref = world.repo()
    row_id = world.row_id(ref)
    push_reservations.note_loss(world.hub, row_id, ME)

    @contextlib.contextmanager
    def write(*_locks: object, **_more: object) -> Iterator[Write]:
        raise Busy("the database")
        yield

    with monkeypatch.context() as patched:
        patched.setattr(world.hub.store.catalog, "write", write)
        for note in (PushWaiter().note_try, push_reservations.note_pack, push_reservations.note_loss):
            note(world.hub, row_id, ME)
    assert is_held(world, ref)


def test_a_writer_waits_until_the_push_has_ended(world: World) -> None:
    ref = world.repo()
    push_reservations.note_loss(world.hub, world.row_id(ref), ME)
    before, order = world.head(ref), []

    def write() -> None:
        world.add(ref, "a", b"1")
        order.append("written")

    writing = threading.Thread(target=write)
    writing.start()
    writing.join(0.3)
    assert world.head(ref) == before
    order.append("pushed")
    finish(world, ref)
    writing.join(60)
    assert order == ["pushed", "written"]


def test_patience_ends(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(push_reservations, "PATIENCE_S", 0.1)
    ref = world.repo()
    push_reservations.note_loss(world.hub, world.row_id(ref), ME)
    waiter = ReservationWaiter()
    assert is_held(world, ref, waiter)
    waiter.pause(world.hub, world.row_id(ref))  # the clock of the hub stands still, so the reservation goes on
    assert not is_held(world, ref, waiter)
    world.add(ref, "a", b"1")
    assert world.read(ref, "a") == b"1"


def test_a_writer_that_may_not_block_begins_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(push_reservations, "_PAUSE_S", 0.0)
    ref = world.repo()
    row_id = world.row_id(ref)
    push_reservations.note_loss(world.hub, row_id, ME)
    waiter, looks = ReservationWaiter(blocks=False), []
    assert is_held(world, ref, waiter)
    with pytest.raises(RepositoryReserved) as raised:
        waiter.pause(world.hub, row_id)
    assert (raised.value.waiter, raised.value.repo_id) == (waiter, row_id)

    async def still_held() -> bool:
        looks.append(waiter.look(world.hub, row_id))
        finish(world, ref)
        return looks[-1]

    asyncio.run(waiter.wait(still_held))
    assert looks == [True, False]
    waiter.pause(world.hub, row_id)  # nobody has a reservation
    push_reservations.note_loss(world.hub, row_id, ME)
    assert not is_held(world, ref, ReservationWaiter(patience_s=0))


def test_a_commit_that_begins_again_counts_its_bytes_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ref = world.repo()
    added: list[int] = []
    monkeypatch.setattr(quotas.Allowance, "spend", lambda _self, size: added.append(size))
    push_reservations.note_loss(world.hub, world.row_id(ref), ME)
    waiter = ReservationWaiter(blocks=False)

    def commit() -> None:
        draft = CommitDraft("add", [AddFile(RepoPath("a"), b"1234")], inline_bytes=4)
        commits.create(world.hub, world.alice, ref, "main", draft, waiter)

    with pytest.raises(RepositoryReserved):
        commit()
    finish(world, ref)
    waiter.look(world.hub, world.row_id(ref))
    commit()
    assert world.read(ref, "a") == b"1234"
    assert added == [4, 0]


def test_a_change_is_tried_again_until_it_succeeds_and_not_for_ever(world: World) -> None:
    ref, tries = world.repo(), iter([None, None, "moved"])
    row_id, waiter = world.row_id(ref), ReservationWaiter()
    assert waiter.persist(world.hub, row_id, MAIN, lambda: next(tries)) == "moved"
    with pytest.raises(Busy):
        waiter.persist(world.hub, row_id, MAIN, lambda: None)

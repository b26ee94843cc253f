from __future__ import annotations

import pytest

from entrepot.catalog.repos import push_reservations
from entrepot.errors import (
    LimitExceeded,
    LoginRequired,
    Malformed,
    NotAllowed,
    StoreFull,
)
from entrepot.git.commands import CommandStatus, PushRequest
from entrepot.hub.git import pushes
from entrepot.hub.repos.pulls import openings
from entrepot.hub.repos.push_reservations import PushWaiter
from entrepot.names import MAIN
from tests.support.git_authors import Author, reasons
from tests.support.worlds import World


def test_a_push_that_lost_a_race_gets_a_turn_that_its_success_ends(author: Author, world: World) -> None:
    old, new = world.head(author.ref), author.commit(a=b"1")
    lost = author.push((MAIN, old, new), meanwhile=lambda: world.add(author.ref, "b", b"2"))
    assert "moved in the meantime" in (reasons(lost)[MAIN] or "")
    row_id, me = world.row_id(author.ref), world.alice.account.id
    with world.hub.read() as tx:
        assert push_reservations.end_of(tx, row_id) > world.hub.now_ms()
    head = pushes.advertise(world.hub, world.alice, author.ref, PushWaiter())[0][1]
    assert author.push((MAIN, head, new), words="atomic") == [CommandStatus(MAIN, None)]
    with world.hub.read() as tx:
        found = push_reservations.find(tx, row_id, me)
    assert found is not None
    assert found.until_ms <= world.hub.now_ms()


def test_an_atomic_push_that_lost_gets_a_turn_too(author: Author, world: World) -> None:
    old, new = world.head(author.ref), author.commit(a=b"1")
    commands = (MAIN, old, new), ("refs/heads/dev", None, new)
    author.push(*commands, words="atomic", meanwhile=lambda: world.add(author.ref, "b", b"2"))
    with world.hub.read() as tx:
        assert push_reservations.end_of(tx, world.row_id(author.ref)) > world.hub.now_ms()


def test_who_may_push_to_a_pull_request_only_gets_no_reservation(author: Author, world: World) -> None:
    openings.open_draft(world.hub, world.bob, author.ref, "Mine", "text")
    for _ in range(3):
        pushes.advertise(world.hub, world.bob, author.ref, PushWaiter())
    with world.hub.read() as tx:
        assert push_reservations.find(tx, world.row_id(author.ref), world.bob.account.id) is None


def test_only_writers_push(author: Author, world: World) -> None:
    for caller, error in ((world.bob, NotAllowed), (world.caller("alice", "read"), NotAllowed), (None, LoginRequired)):
        with pytest.raises(error):
            pushes.list_refs(world.hub, caller, author.ref)
        with pytest.raises(error):
            pushes.begin(world.hub, caller, author.ref, PushRequest((), frozenset()))


def test_the_reason_for_refusing_a_pack_is_reported_with_advice(author: Author, world: World) -> None:
    push = pushes.begin(world.hub, world.alice, author.ref, PushRequest((), frozenset()))
    try:
        told = pushes.why_refused(push, 1, b"fatal: attempting to allocate 4294967297 over limit 536870912\n")
        assert isinstance(told, LimitExceeded)
        assert "exceeds the limit of 536,870,912; track large files with git-lfs: git lfs migrate" in told.message
        told = pushes.why_refused(push, 1, b"Resolving deltas: 5% (1/20)\rfatal: pack is corrupted\n")
        assert isinstance(told, Malformed)
        assert told.message == "malformed pack: pack is corrupted"
    finally:
        push.close()


def test_packs_of_too_many_objects_or_of_none_are_refused() -> None:
    assert pushes.check_pack(b"PACK\0\0\0\x02\0\0\0\x01") == 1
    with pytest.raises(LimitExceeded):
        pushes.check_pack(b"PACK\0\0\0\x02\xff\0\0\0")
    with pytest.raises(Malformed):
        pushes.check_pack(b"nonsense")


def test_a_full_disk_is_no_fault_of_the_pack(author: Author, world: World) -> None:
    push = pushes.begin(world.hub, world.alice, author.ref, PushRequest((), frozenset()))
    told = pushes.why_refused(push, 1, b"fatal: write error: No space left on device\n")
    push.close()
    assert isinstance(told, StoreFull)

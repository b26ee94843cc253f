from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import pytest

from entrepot.blobs import file_key, put
from entrepot.catalog import Catalog, Lock, Write
from entrepot.catalog.accounts import tokens as token_rows
from entrepot.catalog.files import file_checks, files
from entrepot.catalog.files.file_checks import Due
from entrepot.catalog.named_locks import AnyLock
from entrepot.errors import Busy, ContentMismatch, EntrepotError, InvalidSignature, QuotaExceeded, RepoNotFound
from entrepot.hub.accounts import accounts, quotas
from entrepot.hub.callers import Caller
from entrepot.hub.files import small_arrivals
from entrepot.hub.files.arrivals import Arrival
from entrepot.hub.files.small_arrivals import ReceivedFile
from entrepot.hub.jobs import maintenance
from entrepot.hub.repos import repositories
from entrepot.names import RepoRef
from tests.hub.files.test_arrivals import grant_of, is_usable, sha
from tests.support.guarded_blobs import GuardedLocalBlobs
from tests.support.worlds import World

DATAS = [bytes([number]) * 100 for number in range(6)]


def received(world: World, ref: RepoRef, datas: Sequence[bytes], by: Caller | None = None) -> list[ReceivedFile]:
    grant = grant_of(world, ref, by or world.alice)
    return [ReceivedFile(Arrival(sha(data), len(data), grant), data) for data in datas]


def store(world: World, group: Sequence[ReceivedFile]) -> list[type[Exception] | None]:
    """Store files; return the kind of error of each one, or None."""
    assert small_arrivals.takes(world.hub)
    found = small_arrivals.store_all(world.hub, group)
    return [None if outcome is None else type(outcome) for outcome in found]


def is_kept(world: World, data: bytes) -> bool:
    return world.hub.store.blobs.stat(file_key(sha(data))) is not None


@pytest.fixture
def after_publishing(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Return a function that sets what happens once, after the bytes of the next group are durable."""

    def install(act: Callable[[], object]) -> None:
        publish, left = GuardedLocalBlobs.put_group, [act]

        def put_group(self: GuardedLocalBlobs, items: Sequence[tuple[str, bytes]]) -> list[bool | EntrepotError]:
            found = publish(self, items)
            if left:
                left.pop()()
            return found

        monkeypatch.setattr(GuardedLocalBlobs, "put_group", put_group)

    return install


def test_files_are_stored_together(world: World) -> None:
    mine, theirs = world.repo("alice/m"), world.repo("bob/m", by=world.bob)
    group = received(world, mine, DATAS[:2]) + received(world, theirs, DATAS[2:4], world.bob)
    assert store(world, group) == [None] * 4
    assert [is_usable(world, mine, data) for data in DATAS[:4]] == [True, True, False, False]
    assert [is_usable(world, theirs, data, world.bob) for data in DATAS[:4]] == [False, False, True, True]
    assert list(maintenance.fsck(world.hub, checks_content=True)) == []


def test_only_the_reservation_does_not_wait_for_the_disk(
    world: World, after_publishing: Callable[[Callable[[], object]], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    group, steps = received(world, world.repo(), DATAS[:2]), list[str]()

    def noting(name: str) -> Callable[..., AbstractContextManager[Write]]:
        begin = getattr(Catalog, name)

        def begin_noting(catalog: Catalog, *locks: AnyLock, **options: Any) -> AbstractContextManager[Write]:
            steps.append(name)
            found: AbstractContextManager[Write] = begin(catalog, *locks, **options)
            return found

        return begin_noting

    for name in ("write", "write_unflushed"):
        monkeypatch.setattr(Catalog, name, noting(name))
    after_publishing(lambda: steps.append("bytes"))
    assert store(world, group) == [None, None]
    assert steps == ["write_unflushed", "bytes", "write"]


def test_wrong_bytes_are_refused_and_not_kept(world: World) -> None:
    ref = world.repo()
    group = received(world, ref, DATAS[:3])
    group[0].data = b"x" * 100
    group[1].data = DATAS[1][:-1]
    assert store(world, group) == [ContentMismatch, ContentMismatch, None]
    assert [is_kept(world, data) for data in DATAS[:3]] == [False, False, True]


def test_nothing_is_written_for_those_who_may_not_upload(world: World) -> None:
    mine, theirs = world.repo("alice/m"), world.repo("bob/m", by=world.bob)
    group = received(world, mine, DATAS[:1]) + received(world, theirs, DATAS[1:2], world.bob)
    repositories.delete(world.hub, world.bob, theirs)
    assert store(world, group) == [None, RepoNotFound]
    assert [is_kept(world, data) for data in DATAS[:2]] == [True, False]


def test_a_right_that_is_lost_while_bytes_are_written_links_nothing(
    world: World, after_publishing: Callable[[Callable[[], object]], None]
) -> None:
    ref = world.repo("acme/m", by=world.wendy)
    token = accounts.create_token(world.hub, "olga", role="write")
    holder = world.hub.identify(token.secret)
    assert holder is not None
    group = received(world, ref, DATAS[:1], holder) + received(world, ref, DATAS[1:2], world.wendy)

    def revoke() -> None:
        with world.hub.write() as tx:
            token_rows.remove(tx, holder.token.uid)

    after_publishing(revoke)
    assert store(world, group) == [InvalidSignature, None]
    assert [is_usable(world, ref, data, world.wendy) for data in DATAS[:2]] == [False, True]
    # No one will use the bytes, which count in no quota.
    assert [is_kept(world, data) for data in DATAS[:2]] == [False, True]


def test_a_group_cannot_exceed_the_quota(world: World) -> None:
    ref = world.repo()
    group = received(world, ref, DATAS[:4])
    used = quotas.show(world.hub, "alice").used
    quotas.change(world.hub, "alice", {"max_bytes": used + 250})
    assert store(world, group) == [None, None, QuotaExceeded, QuotaExceeded]
    assert store(world, received(world, ref, DATAS[4:5])) == [QuotaExceeded]
    assert not is_kept(world, DATAS[4])


def test_a_file_that_another_repository_has_is_stored_for_this_one_too(world: World) -> None:
    mine, theirs = world.repo("alice/m"), world.repo("bob/m", by=world.bob)
    assert store(world, received(world, mine, DATAS[:2])) == [None, None]
    assert store(world, received(world, theirs, DATAS[1:3], world.bob)) == [None, None]
    assert [is_usable(world, theirs, data, world.bob) for data in DATAS[:3]] == [False, True, True]


def test_the_same_file_twice_in_a_group_is_stored_once(world: World) -> None:
    ref = world.repo()
    used = quotas.show(world.hub, "alice").used
    assert store(world, received(world, ref, [DATAS[0], DATAS[0], DATAS[1]])) == [None] * 3
    assert store(world, received(world, ref, [DATAS[0], DATAS[0]])) == [None] * 2
    assert quotas.show(world.hub, "alice").used == used + 200


def test_bytes_that_a_crash_left_without_a_row_are_used_and_not_swept(world: World) -> None:
    ref = world.repo()
    put(world.hub.store.blobs, file_key(sha(DATAS[0])), DATAS[0])
    assert store(world, received(world, ref, DATAS[:2])) == [None, None]
    world.clock.advance(10)
    assert [item for item in maintenance.gc(world.hub, grace_ms=60_000) if item.kind == "file"] == []
    assert [is_usable(world, ref, data) for data in DATAS[:2]] == [True, True]


def test_damaged_bytes_are_replaced(world: World) -> None:
    ref = world.repo()
    assert store(world, received(world, ref, DATAS[:1])) == [None]
    world.hub.store.blobs.delete(file_key(sha(DATAS[0])))
    put(world.hub.store.blobs, file_key(sha(DATAS[0])), b"damaged")
    with world.hub.write(Lock.file(sha(DATAS[0]))) as tx:
        assert file_checks.note(tx, Due(sha(DATAS[0]), 100, world.clock()), world.clock(), is_damaged=True)
    assert store(world, received(world, ref, DATAS[:2])) == [None, None]
    with world.hub.store.blobs.open(file_key(sha(DATAS[0]))) as reader:
        assert reader.read_at(0, 200) == DATAS[0]


def test_a_file_being_swept_is_busy(world: World) -> None:
    ref = world.repo()
    with world.hub.write(Lock.file(sha(DATAS[0]))) as tx:
        files.reserve(tx, sha(DATAS[0]), 100, 1)
        assert files.begin_sweep(tx, sha(DATAS[0]), 2, world.clock())
    assert store(world, received(world, ref, DATAS[:2])) == [Busy, None]


def test_a_sweep_of_everything_that_began_meanwhile_is_busy(
    world: World, after_publishing: Callable[[Callable[[], object]], None]
) -> None:
    ref = world.repo()

    def begin() -> None:
        with world.hub.write(Lock.file(sha(DATAS[0]))) as tx:
            assert files.begin_sweep(tx, sha(DATAS[0]), world.clock() + 1, world.clock())

    after_publishing(begin)
    assert store(world, received(world, ref, DATAS[:2])) == [Busy, None]
    assert not is_usable(world, ref, DATAS[0])


def test_bytes_that_were_swept_meanwhile_are_not_linked(
    world: World, after_publishing: Callable[[Callable[[], object]], None]
) -> None:
    ref = world.repo()
    after_publishing(lambda: world.hub.store.blobs.delete(file_key(sha(DATAS[0]))))
    assert store(world, received(world, ref, DATAS[:2])) == [Busy, None]
    assert [is_usable(world, ref, data) for data in DATAS[:2]] == [False, True]
    assert store(world, received(world, ref, DATAS[:2])) == [None, None]
    assert is_usable(world, ref, DATAS[0])


def test_after_a_crash_before_the_link_files_can_be_sent_again(
    world: World, after_publishing: Callable[[Callable[[], object]], None]
) -> None:
    ref = world.repo()

    class Crash(BaseException):
        pass

    def crash() -> None:
        raise Crash

    after_publishing(crash)
    with pytest.raises(Crash):
        store(world, received(world, ref, DATAS[:2]))
    assert [is_kept(world, data) for data in DATAS[:2]] == [True, True]
    assert not any(is_usable(world, ref, data) for data in DATAS[:2])
    assert store(world, received(world, ref, DATAS[:2])) == [None, None]
    assert all(is_usable(world, ref, data) for data in DATAS[:2])

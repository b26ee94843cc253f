from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import attrs
import pytest

from entrepot.blobs import file_key
from entrepot.catalog.accounts import tokens as token_rows
from entrepot.catalog.files import files
from entrepot.errors import Busy, InvalidSignature, QuotaExceeded, RepoNotFound
from entrepot.hub import access, capabilities
from entrepot.hub.accounts import accounts, quotas
from entrepot.hub.callers import Caller
from entrepot.hub.context import HubContext
from entrepot.hub.files import arrivals, lfs
from entrepot.hub.files.arrivals import Arrival
from entrepot.hub.files.lfs import RequestedObject
from entrepot.hub.files.lfs_links import SignedUrl
from entrepot.hub.jobs import maintenance
from entrepot.hub.repos import repositories
from entrepot.names import RepoRef, Sha256
from tests.support.worlds import World

DATAS = [bytes([number]) * 100 for number in range(12)]


def sha(data: bytes) -> Sha256:
    return Sha256(hashlib.sha256(data).hexdigest())


def grant_of(world: World, ref: RepoRef, by: Caller) -> capabilities.Capability:
    with world.hub.read() as tx:
        row = access.readable(tx, by, ref)
        return capabilities.for_upload(tx, row, by, "main")


def arrived(world: World, ref: RepoRef, datas: Sequence[bytes], by: Caller | None = None) -> list[Arrival]:
    """Return files whose bytes are durable, and that nothing is linked to yet."""
    grant = grant_of(world, ref, by or world.alice)
    found = [Arrival(sha(data), len(data), grant) for data in datas]
    for arrival, data in zip(found, datas, strict=True):
        arrivals.reserve(world.hub, arrival)
        with world.hub.store.blobs.receive(file_key(arrival.sha256)) as sink:
            sink.write(data)
            sink.publish()
    return found


def link_all(hub: HubContext, group: Sequence[Arrival]) -> list[int | Exception]:
    return arrivals._run_all(hub, [arrivals._Step(it, is_durable=True) for it in group])


def is_usable(world: World, ref: RepoRef, data: bytes, by: Caller | None = None) -> bool:
    wanted = [RequestedObject(sha(data), len(data))]
    [answer] = lfs.plan_downloads(world.hub, by or world.alice, ref, wanted)
    return answer.link is not None


def test_files_that_arrive_at_the_same_time_are_all_stored(world: World) -> None:
    ref = world.repo()
    plans = lfs.plan_uploads(
        world.hub, world.alice, ref, [RequestedObject(sha(data), 100) for data in DATAS], takes_parts=False
    )

    def send(number: int) -> None:
        link = plans[number].link
        assert isinstance(link, SignedUrl)
        receiving = lfs.receive(world.hub, sha(DATAS[number]), link.query)
        receiving.write(DATAS[number])
        receiving.finish()

    with ThreadPoolExecutor(len(DATAS)) as pool:
        list(pool.map(send, range(len(DATAS))))
    assert all(is_usable(world, ref, data) for data in DATAS)


def test_each_holder_of_a_group_is_judged(world: World) -> None:
    mine, theirs = world.repo("alice/m"), world.repo("bob/m", by=world.bob)
    group = arrived(world, mine, DATAS[:2]) + arrived(world, theirs, DATAS[2:4], world.bob)
    repositories.delete(world.hub, world.bob, theirs)
    found = link_all(world.hub, group)
    assert [type(it) for it in found] == [int, int, RepoNotFound, RepoNotFound]
    assert is_usable(world, mine, DATAS[1])


def test_a_revoked_token_links_nothing_and_delays_no_one(world: World) -> None:
    ref = world.repo("acme/m", by=world.wendy)
    [good] = arrived(world, ref, DATAS[:1], world.wendy)
    revoked = accounts.create_token(world.hub, "olga", role="write")
    holder = world.hub.identify(revoked.secret)
    assert holder is not None
    [bad] = arrived(world, ref, DATAS[1:2], holder)
    with world.hub.write() as tx:
        token_rows.remove(tx, holder.token.uid)
    found = link_all(world.hub, [bad, good])
    assert [type(it) for it in found] == [InvalidSignature, int]
    assert not is_usable(world, ref, DATAS[1], world.wendy)


def test_a_group_cannot_exceed_the_quota_together(world: World) -> None:
    ref = world.repo()
    group = arrived(world, ref, DATAS[:4])
    used = quotas.show(world.hub, "alice").used
    quotas.change(world.hub, "alice", {"max_bytes": used + 250})
    # The same file twice counts once, and a file that does not fit leaves room for nothing smaller than it.
    found = link_all(world.hub, [group[0], group[0], group[1], group[2], group[3]])
    assert [type(it) for it in found] == [int, int, int, QuotaExceeded, QuotaExceeded]
    assert quotas.show(world.hub, "alice").used == used + 200
    assert [is_usable(world, ref, data) for data in DATAS[:4]] == [True, True, False, False]


def test_a_file_being_swept_is_left_out_of_its_group(world: World) -> None:
    ref = world.repo()
    grant = grant_of(world, ref, world.alice)
    with world.hub.write() as tx:
        files.reserve(tx, sha(DATAS[0]), 100, 1)
        assert files.begin_sweep(tx, sha(DATAS[0]), 2, world.clock())
    [durable] = arrived(world, ref, DATAS[2:3])
    steps = [arrivals._Step(Arrival(sha(data), 100, grant), is_durable=False) for data in DATAS[:2]]
    swept, linked, other = arrivals._run_all(world.hub, [steps[0], arrivals._Step(durable, is_durable=True), steps[1]])
    assert isinstance(swept, Busy)
    assert isinstance(linked, int)
    assert other == 0
    assert is_usable(world, ref, DATAS[2])
    with world.hub.read() as tx:
        assert files.known(tx, [sha(DATAS[1])])


def test_a_file_whose_row_was_swept_is_asked_for_again(world: World) -> None:
    ref = world.repo()
    lost = arrived(world, ref, DATAS[:1])
    world.clock.advance(1)
    assert any(item.kind == "file" for item in maintenance.gc(world.hub, grace_ms=0))
    kept = arrived(world, ref, DATAS[1:2])
    found = link_all(world.hub, [*lost, *kept])
    assert [type(it) for it in found] == [Busy, int]


def test_after_a_crash_at_any_step_the_file_can_be_sent_again(world: World) -> None:
    ref = world.repo()

    @attrs.define
    class Crash(Exception):
        pass

    class DyingHub:
        """A hub that dies at the end of its next transaction, before it is durable."""

        def __getattr__(self, name: str) -> Any:
            return getattr(world.hub, name)

        @contextmanager
        def write(self, *locks: Any) -> Iterator[Any]:
            with world.hub.write(*locks) as tx:
                yield tx
                raise Crash

    dying: HubContext = DyingHub()  # type: ignore[assignment]
    group = arrived(world, ref, DATAS[:2])
    with pytest.raises(Crash):
        link_all(dying, group)
    assert not any(is_usable(world, ref, data) for data in DATAS[:2])
    assert all(isinstance(it, int) for it in link_all(world.hub, group))
    assert all(is_usable(world, ref, data) for data in DATAS[:2])

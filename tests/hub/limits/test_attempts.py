from __future__ import annotations

import pathlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from entrepot.catalog import Read, limit_counts
from entrepot.hub.context import HubContext, open_hub
from entrepot.hub.limits import attempts
from entrepot.settings import Settings
from tests.support.postgres import PostgresServer
from tests.support.worlds import World

HERE, THERE = b"\x7f\0\0\1", b"\x0a\0\0\1"


def begin(world: World, account: str = "alice", network: bytes = HERE) -> int:
    return attempts.begin(world.hub, "sign-in", account, network)


def test_the_sixth_attempt_waits_and_the_wait_doubles_up_to_an_hour(world: World) -> None:
    for _ in range(attempts.PER_ACCOUNT):
        assert begin(world) == 0
    waits = [begin(world, "ALICE")]
    for _ in range(8):
        world.clock.advance(waits[-1] * 1000)
        assert begin(world) == 0
        waits.append(begin(world))
    assert waits == [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]


def test_another_address_account_or_kind_does_not_wait(world: World) -> None:
    for _ in range(attempts.PER_ACCOUNT):
        begin(world)
    assert begin(world) > 0
    assert (begin(world, network=THERE), begin(world, "bob")) == (0, 0)
    assert attempts.begin(world.hub, "code", "alice", HERE) == 0


def test_an_address_that_tries_many_accounts_waits(world: World) -> None:
    for number in range(attempts.PER_ADDRESS):
        begin(world, f"user{number}")
    assert begin(world) == 60
    assert begin(world, network=THERE) == 0


def test_failures_are_forgotten_after_a_minute_and_after_success(world: World) -> None:
    for _ in range(attempts.PER_ACCOUNT - 1):
        begin(world)
    world.clock.advance(61_000)
    for _ in range(2):
        for _ in range(attempts.PER_ACCOUNT):
            assert begin(world) == 0
        attempts.note_success(world.hub, "sign-in", "alice", HERE)


def test_sign_ins_that_succeed_do_not_add_up(world: World) -> None:
    for number in range(3 * attempts.PER_ADDRESS):
        assert begin(world, f"user{number}") == 0
        attempts.note_success(world.hub, "sign-in", f"user{number}", HERE)


def test_a_restart_forgets_nothing_and_rows_are_deleted_in_time(world: World) -> None:
    for _ in range(attempts.PER_ACCOUNT):
        begin(world, "x" * 10_000)
    world.reopen()
    assert begin(world, "x" * 10_000) == 60
    world.clock.advance(3 * attempts.MAX_WAIT_MS)
    attempts.note_success(world.hub, "sign-in", "bob", THERE)
    assert rows(world.hub) == 0


def test_a_sign_in_of_another_user_leaves_the_counts_that_still_matter(world: World) -> None:
    for _ in range(attempts.PER_ACCOUNT):
        begin(world)
    for number in range(attempts.PER_ADDRESS - attempts.PER_ACCOUNT):
        begin(world, f"user{number}")
    attempts.note_success(world.hub, "sign-in", "user0", HERE)
    attempts.note_success(world.hub, "sign-in", "bob", THERE)
    assert begin(world) > 0
    assert (begin(world, "dora"), begin(world, "emil")) == (0, 60)  # the success took one attempt off the address


def rows(hub: HubContext) -> int:
    with hub.read() as tx:
        return _count(tx)


def _count(tx: Read) -> int:
    return int(tx.sql.exec_driver_sql(f"SELECT count(*) FROM {limit_counts._T.name}").scalar_one())


@pytest.fixture
def servers(tmp_path: pathlib.Path, postgres: PostgresServer) -> Iterator[list[HubContext]]:
    """Three servers on one database."""
    url = postgres.create_with_tables()
    opened = [open_hub(Settings(data=tmp_path / "shared", database=url), fsync=False) for _ in range(3)]
    yield opened
    for hub in opened:
        hub.close()
    postgres.drop(url)


def test_all_servers_count_together_however_many_attempts_come_at_a_time(servers: list[HubContext]) -> None:
    def attempt(number: int) -> int:
        return attempts.begin(servers[number % len(servers)], "sign-in", "alice", HERE)

    with ThreadPoolExecutor(12) as pool:
        waits = list(pool.map(attempt, range(36)))
    assert waits.count(0) == attempts.PER_ACCOUNT

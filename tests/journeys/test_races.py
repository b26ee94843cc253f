"""Several servers on one database: what one transaction checks stays true until it ends, on every database."""

import pathlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import attrs
import pytest

from entrepot.catalog import Lock
from entrepot.catalog.jobs import jobs
from entrepot.catalog.repos import repositories as rows
from entrepot.errors import AlreadyExists, Unavailable
from entrepot.hub import audit
from entrepot.hub.accounts import accounts
from entrepot.hub.callers import Caller
from entrepot.hub.community import discussions, likes
from entrepot.hub.context import HubContext, open_hub
from entrepot.hub.files.operations import AddFile
from entrepot.hub.repos import commits, contents, histories, repositories
from entrepot.hub.repos.commits import CommitDraft
from entrepot.hub.repos.repositories import NewRepo
from entrepot.names import MAIN, RepoId, RepoPath, RepoRef, RepoType
from entrepot.settings import Settings
from tests.support.postgres import PostgresServer

REF = RepoRef(RepoType.MODEL, RepoId("alice", "m"))
SERVERS = 3
T = TypeVar("T")


@attrs.frozen
class Servers:
    """Three hubs on one database, as three servers have them, and a caller."""

    hubs: list[HubContext]
    alice: Caller

    def race(self, number: int, act: Callable[[HubContext, int], T]) -> list[T]:
        """Run an action a number of times, as many at a time as there are threads, on all hubs; return the results."""
        with ThreadPoolExecutor(12) as pool:
            return list(pool.map(lambda at: act(self.hubs[at % SERVERS], at), range(number)))


@pytest.fixture(params=["sqlite", "postgresql"])
def servers(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> Iterator[Servers]:
    url = None
    if request.param == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres")
        url = server.create_with_tables()
    settings = Settings(data=tmp_path / "data", short_threads=4, transfer_threads=4)
    hubs = [open_hub(settings, fsync=False, database=url) for _ in range(SERVERS)]
    accounts.create_user(hubs[0], "alice")
    alice = hubs[0].identify(accounts.create_token(hubs[0], "alice", role="write").secret)
    assert alice is not None
    yield Servers(hubs, alice)
    for hub in hubs:
        hub.close()
    if url is not None:
        server.drop(url)


def insist(act: Callable[[], T]) -> T:
    """Repeat an action while others win the race, as clients do; give up after many attempts."""
    for _ in range(100):
        try:
            return act()
        except Unavailable:
            continue
    pytest.fail("others won a hundred times")


def test_each_job_is_claimed_once(servers: Servers) -> None:
    with servers.hubs[0].write(Lock.nothing()) as tx:
        for number in range(120):
            jobs.enqueue(tx, "card", {"number": number}, 1, namespace_id=number % 7)

    def claim_all(hub: HubContext, at: int) -> list[int]:
        claimed = []
        for _ in range(1_000):
            with hub.write(Lock.nothing()) as tx:
                if jobs.next_run(tx) != 1:  # 1: a job that waits; else the end of a lease
                    break
                job = jobs.claim(tx, f"w{at}", 10, 1_000_000)
            if job is not None:
                claimed.append(job.args["number"])
        return claimed

    claimed = [number for done in servers.race(9, claim_all) for number in done]
    assert sorted(claimed) == list(range(120))


def test_equal_jobs_wait_once(servers: Servers) -> None:
    def enqueue(hub: HubContext, _at: int) -> None:
        with hub.write(Lock.nothing()) as tx:
            jobs.enqueue(tx, "trends", {}, 1, dedup_key="one of many")

    servers.race(60, enqueue)
    with servers.hubs[0].read() as tx:
        assert len(jobs.find(tx, states=["ready"])) == 1


def test_a_repository_is_created_once_and_the_others_hear_that_it_exists(servers: Servers) -> None:
    def create(hub: HubContext, _at: int) -> str:
        try:
            insist(lambda: repositories.create(hub, servers.alice, NewRepo(RepoType.MODEL, "m")))
        except AlreadyExists:
            return "exists"
        return "made"

    assert sorted(servers.race(12, create)) == ["exists"] * 11 + ["made"]


def test_every_commit_to_one_branch_is_in_its_history_once(servers: Servers) -> None:
    repositories.create(servers.hubs[0], servers.alice, NewRepo(RepoType.MODEL, "m"))

    def commit(hub: HubContext, at: int) -> str:
        draft = CommitDraft(f"change {at}", [AddFile(RepoPath(f"f{at}"), b"x")])
        return insist(lambda: commits.create(hub, servers.alice, REF, "main", draft)).oid

    made = servers.race(24, commit)
    page = histories.history(servers.hubs[0], servers.alice, REF, "main", offset=0, limit=100)
    listed = [commit.oid for commit in page.commits]
    assert sorted(listed[:-1]) == sorted(made)
    for at in range(24):
        assert contents.locate(servers.hubs[1], servers.alice, REF, str(MAIN), RepoPath(f"f{at}")).size == 1


def test_discussions_get_numbers_of_their_own_and_likes_count_once(servers: Servers) -> None:
    repositories.create(servers.hubs[0], servers.alice, NewRepo(RepoType.MODEL, "m"))

    def discuss(hub: HubContext, at: int) -> int:
        insist(lambda: likes.like(hub, servers.alice, REF))
        return insist(lambda: discussions.create(hub, servers.alice, REF, f"title {at}", "text")).num

    assert sorted(servers.race(40, discuss)) == list(range(1, 41))
    with servers.hubs[0].read() as tx:
        row = rows.find(tx, REF)
    assert row is not None
    assert row.likes == 1


def test_the_audit_log_is_one_chain(servers: Servers) -> None:
    def make(hub: HubContext, at: int) -> None:
        insist(lambda: accounts.create_user(hub, f"user{at}"))

    servers.race(24, make)
    checked = audit.verify(servers.hubs[0])
    assert (checked.broken_at, checked.is_intact, checked.rows >= 24) == (None, True, True)

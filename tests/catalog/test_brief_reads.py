"""Brief reads give the rows of other reads, and give up where they would wait or work long."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from entrepot.catalog import Catalog, Lock, NotBrief, brief_reads
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.git import objects
from entrepot.catalog.git.objects import ObjectRow
from entrepot.catalog.prepared import Prepared
from entrepot.catalog.repos import repositories
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.names import Oid

SMALL, LARGE = Oid("ab" * 20), Oid("cd" * 20)


@pytest.fixture
def filled(catalog: Catalog, repo: RepoRow) -> RepoRow:
    if not catalog.is_file:
        pytest.skip("reads of PostgreSQL are never brief")
    rows = [ObjectRow(SMALL, "blob", 3, b"abc", None, None), ObjectRow(LARGE, "blob", 9, bytes(40_000), None, None)]
    with catalog.write(Lock.repo(repo.id)) as tx:
        objects.put(tx, repo.id, rows, 1)
    return repo


def numbers(most: int) -> Prepared:
    """Return a statement with this many rows."""
    return Prepared(sa.select(_up_to(most).c.i))


def total(most: int) -> Prepared:
    """Return a statement with one row, for which it goes through so many."""
    return Prepared(sa.select(sa.func.count()).select_from(_up_to(most)))


def read_often(catalog: Catalog, repo: RepoRow) -> None:
    for _ in range(100):
        with catalog.briefly(), catalog.read() as tx:
            assert objects.find(tx, repo.id, SMALL) is not None


def _up_to(most: int) -> sa.CTE:
    numbered = sa.select(sa.literal(1).label("i")).cte("n", recursive=True)
    return numbered.union_all(sa.select(numbered.c.i + 1).where(numbered.c.i < most))


def test_a_brief_read_gives_what_another_read_gives(catalog: Catalog, filled: RepoRow) -> None:
    with catalog.read() as tx:
        other = repositories.find(tx, filled.ref), objects.find(tx, filled.id, SMALL)
    with catalog.briefly(), catalog.read() as tx:
        assert (repositories.find(tx, filled.ref), objects.find(tx, filled.id, SMALL)) == other


def test_all_transactions_of_a_block_read_one_snapshot_and_the_next_block_a_new_one(
    catalog: Catalog, filled: RepoRow
) -> None:
    fresh = Oid("ef" * 20)

    def write() -> None:
        with catalog.write(Lock.repo(filled.id)) as tx:
            objects.put(tx, filled.id, [ObjectRow(fresh, "blob", 1, b"x", None, None)], 1)

    with catalog.briefly(), ThreadPoolExecutor(1) as pool:
        with catalog.read() as tx:
            assert objects.find(tx, filled.id, SMALL) is not None
        pool.submit(write).result()
        with catalog.read() as tx:
            assert objects.find(tx, filled.id, fresh) is None
    with catalog.briefly(), catalog.read() as tx:
        assert objects.find(tx, filled.id, fresh) is not None


def test_only_the_thread_of_the_block_reads_briefly(catalog: Catalog, filled: RepoRow) -> None:
    def read_all() -> int:
        with catalog.read() as tx:
            return len(numbers(1000).all(tx, {}))

    with catalog.briefly(), ThreadPoolExecutor(1) as pool:
        assert pool.submit(read_all).result() == 1000


def test_what_is_not_a_short_prepared_read_gives_up(catalog: Catalog, filled: RepoRow) -> None:
    with pytest.raises(NotBrief), catalog.briefly(), catalog.read() as tx:
        tx.sql.execute(sa.select(1))
    with pytest.raises(NotBrief), catalog.briefly(), catalog.write(Lock.repo(filled.id)):
        pass
    with pytest.raises(NotBrief), catalog.briefly(), catalog.read() as tx:
        objects.find(tx, filled.id, LARGE)
    with pytest.raises(NotBrief), catalog.briefly(), catalog.read() as tx:
        numbers(brief_reads.MAX_ROWS + 1).all(tx, {})
    with pytest.raises(NotBrief), catalog.briefly(), catalog.read() as tx:
        total(100_000_000).scalar(tx, {})
    with pytest.raises(NotBrief), catalog.briefly(), catalog.read() as tx:
        tx.expect(brief_reads.MAX_ENTRIES + 1)
    with pytest.raises(NotBrief), catalog.briefly():
        catalog.check_may_wait()


def test_many_short_statements_are_not_brief(catalog: Catalog, filled: RepoRow) -> None:
    with catalog.briefly(), catalog.read() as tx:
        for _ in range(brief_reads.MAX_STATEMENTS - 1):  # and the one that begins
            objects.find(tx, filled.id, SMALL)
        with pytest.raises(NotBrief):
            objects.find(tx, filled.id, SMALL)
    with catalog.briefly(), catalog.read() as tx:
        assert objects.find(tx, filled.id, SMALL) is not None


@pytest.mark.usefixtures("filled")
def test_short_statements_are_brief_however_often_they_run(catalog: Catalog) -> None:
    statement = total(100)
    for _ in range(200):
        with catalog.briefly(), catalog.read() as tx:
            assert statement.scalar(tx, {}) == 100


def test_after_giving_up_the_next_read_is_brief_again(catalog: Catalog, filled: RepoRow) -> None:
    with pytest.raises(NotBrief), catalog.briefly(), catalog.read() as tx:
        total(100_000_000).scalar(tx, {})
    with catalog.briefly(), catalog.read() as tx:
        assert objects.find(tx, filled.id, SMALL) is not None
    catalog.check_may_wait()
    with catalog.read() as tx:
        tx.expect(10**9)


@pytest.mark.usefixtures("filled")
def test_a_second_thread_does_not_wait_for_the_first(catalog: Catalog) -> None:
    inside, done = threading.Event(), threading.Event()

    def hold() -> None:
        with catalog.briefly():
            inside.set()
            done.wait(30)

    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(hold)
        inside.wait(30)
        with pytest.raises(NotBrief), catalog.briefly():
            pass
        done.set()
        held.result()


def test_reads_are_not_brief_for_a_while_when_they_take_long(
    catalog: Catalog, filled: RepoRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [1000.0]

    def now() -> float:
        clock[0] += 0.02
        return clock[0]

    monkeypatch.setattr(time, "monotonic", now)
    with pytest.raises(NotBrief):
        read_often(catalog, filled)
    clock[0] += 60
    with catalog.briefly(), catalog.read() as tx:
        assert objects.find(tx, filled.id, SMALL) is not None
    with pytest.raises(NotBrief), catalog.briefly():  # one slow read after the pause was enough
        pass


@pytest.mark.usefixtures("filled")
def test_a_closed_catalog_reads_nothing_briefly(catalog: Catalog, alice: Account) -> None:
    catalog.close()
    with pytest.raises(NotBrief), catalog.briefly(), catalog.read() as tx:
        repositories.by_id(tx, alice.id)

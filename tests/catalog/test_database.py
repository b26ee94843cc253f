import pathlib
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from entrepot.catalog import Catalog, Lock, Write, hub_metadata, open_catalog
from entrepot.catalog.accounts import accounts
from entrepot.catalog.repos import refs
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import DataFolderError, NotAllowed
from entrepot.names import MAIN, Oid


def stored(catalog: Catalog, key: str) -> str | None:
    with catalog.read() as tx:
        return hub_metadata.find(tx, key)


def test_changes_of_a_block_are_stored_when_it_has_ended(catalog: Catalog) -> None:
    with catalog.write() as tx:
        hub_metadata.put_first(tx, "a", "1")
        assert hub_metadata.find(tx, "a") == "1"
    assert stored(catalog, "a") == "1"


def test_a_block_that_raises_leaves_nothing(catalog: Catalog, repo: RepoRow) -> None:
    def fail(tx: Write) -> None:
        hub_metadata.put_first(tx, "a", "1")
        refs.swap(tx, repo.id, MAIN, None, Oid("a" * 40), 1)
        accounts.add(tx, accounts.fresh("bob", "user", 1))
        raise NotAllowed("Because.")

    with pytest.raises(NotAllowed, match="Because"), catalog.write() as tx:
        fail(tx)
    with catalog.read() as reading:
        assert hub_metadata.find(reading, "a") is None
        assert refs.everything(reading, repo.id) == []
        assert accounts.find(reading, "bob") is None


def test_the_next_block_works_after_one_that_raised(catalog: Catalog) -> None:
    with pytest.raises(ZeroDivisionError), catalog.write():
        _ = 1 // 0
    with catalog.write() as tx:
        hub_metadata.put_first(tx, "a", "1")
    assert stored(catalog, "a") == "1"


def test_a_broken_constraint_is_a_defect_and_is_not_dressed_up(catalog: Catalog) -> None:
    with pytest.raises(sa.exc.IntegrityError), catalog.write() as tx:
        refs.swap(tx, 999, MAIN, None, Oid("a" * 40), 1)


def test_a_reader_keeps_its_snapshot_while_others_write(catalog: Catalog) -> None:
    with catalog.read() as before:
        assert hub_metadata.find(before, "a") is None
        with catalog.write() as tx:
            hub_metadata.put_first(tx, "a", "1")
        assert hub_metadata.find(before, "a") is None
    assert stored(catalog, "a") == "1"


def test_a_reader_does_not_see_uncommitted_changes(catalog: Catalog) -> None:
    with catalog.write() as tx:
        hub_metadata.put_first(tx, "a", "1")
        assert stored(catalog, "a") is None


def test_only_the_thread_that_writes_is_writing(catalog: Catalog) -> None:
    assert not catalog.is_writing()
    with catalog.read():
        assert not catalog.is_writing()
    with catalog.write():
        assert catalog.is_writing()
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(catalog.is_writing).result() is False
    assert not catalog.is_writing()


def test_a_thread_whose_block_raised_is_not_writing(catalog: Catalog) -> None:
    with pytest.raises(ZeroDivisionError), catalog.write():
        _ = 1 // 0
    assert not catalog.is_writing()


def test_a_nested_writing_block_fails_immediately(catalog: Catalog) -> None:
    with catalog.write() as tx:
        hub_metadata.put_first(tx, "a", "1")
        with pytest.raises(AssertionError, match="already"), catalog.write():
            pass
        assert catalog.is_writing()
    assert stored(catalog, "a") == "1"


def test_writers_that_read_first_do_not_lose_each_others_changes(catalog: Catalog, repo: RepoRow) -> None:
    with catalog.write() as tx:
        refs.swap(tx, repo.id, MAIN, None, Oid(f"{0:040x}"), 1)
    together = threading.Barrier(8)

    def add_one(_number: int) -> None:
        together.wait()
        for _ in range(5):
            with catalog.write(Lock.repo(repo.id)) as tx:
                head = refs.find(tx, repo.id, MAIN)
                assert head is not None
                assert refs.swap(tx, repo.id, MAIN, head, Oid(f"{int(head, 16) + 1:040x}"), 1)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add_one, range(8)))
    with catalog.read() as reading:
        assert refs.find(reading, repo.id, MAIN) == f"{40:040x}"


def test_two_catalogs_on_one_database_see_each_others_rows(catalog: Catalog, database_url: str) -> None:
    other = open_catalog(database_url)
    with catalog.write() as tx:
        hub_metadata.put_first(tx, "a", "1")
    with other.write() as tx:
        assert hub_metadata.put_first(tx, "a", "2") == "1"
    other.close()


def test_a_closed_catalog_opens_its_connections_again(catalog: Catalog) -> None:
    with catalog.write() as tx:
        hub_metadata.put_first(tx, "a", "1")
    catalog.close()
    assert stored(catalog, "a") == "1"


def test_more_readers_than_connections_wait(database_url: str) -> None:
    narrow = open_catalog(database_url, pool_size=1)
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda _: stored(narrow, "a"), range(32))) == [None] * 32
    narrow.close()


def test_an_unsupported_database_is_refused_by_name() -> None:
    with pytest.raises(DataFolderError, match="oracle"):
        open_catalog("oracle://somewhere/x")


def test_a_folder_that_does_not_exist_cannot_be_opened(tmp_path: pathlib.Path) -> None:
    with pytest.raises(DataFolderError):
        open_catalog(f"sqlite:///{tmp_path / 'nowhere' / 'catalog.db'}")

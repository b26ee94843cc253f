from __future__ import annotations

from collections.abc import Callable

from entrepot.catalog import Catalog
from entrepot.catalog.accounts import accounts
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.repos import locks
from entrepot.catalog.repos.locks import LfsLock
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.names import MAIN, RefName, RepoPath, Uid

A, B = RepoPath("a.bin"), RepoPath("folder/b.bin")


def lock(catalog: Catalog, repo: RepoRow, path: RepoPath, owner: Account, ref: RefName | None = None) -> Uid:
    with catalog.write() as tx:
        return locks.add(tx, repo.id, path, ref, owner.id, 7)


def test_a_lock_is_found_by_its_id_and_by_its_path(catalog: Catalog, repo: RepoRow, alice: Account) -> None:
    uid = lock(catalog, repo, B, alice, MAIN)
    expected = LfsLock(uid, B, MAIN, alice.id, "alice", 7)
    with catalog.read() as tx:
        assert locks.find(tx, repo.id, uid) == expected
        assert locks.at_path(tx, repo.id, B) == expected
        assert locks.at_path(tx, repo.id, A) is None
        assert locks.find(tx, repo.id, "0" * 24) is None


def test_locks_of_another_repository_are_not_found(
    catalog: Catalog, repo: RepoRow, alice: Account, add_repo: Callable[..., RepoRow]
) -> None:
    uid, other = lock(catalog, repo, A, alice), add_repo("other")
    lock(catalog, other, A, alice)
    with catalog.read() as tx:
        assert locks.find(tx, other.id, uid) is None
        assert [found.uid for found in locks.page(tx, repo.id, limit=9)] == [uid]


def test_locks_come_in_pages_without_gaps(catalog: Catalog, repo: RepoRow, alice: Account) -> None:
    made = {lock(catalog, repo, RepoPath(f"f{n}"), alice) for n in range(5)}
    seen: list[str] = []
    with catalog.read() as tx:
        while page := locks.page(tx, repo.id, after=seen[-1] if seen else "", limit=2):
            seen += [found.uid for found in page]
    assert len(seen) == 5
    assert set(seen) == made


def test_only_the_locks_of_others_bind(
    catalog: Catalog, repo: RepoRow, alice: Account, add_account: Callable[..., Account]
) -> None:
    bob = add_account("bob")
    lock(catalog, repo, A, alice)
    lock(catalog, repo, B, bob)
    with catalog.read() as tx:
        assert [found.path for found in locks.of_others(tx, repo.id, alice.id)] == [B]
        assert [found.path for found in locks.of_others(tx, repo.id, bob.id)] == [A]


def test_a_removed_lock_leaves_its_path_free(catalog: Catalog, repo: RepoRow, alice: Account) -> None:
    uid = lock(catalog, repo, A, alice)
    with catalog.write() as tx:
        locks.remove(tx, uid)
    assert lock(catalog, repo, A, alice) != uid


def test_locks_go_with_the_account_that_holds_them(
    catalog: Catalog, repo: RepoRow, add_account: Callable[..., Account]
) -> None:
    bob = add_account("bob")
    lock(catalog, repo, A, bob)
    with catalog.write() as tx:
        accounts.remove(tx, bob.id)
        assert locks.at_path(tx, repo.id, A) is None
    lock(catalog, repo, A, add_account("carol"))

from __future__ import annotations

from collections.abc import Callable

from entrepot.catalog import Catalog
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.repos import push_reservations
from entrepot.catalog.repos.push_reservations import PushReservation
from entrepot.catalog.repos.repositories import RepoRow


def test_the_turn_of_an_account_is_kept_and_changed(catalog: Catalog, repo: RepoRow, alice: Account) -> None:
    with catalog.write() as tx:
        assert push_reservations.find(tx, repo.id, alice.id) is None
        push_reservations.put(tx, repo.id, alice.id, PushReservation(5))
        assert push_reservations.find(tx, repo.id, alice.id) == PushReservation(5, 0, 0)
        push_reservations.put(tx, repo.id, alice.id, PushReservation(6, 6, 9))
    with catalog.read() as tx:
        assert push_reservations.find(tx, repo.id, alice.id) == PushReservation(6, 6, 9)


def test_a_repository_is_held_until_its_last_turn_ends(
    catalog: Catalog, repo: RepoRow, alice: Account, add_repo: Callable[..., RepoRow]
) -> None:
    other = add_repo("other")
    with catalog.write() as tx:
        assert push_reservations.end_of(tx, repo.id) == 0
        push_reservations.put(tx, repo.id, alice.id, PushReservation(1, 1, 9))
        push_reservations.put(tx, repo.id, alice.id + 1, PushReservation(2, 2, 7))
        assert (push_reservations.end_of(tx, repo.id), push_reservations.end_of(tx, other.id)) == (9, 0)
        assert push_reservations.end_of_others(tx, repo.id, alice.id) == 7
        assert push_reservations.end_of_others(tx, repo.id, alice.id + 1) == 9
        assert push_reservations.end_of_others(tx, other.id, alice.id) == 0


def test_old_tries_are_forgotten(catalog: Catalog, repo: RepoRow, alice: Account) -> None:
    with catalog.write() as tx:
        push_reservations.put(tx, repo.id, alice.id, PushReservation(4))
        push_reservations.put(tx, repo.id, alice.id + 1, PushReservation(5))
        push_reservations.put(tx, repo.id, alice.id + 2, PushReservation(0, 0, 5))
        push_reservations.forget(tx, repo.id, 5)
        assert push_reservations.find(tx, repo.id, alice.id) is None
        assert push_reservations.find(tx, repo.id, alice.id + 1) == PushReservation(5)
        assert push_reservations.find(tx, repo.id, alice.id + 2) == PushReservation(0, 0, 5)

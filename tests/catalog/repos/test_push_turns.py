from __future__ import annotations

from collections.abc import Callable

from entrepot.catalog import Catalog
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.repos import push_turns
from entrepot.catalog.repos.push_turns import PushTurn
from entrepot.catalog.repos.repositories import RepoRow


def test_the_turn_of_an_account_is_kept_changed_and_removed(catalog: Catalog, repo: RepoRow, alice: Account) -> None:
    with catalog.write() as tx:
        assert push_turns.find(tx, repo.id, alice.id) is None
        push_turns.put(tx, repo.id, alice.id, PushTurn(5))
        assert push_turns.find(tx, repo.id, alice.id) == PushTurn(5, 0, 0)
        push_turns.put(tx, repo.id, alice.id, PushTurn(6, 6, 9))
    with catalog.read() as tx:
        assert push_turns.find(tx, repo.id, alice.id) == PushTurn(6, 6, 9)
    with catalog.write() as tx:
        push_turns.remove(tx, repo.id, alice.id)
        assert push_turns.find(tx, repo.id, alice.id) is None


def test_a_repository_is_held_until_its_last_turn_ends(
    catalog: Catalog, repo: RepoRow, alice: Account, add_repo: Callable[..., RepoRow]
) -> None:
    other = add_repo("other")
    with catalog.write() as tx:
        assert push_turns.end_of(tx, repo.id) == 0
        push_turns.put(tx, repo.id, alice.id, PushTurn(1, 1, 9))
        push_turns.put(tx, repo.id, alice.id + 1, PushTurn(2, 2, 7))
        assert (push_turns.end_of(tx, repo.id), push_turns.end_of(tx, other.id)) == (9, 0)


def test_old_tries_are_forgotten(catalog: Catalog, repo: RepoRow, alice: Account) -> None:
    with catalog.write() as tx:
        push_turns.put(tx, repo.id, alice.id, PushTurn(4))
        push_turns.put(tx, repo.id, alice.id + 1, PushTurn(5))
        push_turns.forget(tx, repo.id, 5)
        assert push_turns.find(tx, repo.id, alice.id) is None
        assert push_turns.find(tx, repo.id, alice.id + 1) == PushTurn(5)

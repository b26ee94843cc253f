from __future__ import annotations

from collections.abc import Callable

import attrs

from entrepot.catalog import Catalog
from entrepot.catalog.accounts import accounts, second_factors
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.accounts.second_factors import SecondFactorRow

SALT = "5a" * 16


def test_a_second_factor_is_stored_once_counts_and_goes_with_its_user(
    catalog: Catalog, alice: Account, add_account: Callable[..., Account]
) -> None:
    bob = add_account("bob")
    row = SecondFactorRow(alice.id, SALT, 1, 100)
    with catalog.write() as tx:
        assert second_factors.find(tx, alice.id) is None
        assert second_factors.add(tx, row)
        assert not second_factors.add(tx, attrs.evolve(row, salt="00" * 16))
        assert second_factors.find(tx, alice.id) == row
        second_factors.note_failure(tx, alice.id, 7, 9_000)
        assert second_factors.find(tx, alice.id) == attrs.evolve(row, failures=7, held_until_ms=9_000)
        assert not second_factors.accept(tx, alice.id, 100)
        assert second_factors.accept(tx, alice.id, 101)
        assert second_factors.find(tx, alice.id) == attrs.evolve(row, last_step=101)
        assert second_factors.with_factor(tx, [alice.id, bob.id]) == {alice.id}
        assert second_factors.remove(tx, alice.id)
        assert not second_factors.remove(tx, alice.id)
        second_factors.add(tx, attrs.evolve(row, user_id=bob.id))
        accounts.remove(tx, bob.id)
        assert second_factors.find(tx, bob.id) is None


def test_recovery_codes_belong_to_a_user_and_work_once(
    catalog: Catalog, alice: Account, add_account: Callable[..., Account]
) -> None:
    bob = add_account("bob")
    with catalog.write() as tx:
        second_factors.replace_codes(tx, alice.id, ["a" * 64, "b" * 64])
        second_factors.replace_codes(tx, bob.id, ["c" * 64])
        assert second_factors.count_codes(tx, alice.id) == 2
        assert not second_factors.use_code(tx, bob.id, "a" * 64)
        assert second_factors.use_code(tx, alice.id, "a" * 64)
        assert not second_factors.use_code(tx, alice.id, "a" * 64)
        second_factors.replace_codes(tx, alice.id, ["d" * 64])
        assert not second_factors.use_code(tx, alice.id, "b" * 64)
        second_factors.remove(tx, alice.id)
        assert second_factors.count_codes(tx, alice.id) == 0
        accounts.remove(tx, bob.id)
        assert second_factors.count_codes(tx, bob.id) == 0

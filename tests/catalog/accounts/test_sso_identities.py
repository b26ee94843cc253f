from __future__ import annotations

from collections.abc import Callable

import attrs

from entrepot.catalog import Catalog
from entrepot.catalog.accounts import accounts, sso_identities
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.accounts.sso_identities import IdentityRow


def test_identities_are_found_listed_used_and_removed(
    catalog: Catalog, alice: Account, add_account: Callable[..., Account]
) -> None:
    bob = add_account("bob")
    one, two, other = (
        IdentityRow(letter * 64, user.id, "https://issuer.example", letter, number)
        for number, (letter, user) in enumerate((("a", alice), ("b", alice), ("c", bob)))
    )
    with catalog.write() as tx:
        for row in (two, one, other):
            sso_identities.add(tx, row)
        assert sso_identities.find(tx, "c" * 64) == other
        assert sso_identities.find(tx, "d" * 64) is None
        sso_identities.note_use(tx, one.id_hash, 9)
        assert list(sso_identities.of_user(tx, alice.id)) == [attrs.evolve(one, used_ms=9), two]
        assert not sso_identities.remove(tx, alice.id, other.id_hash)
        assert sso_identities.remove(tx, alice.id, one.id_hash)
        accounts.remove(tx, bob.id)
        assert sso_identities.find(tx, other.id_hash) is None

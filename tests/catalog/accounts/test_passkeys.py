from __future__ import annotations

from collections.abc import Callable

import attrs

from entrepot.catalog import Catalog
from entrepot.catalog.accounts import accounts, passkeys
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.accounts.passkeys import PasskeyRow
from entrepot.names import new_uid


def test_passkeys_are_found_listed_used_named_and_removed(
    catalog: Catalog, alice: Account, add_account: Callable[..., Account]
) -> None:
    bob = add_account("bob")
    one, two, other = (
        PasskeyRow(letter * 64, new_uid(), user.id, b"\x00" + letter.encode(), b"\xff key", 0, letter, number)
        for number, (letter, user) in enumerate((("a", alice), ("b", alice), ("c", bob)))
    )
    with catalog.write() as tx:
        for row in (two, one, other):
            assert passkeys.add(tx, row)
        assert not passkeys.add(tx, attrs.evolve(one, user_id=bob.id, uid=new_uid()))
        assert passkeys.find(tx, "c" * 64) == other
        assert passkeys.find(tx, "d" * 64) is None
        assert passkeys.owners(tx, [alice.id, bob.id]) == {alice.id, bob.id}
        assert passkeys.owners(tx, []) == set()
        passkeys.note_use(tx, one.id_hash, 2**32 - 1, 9)
        assert not passkeys.rename(tx, bob.id, one.uid, "taken")
        assert passkeys.rename(tx, alice.id, one.uid, "phone")
        used = attrs.evolve(one, sign_count=2**32 - 1, used_ms=9, name="phone")
        assert list(passkeys.of_user(tx, alice.id)) == [used, two]
        assert passkeys.remove(tx, bob.id, one.uid) is None
        assert passkeys.remove(tx, alice.id, one.uid) == used
        assert passkeys.remove_all(tx, alice.id) == 1
        accounts.remove(tx, bob.id)
        assert passkeys.find(tx, other.id_hash) is None

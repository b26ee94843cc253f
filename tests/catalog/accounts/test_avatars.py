from collections.abc import Callable

from entrepot.catalog import Catalog
from entrepot.catalog.accounts import avatars
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.accounts.avatars import AvatarRow


def test_an_account_has_one_picture_which_is_found_by_its_name(
    catalog: Catalog, alice: Account, add_account: Callable[..., Account]
) -> None:
    bob = add_account("bob")
    first, second = AvatarRow(alice.id, "image/png", b"1", 1), AvatarRow(alice.id, "image/jpeg", b"\0\xff", 2)
    with catalog.write() as tx:
        avatars.put(tx, first)
        avatars.put(tx, AvatarRow(bob.id, "image/png", b"3", 1))
        avatars.put(tx, second)
        assert avatars.find(tx, "ALICE") == second
        avatars.remove(tx, alice.id)
        assert avatars.find(tx, "alice") is None
        assert avatars.find(tx, "bob") is not None
        assert avatars.find(tx, "nobody") is None

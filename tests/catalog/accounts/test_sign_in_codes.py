from entrepot.catalog import Catalog
from entrepot.catalog.accounts import sign_in_codes
from entrepot.catalog.accounts.accounts import Account


def test_a_code_is_found_until_it_expires_or_is_removed(catalog: Catalog, alice: Account) -> None:
    first, second = "aa" * 32, "bb" * 32
    with catalog.write() as tx:
        sign_in_codes.add(tx, first, alice.id, 1, 10)
        assert sign_in_codes.find(tx, first, 9) == alice.id
        assert sign_in_codes.find(tx, first, 10) is None
        sign_in_codes.add(tx, second, alice.id, 2, 20)
        assert sign_in_codes.find(tx, first, 3) is None
        sign_in_codes.remove(tx, second)
        assert sign_in_codes.find(tx, second, 3) is None

from collections.abc import Callable

import attrs
import pytest

from entrepot.catalog import Catalog
from entrepot.catalog.accounts import accounts, tokens
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.accounts.tokens import Token
from entrepot.catalog.repos import repositories
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import AlreadyExists
from entrepot.names import new_uid

AddAccount = Callable[..., Account]


def token(user: Account, name: str = "laptop", *, expires_ms: int | None = None) -> Token:
    return Token(new_uid(), user.id, name, "read", 5, expires_ms)


def secret(number: int) -> str:
    return f"{number:064x}"


def test_an_account_comes_back_as_it_was_added(catalog: Catalog) -> None:
    draft = accounts.fresh("Alice", "user", 7, fullname="Alice A.", email="a@example.org")
    with catalog.write() as tx:
        added = accounts.add(tx, draft)
    with catalog.read() as tx:
        found = accounts.find(tx, "aLICE")
    assert found == added == attrs.evolve(draft, id=added.id)
    assert (added.is_user, added.fullname, added.is_admin) == (True, "Alice A.", False)


def test_an_organisation_is_no_user_and_is_called_by_its_name_when_it_has_no_other(add_account: AddAccount) -> None:
    org = add_account("acme", "org")
    assert (org.is_user, org.fullname) == (False, "acme")


def test_a_name_is_taken_in_any_case_and_for_any_kind(catalog: Catalog, alice: Account) -> None:
    with catalog.write() as tx, pytest.raises(AlreadyExists, match="ALICE"):
        accounts.add(tx, accounts.fresh("ALICE", "org", 1))
    with catalog.read() as tx:
        assert accounts.count(tx) == 1


def test_an_unknown_name_finds_nothing(catalog: Catalog, alice: Account) -> None:
    with catalog.read() as tx:
        assert accounts.find(tx, "alice_") is None
        assert accounts.find(tx, "ali%") is None


def test_accounts_are_found_by_row_id_and_unknown_ids_are_left_out(catalog: Catalog, add_account: AddAccount) -> None:
    one, two = add_account("one"), add_account("two")
    with catalog.read() as tx:
        assert accounts.by_ids(tx, [one.id, two.id, 999]) == {one.id: one, two.id: two}
        assert accounts.by_ids(tx, []) == {}


def test_everyone_lists_one_kind_by_name_without_regard_to_case(catalog: Catalog, add_account: AddAccount) -> None:
    for name, kind in [("zoe", "user"), ("Bob", "user"), ("acme", "org"), ("carl", "user")]:
        add_account(name, kind)
    with catalog.read() as tx:
        assert [account.name for account in accounts.page_of_kind(tx, "user", limit=9)] == ["Bob", "carl", "zoe"]
        assert [account.name for account in accounts.page_of_kind(tx, "org", limit=9)] == ["acme"]


def test_joining_twice_replaces_the_role(catalog: Catalog, alice: Account, add_account: AddAccount) -> None:
    zeta, acme = add_account("zeta", "org"), add_account("Acme", "org")
    with catalog.write() as tx:
        accounts.join_org(tx, zeta.id, alice.id, "read")
        accounts.join_org(tx, acme.id, alice.id, "read")
        accounts.join_org(tx, acme.id, alice.id, "admin")
    with catalog.read() as tx:
        joined = accounts.memberships(tx, alice.id)
    assert [(one.org.name, one.role) for one in joined] == [("Acme", "admin"), ("zeta", "read")]
    assert joined[0].org == acme


def test_the_sole_administrator_is_named_until_there_is_another(
    catalog: Catalog, alice: Account, add_account: AddAccount
) -> None:
    bob, acme, zeta = add_account("bob"), add_account("acme", "org"), add_account("zeta", "org")
    with catalog.write() as tx:
        accounts.join_org(tx, acme.id, alice.id, "admin")
        accounts.join_org(tx, acme.id, bob.id, "write")
        accounts.join_org(tx, zeta.id, alice.id, "read")
    with catalog.write() as tx:
        assert accounts.sole_admin_of(tx, alice.id) == ["acme"]
        assert accounts.sole_admin_of(tx, bob.id) == []
        accounts.join_org(tx, acme.id, bob.id, "admin")
        assert accounts.sole_admin_of(tx, alice.id) == []


def test_removing_an_account_takes_its_tokens_and_memberships_along(
    catalog: Catalog, alice: Account, add_account: AddAccount
) -> None:
    acme = add_account("acme", "org")
    with catalog.write() as tx:
        tokens.add(tx, token(alice), secret(1))
        accounts.join_org(tx, acme.id, alice.id, "admin")
        accounts.remove(tx, alice.id)
    with catalog.read() as tx:
        assert accounts.find(tx, "alice") is None
        assert tokens.find(tx, secret(1)) is None
        assert accounts.count(tx) == 1


def test_removing_an_organisation_ends_its_memberships(
    catalog: Catalog, alice: Account, add_account: AddAccount
) -> None:
    acme = add_account("acme", "org")
    with catalog.write() as tx:
        accounts.join_org(tx, acme.id, alice.id, "admin")
        accounts.remove(tx, acme.id)
        assert accounts.memberships(tx, alice.id) == []


def test_an_account_can_go_although_a_repository_it_deleted_is_not_swept_yet(
    catalog: Catalog, alice: Account, repo: RepoRow
) -> None:
    with catalog.write() as tx:
        repositories.unlink(tx, repo, 10)
    with catalog.write() as tx:
        accounts.remove(tx, alice.id)
        assert accounts.count(tx) == 0
        assert repositories.deleted_before(tx, 99) == []


def test_fresh_accounts_have_ids_of_their_own() -> None:
    assert accounts.fresh("a", "user", 1).uid != accounts.fresh("a", "user", 1).uid


def test_members_of_an_organisation_are_listed_by_name(
    catalog: Catalog, alice: Account, add_account: AddAccount
) -> None:
    bob, acme, zeta = add_account("Bob"), add_account("acme", "org"), add_account("zeta", "org")
    with catalog.write() as tx:
        accounts.join_org(tx, acme.id, bob.id, "read")
        accounts.join_org(tx, acme.id, alice.id, "admin")
        accounts.join_org(tx, zeta.id, alice.id, "admin")
    with catalog.write() as tx:
        assert [(item.user, item.role) for item in accounts.members(tx, acme.id, limit=9)] == [
            (alice, "admin"),
            (bob, "read"),
        ]
        assert accounts.members(tx, alice.id, limit=9) == []
        assert accounts.count_members(tx, acme.id) == 2
        assert [item.user for item in accounts.members(tx, acme.id, after="Alice", limit=1)] == [bob]
        accounts.leave_org(tx, acme.id, bob.id)
        assert accounts.role_of(tx, acme.id, bob.id) is None


def test_accounts_are_found_by_their_permanent_ids(catalog: Catalog, alice: Account, add_account: AddAccount) -> None:
    bob = add_account("bob")
    with catalog.read() as tx:
        found = accounts.by_uids(tx, [alice.uid, bob.uid, new_uid()])
        assert accounts.by_uids(tx, []) == []
    assert {account.name for account in found} == {"alice", "bob"}


def test_a_role_is_looked_up_in_one_organisation(catalog: Catalog, alice: Account, add_account: AddAccount) -> None:
    acme, other = add_account("acme", "org"), add_account("other", "org")
    with catalog.write() as tx:
        accounts.join_org(tx, acme.id, alice.id, "write")
        assert accounts.role_of(tx, acme.id, alice.id) == "write"
        assert accounts.role_of(tx, other.id, alice.id) is None
        assert accounts.role_of(tx, alice.id, acme.id) is None


def test_columns_of_an_account_are_changed(catalog: Catalog, alice: Account) -> None:
    with catalog.write() as tx:
        accounts.update(tx, alice.id, fullname="Alice A.", details="Here.")
        found = accounts.find(tx, "alice")
    assert found is not None
    assert (found.fullname, found.details) == ("Alice A.", "Here.")

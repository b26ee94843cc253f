from collections.abc import Callable

import attrs
import pytest

from entrepot.catalog import Catalog
from entrepot.catalog.accounts import accounts, tokens
from entrepot.catalog.accounts.accounts import Account, Membership
from entrepot.catalog.accounts.tokens import OwnedToken, Token
from entrepot.errors import AlreadyExists
from entrepot.names import Uid, new_uid

AddAccount = Callable[..., Account]


def token(user: Account, name: str = "laptop", *, expires_ms: int | None = None) -> Token:
    return Token(new_uid(), user.id, name, "read", 5, expires_ms)


def secret(number: int) -> str:
    return f"{number:064x}"


def test_a_token_is_found_by_the_hash_of_its_secret_with_its_user(catalog: Catalog, alice: Account) -> None:
    stored = token(alice, expires_ms=99)
    with catalog.write() as tx:
        tokens.add(tx, stored, secret(1))
    with catalog.read() as tx:
        assert tokens.find(tx, secret(1)) == OwnedToken(stored, alice, [])
        assert tokens.find(tx, secret(2)) is None


def test_the_holder_of_a_token_comes_with_their_organisations_by_name(
    catalog: Catalog, alice: Account, add_account: AddAccount
) -> None:
    zeta, acme = add_account("zeta", "org"), add_account("Acme", "org")
    stored = attrs.evolve(token(alice), role="fineGrained", scopes={"scoped": []})
    with catalog.write() as tx:
        tokens.add(tx, stored, secret(1))
        assert tokens.find(tx, secret(1)) == OwnedToken(stored, alice, [])
        accounts.update(tx, alice.id, details="a profile")
        accounts.join_org(tx, zeta.id, alice.id, "read")
        accounts.join_org(tx, acme.id, alice.id, "admin")
    expected = OwnedToken(
        stored, attrs.evolve(alice, details="a profile"), [Membership(acme, "admin"), Membership(zeta, "read")]
    )
    with catalog.read() as tx:
        assert tokens.find(tx, secret(1)) == tokens.find_by_uid(tx, stored.uid) == expected
        assert list(expected.memberships) == accounts.memberships(tx, alice.id)
        assert tokens.find(tx, secret(2)) is None
        rows = tokens._TOKEN_BY_HASH.all(tx, {"secret_hash": secret(1)})
        assert [(row.scopes, row.details) for row in rows] == [({"scoped": []}, "a profile"), (None, None)]


def test_a_secret_is_stored_once(catalog: Catalog, alice: Account) -> None:
    with catalog.write() as tx:
        tokens.add(tx, token(alice, "first"), secret(1))
    with catalog.write() as tx, pytest.raises(AlreadyExists, match="secret"):
        tokens.add(tx, token(alice, "second"), secret(1))


def test_tokens_are_listed_oldest_first_and_only_the_users_own(
    catalog: Catalog, alice: Account, add_account: AddAccount
) -> None:
    bob = add_account("bob")
    with catalog.write() as tx:
        for number, (user, name) in enumerate([(alice, "z"), (bob, "b"), (alice, "a")]):
            tokens.add(tx, token(user, name), secret(number))
    with catalog.read() as tx:
        assert [one.name for one in tokens.of_user(tx, alice.id)] == ["z", "a"]


def test_a_removed_token_opens_nothing_any_more(catalog: Catalog, alice: Account) -> None:
    stored = token(alice)
    with catalog.write() as tx:
        tokens.add(tx, stored, secret(1))
        assert tokens.remove(tx, stored.uid)
        assert not tokens.remove(tx, stored.uid)
        assert not tokens.remove(tx, Uid("0" * 24))
        assert tokens.find(tx, secret(1)) is None


def test_the_scopes_of_a_token_come_back_as_they_were(catalog: Catalog, alice: Account) -> None:
    scopes = {"places": [["org", "a", ["repo.write"]]], "everywhere": [], "gated": True}
    with catalog.write() as tx:
        tokens.add(tx, attrs.evolve(token(alice), scopes=scopes), secret(1))
        tokens.add(tx, token(alice, "plain"), secret(2))
        assert [found.scopes for found in tokens.of_user(tx, alice.id)] == [scopes, None]


def test_a_token_is_renamed_and_gets_another_secret(catalog: Catalog, alice: Account) -> None:
    one, two = token(alice), token(alice, "two")
    with catalog.write() as tx:
        tokens.add(tx, one, secret(1))
        tokens.add(tx, two, secret(2))
        tokens.update(tx, one.uid, name="desk", secret_hash=secret(3))
        assert tokens.find(tx, secret(1)) is None
        found = tokens.find(tx, secret(3))
        tokens.update(tx, one.uid, secret_hash=secret(3))
        with pytest.raises(AlreadyExists):
            tokens.update(tx, two.uid, secret_hash=secret(3))
    assert found is not None
    assert found.token == attrs.evolve(one, name="desk")


def test_the_use_of_a_token_is_written_down_now_and_then(catalog: Catalog, alice: Account) -> None:
    with catalog.write() as tx:
        tokens.add(tx, Token(Uid("t" * 24), alice.id, "ci", "read", 1, None), "ab" * 32)
        for now_ms, expected in ((1000, 1000), (1099, 1000), (1100, 1100)):
            tokens.note_use(tx, "t" * 24, now_ms, every_ms=100)
            assert [token.used_ms for token in tokens.of_user(tx, alice.id)] == [expected]

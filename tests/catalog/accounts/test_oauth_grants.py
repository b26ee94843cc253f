from __future__ import annotations

import attrs

from entrepot.catalog import Catalog, Write
from entrepot.catalog.accounts import accounts, oauth_grants, sessions, tokens
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.accounts.oauth_grants import OAuthGrantRow
from entrepot.catalog.accounts.tokens import Token
from entrepot.names import Uid, new_uid


def grant(user: Account, uid: str = "a" * 24, refresh_hash: str = "aa" * 32) -> OAuthGrantRow:
    return OAuthGrantRow(uid, user.id, "client", refresh_hash, None, 1, 1, 100)


def add_token(tx: Write, user: Account, digit: str, grant_uid: str | None) -> Uid:
    token = Token(new_uid(), user.id, f"t{digit}", "write", 1, 50, grant_uid=grant_uid)
    tokens.add(tx, token, digit * 64)
    return token.uid


def names(tx: Write, user: Account) -> list[str]:
    return [token.name for token in tokens.of_user(tx, user.id)]


def test_a_grant_keeps_its_present_and_its_previous_refresh_token(catalog: Catalog, alice: Account) -> None:
    first = grant(alice)
    with catalog.write() as tx:
        oauth_grants.add(tx, first)
        assert oauth_grants.by_uid(tx, first.uid) == first
        oauth_grants.rotate(tx, first, "bb" * 32, now_ms=7, expires_ms=200)
        assert oauth_grants.by_uid(tx, first.uid) == attrs.evolve(
            first, refresh_hash="bb" * 32, previous_hash="aa" * 32, refreshed_ms=7, expires_ms=200
        )
        assert oauth_grants.by_uid(tx, "b" * 24) is None


def test_the_newest_tokens_of_a_grant_are_kept(catalog: Catalog, alice: Account) -> None:
    with catalog.write() as tx:
        oauth_grants.add(tx, grant(alice))
        for digit in "0123":
            add_token(tx, alice, digit, "a" * 24)
        add_token(tx, alice, "4", None)
        oauth_grants.keep_newest_tokens(tx, alice.id, "a" * 24, kept=2)
        assert names(tx, alice) == ["t2", "t3", "t4"]


def test_a_grant_goes_with_its_tokens_only(catalog: Catalog, alice: Account) -> None:
    one, two = grant(alice), grant(alice, "b" * 24, "bb" * 32)
    with catalog.write() as tx:
        for row, digit in ((one, "1"), (two, "2")):
            oauth_grants.add(tx, row)
            add_token(tx, alice, digit, row.uid)
        own = add_token(tx, alice, "3", None)
        oauth_grants.remove(tx, one.user_id, one.uid)
        assert names(tx, alice) == ["t2", "t3"]
        oauth_grants.remove_expired(tx, alice.id, 99)
        assert names(tx, alice) == ["t2", "t3"]
        oauth_grants.remove_expired(tx, alice.id, 100)
        assert names(tx, alice) == ["t3"]
        oauth_grants.add(tx, one)
        add_token(tx, alice, "1", one.uid)
        assert oauth_grants.remove_of(tx, alice.id) == 1
        assert [token.uid for token in tokens.of_user(tx, alice.id)] == [own]


def test_a_new_password_and_the_removal_of_the_account_end_grants(catalog: Catalog, alice: Account) -> None:
    with catalog.write() as tx:
        oauth_grants.add(tx, grant(alice))
        add_token(tx, alice, "1", "a" * 24)
        sessions.set_password(tx, alice.id, "hash")
        assert (oauth_grants.by_uid(tx, "a" * 24), names(tx, alice)) == (None, [])
        oauth_grants.add(tx, grant(alice))
        accounts.remove(tx, alice.id)
        assert oauth_grants.by_uid(tx, "a" * 24) is None

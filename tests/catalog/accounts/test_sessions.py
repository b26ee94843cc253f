from collections.abc import Callable

import attrs

from entrepot.catalog import Catalog
from entrepot.catalog.accounts import accounts, sessions
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.accounts.sessions import SessionRow
from entrepot.names import new_uid

AddAccount = Callable[..., Account]

FIRST, SECOND = "aa" * 32, "bb" * 32


def session(user: Account, at_ms: int) -> SessionRow:
    return SessionRow(user.id, at_ms, at_ms, new_uid(), "code", "203.0.113.0/24", "Firefox on Linux")


def test_a_session_is_found_until_it_is_removed(catalog: Catalog, alice: Account) -> None:
    with catalog.write() as tx:
        row = session(alice, 5)
        sessions.add(tx, FIRST, row)
        sessions.touch(tx, FIRST, 9)
        assert sessions.find(tx, FIRST) == attrs.evolve(row, seen_ms=9)
        assert sessions.find(tx, SECOND) is None
        assert sessions.remove(tx, FIRST)
        assert not sessions.remove(tx, FIRST)
        assert sessions.find(tx, FIRST) is None


def test_old_sessions_are_removed_by_age_and_by_last_use(catalog: Catalog, alice: Account) -> None:
    third = "cc" * 32
    with catalog.write() as tx:
        for key, at in ((FIRST, 1), (SECOND, 10), (third, 10)):
            sessions.add(tx, key, session(alice, at))
        sessions.touch(tx, FIRST, 20)
        sessions.touch(tx, SECOND, 20)
        sessions.remove_old(tx, created_before_ms=5, seen_before_ms=15)
        assert [sessions.find(tx, key) is not None for key in (FIRST, SECOND, third)] == [False, True, False]


def test_all_sessions_of_a_user_end_with_the_password_and_with_the_account(catalog: Catalog, alice: Account) -> None:
    with catalog.write() as tx:
        sessions.add(tx, FIRST, session(alice, 1))
        sessions.set_password(tx, alice.id, "hash")
        assert sessions.find(tx, FIRST) is None
        sessions.add(tx, FIRST, session(alice, 1))
        sessions.remove_of(tx, alice.id)
        assert sessions.find(tx, FIRST) is None
        sessions.add(tx, SECOND, session(alice, 1))
        accounts.remove(tx, alice.id)
        assert sessions.find(tx, SECOND) is None


def test_sessions_of_a_user_are_listed_and_removed_by_their_ids(catalog: Catalog, alice: Account) -> None:
    with catalog.write() as tx:
        rows = [session(alice, at) for at in (1, 2, 3)]
        for key, row in zip((FIRST, SECOND, "cc" * 32), rows, strict=True):
            sessions.add(tx, key, row)
        assert sessions.of_user(tx, alice.id, limit=9) == rows[::-1]
        assert sessions.of_user(tx, alice.id + 1, limit=9) == []
        assert sessions.remove_of(tx, alice.id, uid=rows[2].uid) == 1
        assert sessions.remove_of(tx, alice.id, uid=rows[2].uid) == 0
        assert sessions.remove_of(tx, alice.id, kept=FIRST) == 1
        assert sessions.of_user(tx, alice.id, limit=9) == [rows[0]]
        sessions.set_password(tx, alice.id, "hash", kept=FIRST)
        assert sessions.of_user(tx, alice.id, limit=9) == [rows[0]]


def test_a_password_is_set_on_one_account_only(catalog: Catalog, alice: Account, add_account: AddAccount) -> None:
    add_account("bob")
    with catalog.write() as tx:
        sessions.set_password(tx, alice.id, "argon2:x")
    with catalog.read() as tx:
        hashes = {account.name: account.password_hash for account in accounts.page_of_kind(tx, "user", limit=9)}
    assert hashes == {"alice": "argon2:x", "bob": None}

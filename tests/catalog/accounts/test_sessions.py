from entrepot.catalog import Catalog
from entrepot.catalog.accounts import accounts, sessions
from entrepot.catalog.accounts.accounts import Account

FIRST, SECOND = "aa" * 32, "bb" * 32


def test_a_session_is_found_until_it_is_removed(catalog: Catalog, alice: Account) -> None:
    with catalog.write() as tx:
        sessions.add(tx, FIRST, alice.id, 5)
        sessions.touch(tx, FIRST, 9)
        assert sessions.find(tx, FIRST) == sessions.SessionRow(alice.id, 5, 9)
        assert sessions.find(tx, SECOND) is None
        assert sessions.remove(tx, FIRST)
        assert not sessions.remove(tx, FIRST)
        assert sessions.find(tx, FIRST) is None


def test_old_sessions_are_removed_by_age_and_by_last_use(catalog: Catalog, alice: Account) -> None:
    third = "cc" * 32
    with catalog.write() as tx:
        for key, at in ((FIRST, 1), (SECOND, 10), (third, 10)):
            sessions.add(tx, key, alice.id, at)
        sessions.touch(tx, FIRST, 20)
        sessions.touch(tx, SECOND, 20)
        sessions.remove_old(tx, created_before_ms=5, seen_before_ms=15)
        assert [sessions.find(tx, key) is not None for key in (FIRST, SECOND, third)] == [False, True, False]


def test_all_sessions_of_a_user_end_with_the_password_and_with_the_account(catalog: Catalog, alice: Account) -> None:
    with catalog.write() as tx:
        sessions.add(tx, FIRST, alice.id, 1)
        accounts.set_password(tx, alice.id, "hash")
        assert sessions.find(tx, FIRST) is None
        sessions.add(tx, FIRST, alice.id, 1)
        sessions.remove_of(tx, alice.id)
        assert sessions.find(tx, FIRST) is None
        sessions.add(tx, SECOND, alice.id, 1)
        accounts.remove(tx, alice.id)
        assert sessions.find(tx, SECOND) is None

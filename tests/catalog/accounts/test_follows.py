from collections.abc import Callable

from entrepot.catalog import Catalog
from entrepot.catalog.accounts import follows
from entrepot.catalog.accounts.accounts import Account


def test_a_follow_counts_once(catalog: Catalog, alice: Account, add_account: Callable[..., Account]) -> None:
    bob = add_account("bob")
    with catalog.write() as tx:
        assert follows.add(tx, bob.id, alice.id, 1)
        assert not follows.add(tx, bob.id, alice.id, 2)
        assert follows.is_following(tx, bob.id, alice.id)
        assert not follows.is_following(tx, alice.id, bob.id)
        assert follows.count_followers(tx, alice.id) == 1
        assert follows.remove(tx, bob.id, alice.id)
        assert not follows.remove(tx, bob.id, alice.id)
        assert follows.count_followers(tx, alice.id) == 0


def test_pages_do_not_repeat_follows_of_one_moment(
    catalog: Catalog, alice: Account, add_account: Callable[..., Account]
) -> None:
    people = [add_account(name) for name in ("bob", "carl", "dora")]
    with catalog.write() as tx:
        for person in people:
            follows.add(tx, person.id, alice.id, 7)
        first = follows.followers(tx, alice.id, after=None, limit=2)
        rest = follows.followers(tx, alice.id, after=first[-1], limit=2)
    assert [account_id for _, account_id in (*first, *rest)] == [person.id for person in reversed(people)]


def test_followed_organisations_are_not_among_the_followed_users(
    catalog: Catalog, alice: Account, add_account: Callable[..., Account]
) -> None:
    bob, acme = add_account("bob"), add_account("acme", "org")
    with catalog.write() as tx:
        follows.add(tx, alice.id, acme.id, 1)
        follows.add(tx, alice.id, bob.id, 2)
        assert follows.followed_users(tx, alice.id, after=None, limit=9) == [(2, bob.id)]
        assert follows.count_followed_users(tx, alice.id) == 1
        assert follows.count_followers(tx, acme.id) == 1

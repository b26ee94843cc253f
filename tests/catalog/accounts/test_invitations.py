from collections.abc import Callable

import attrs
import pytest

from entrepot.catalog import Catalog
from entrepot.catalog.accounts import accounts, invitations
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.accounts.invitations import Invitation
from entrepot.names import new_uid


@pytest.fixture
def acme(add_account: Callable[..., Account]) -> Account:
    return add_account("acme", "org")


@pytest.fixture(autouse=True)
def boss(add_account: Callable[..., Account], acme: Account, catalog: Catalog) -> Account:
    """Return the user who sends the invitations."""
    added = add_account("boss")
    with catalog.write() as tx:
        accounts.join_org(tx, acme.id, added.id, "admin")
    return added


def offer(org: Account, user: Account, role: str = "read", expires_ms: int = 100) -> Invitation:
    inviter = org.id + 1  # the user who was added after the organisation
    return Invitation(0, new_uid(), org.id, user.id, role, inviter, 1, expires_ms)


def test_an_invitation_is_found_from_both_sides_until_it_expires(
    catalog: Catalog, alice: Account, acme: Account
) -> None:
    with catalog.write() as tx:
        made = invitations.put(tx, offer(acme, alice))
        for now_ms, expected in ((99, [made]), (100, [])):
            assert invitations.of_org(tx, acme.id, now_ms, limit=9) == expected
            assert invitations.of_user(tx, alice.id, now_ms, limit=9) == expected
            assert invitations.by_uid(tx, made.uid, now_ms) == (expected[0] if expected else None)


def test_a_second_invitation_takes_the_place_of_the_first(catalog: Catalog, alice: Account, acme: Account) -> None:
    with catalog.write() as tx:
        invitations.put(tx, offer(acme, alice))
        second = invitations.put(tx, offer(acme, alice, "admin"))
        assert invitations.of_org(tx, acme.id, 5, limit=9) == [second]


def test_void_invitations_neither_count_nor_stay(
    catalog: Catalog, alice: Account, acme: Account, boss: Account, add_account: Callable[..., Account]
) -> None:
    rival, beta = add_account("rival"), add_account("beta", "org")
    with catalog.write() as tx:
        void = invitations.put(tx, offer(acme, alice))
        accounts.join_org(tx, acme.id, rival.id, "admin")
        kept = invitations.put(tx, attrs.evolve(offer(acme, boss), inviter_id=rival.id))
        elsewhere = invitations.put(tx, attrs.evolve(offer(acme, alice), org_id=beta.id))
        assert invitations.count_of_org(tx, acme.id, 5) == 2
        accounts.join_org(tx, acme.id, boss.id, "write")
        assert invitations.count_of_org(tx, acme.id, 5) == 1
        assert invitations.in_org(tx, acme.id, void.uid) == void
        assert invitations.in_org(tx, beta.id, void.uid) is None
        invitations.forget_void(tx, acme.id, 5)
        assert invitations.in_org(tx, acme.id, void.uid) is None
        assert invitations.in_org(tx, acme.id, kept.uid) == kept
        assert invitations.in_org(tx, beta.id, elsewhere.uid) == elsewhere


def test_only_expired_invitations_are_deleted(
    catalog: Catalog, alice: Account, acme: Account, add_account: Callable[..., Account]
) -> None:
    bob = add_account("bob")
    with catalog.write() as tx:
        kept = invitations.put(tx, offer(acme, alice, expires_ms=50))
        invitations.put(tx, offer(acme, bob, expires_ms=49))
        invitations.forget_void(tx, acme.id, 49)
        assert invitations.of_org(tx, acme.id, 0, limit=9) == [kept]
        invitations.remove(tx, acme.id, alice.id)
        assert invitations.of_org(tx, acme.id, 0, limit=9) == []


def test_an_invitation_is_open_while_its_inviter_may_invite(
    catalog: Catalog, alice: Account, acme: Account, boss: Account
) -> None:
    with catalog.write() as tx:
        made = invitations.put(tx, offer(acme, alice))

        def is_open() -> bool:
            found = {invitations.by_uid(tx, made.uid, 5) == made}
            found |= {invitations.of_org(tx, acme.id, 5, limit=9) == [made]}
            found |= {invitations.of_user(tx, alice.id, 5, limit=9) == [made]}
            assert len(found) == 1, "every query agrees"
            return found.pop()

        assert is_open()
        accounts.join_org(tx, acme.id, boss.id, "write")
        assert not is_open()
        accounts.update(tx, boss.id, is_admin=True)
        assert is_open(), "an administrator of the hub invites into every organisation"
        accounts.update(tx, boss.id, suspended_ms=3)
        assert not is_open()
        accounts.update(tx, boss.id, suspended_ms=None, is_admin=False)
        accounts.leave_org(tx, acme.id, boss.id)
        assert not is_open()


def test_an_invitation_of_another_inviter_keeps_none_open(
    catalog: Catalog, alice: Account, acme: Account, boss: Account, add_account: Callable[..., Account]
) -> None:
    rival = add_account("rival")
    with catalog.write() as tx:
        void = invitations.put(tx, offer(acme, alice))
        accounts.join_org(tx, acme.id, rival.id, "admin")
        accounts.join_org(tx, acme.id, boss.id, "write")
        kept = invitations.put(tx, attrs.evolve(offer(acme, boss), inviter_id=rival.id))
        assert invitations.by_uid(tx, void.uid, 5) is None
        assert invitations.of_user(tx, alice.id, 5, limit=9) == []
        assert invitations.of_org(tx, acme.id, 5, limit=9) == [kept]


def test_invitations_come_in_pages_and_are_counted(
    catalog: Catalog, acme: Account, add_account: Callable[..., Account]
) -> None:
    people = [add_account(name) for name in ("ann", "ben", "cem")]
    with catalog.write() as tx:
        made = [invitations.put(tx, offer(acme, user, expires_ms=9)) for user in people]
        first = invitations.of_org(tx, acme.id, 5, limit=2)
        assert [*first, *invitations.of_org(tx, acme.id, 5, after=first[-1].id, limit=2)] == made
        assert invitations.count_of_org(tx, acme.id, 5) == 3
        assert invitations.count_of_org(tx, acme.id, 9) == 0

from collections.abc import Callable, Mapping

import attrs
import pytest

from entrepot.catalog import Lock
from entrepot.catalog.accounts.accounts import Account
from entrepot.errors import AlreadyExists, Refused
from entrepot.hub.sso import identities
from entrepot.hub.sso.id_tokens import IdToken
from tests.support.worlds import World

ISSUER = "https://id.example.org"


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    return make_world(sso_issuer=ISSUER, sso_client_id="hub", sso_create_users=True)


def proof(subject: str = "1", **claims: object) -> IdToken:
    return IdToken(ISSUER, subject, None, 0, claims)


def account_of(world: World, given: IdToken) -> Account | None:
    with world.hub.write(Lock.hub(), Lock.audit()) as tx:
        return identities.account_of(world.hub, tx, given)


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({"name": "Ann E.", "email": "ann@example.org", "email_verified": True}, ("Ann E.", "ann@example.org")),
        ({"name": "Ann E.", "email": "ann@example.org"}, ("Ann E.", None)),
        ({"name": "a\nb", "email": "no address", "email_verified": True}, ("ann", None)),
        ({"name": 7, "email": ["ann@example.org"], "email_verified": True}, ("ann", None)),
    ],
)
def test_a_new_account_takes_the_claims_that_follow_the_rules(
    world: World, claims: Mapping[str, object], expected: tuple[str, str | None]
) -> None:
    made = account_of(world, IdToken(ISSUER, "1", None, 0, {"preferred_username": "ann", **claims}))
    assert made is not None
    assert (made.name, made.fullname, made.email) == ("ann", *expected)
    known = account_of(world, proof(preferred_username="another"))
    assert known == attrs.evolve(made), "issuer and subject identify the person"


def test_a_person_whose_name_breaks_a_rule_chooses_a_free_one(world: World) -> None:
    assert account_of(world, proof(preferred_username="ali.ce")) is None
    with world.hub.read() as tx:
        assert identities.free_name(tx, "ali.ce") == "ali-ce"
        assert identities.free_name(tx, "alice") == "alice-2"
        assert identities.free_name(tx, "***") == ""


def test_a_taken_name_and_a_missing_claim_are_refused_in_words(world: World) -> None:
    with pytest.raises(Refused, match="the name 'alice' is taken: if the account is yours"):
        account_of(world, proof(preferred_username="alice"))
    with pytest.raises(Refused, match="in the claim 'preferred_username'"):
        account_of(world, proof(name="Ann"))


def test_one_identity_belongs_to_one_account(world: World) -> None:
    identities.link(world.hub, world.alice, proof(preferred_username="ann\n"))
    with pytest.raises(AlreadyExists):
        identities.link(world.hub, world.bob, proof())
    [own] = identities.list_own(world.hub, world.alice)
    assert (own.issuer, own.label) == (ISSUER, "1"), "what cannot be printed is no label"
    with world.hub.read() as tx:
        assert identities.is_linked(tx, proof())
        assert not identities.is_linked(tx, proof("2"))

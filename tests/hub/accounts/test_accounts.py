from __future__ import annotations

from typing import Any

import pytest

from entrepot.catalog.audit import AuditFilter
from entrepot.errors import AccountNotFound, AlreadyExists, InvalidCredentials, InvalidName, Refused, ThingNotFound
from entrepot.hub import audit
from entrepot.hub.accounts import accounts, administration
from entrepot.hub.accounts.passwords import is_right
from entrepot.hub.audit import CONSOLE
from entrepot.hub.callers import Role
from entrepot.hub.jobs import maintenance
from entrepot.hub.repos import repositories
from tests.support import hub_work
from tests.support.worlds import World


def test_a_user_has_a_name_of_its_own_in_any_case(world: World) -> None:
    made = accounts.create_user(world.hub, "Eve", fullname="Eve E", email="eve@example.org")
    assert (made.fullname, made.email, made.is_admin) == ("Eve E", "eve@example.org", False)
    for name in ("eve", "ACME"):
        with pytest.raises(AlreadyExists):
            accounts.create_user(world.hub, name)
    with pytest.raises(AlreadyExists):
        accounts.create_org(world.hub, "EVE", admin="alice")


@pytest.mark.parametrize(
    "values", [{"name": "a.b"}, {"name": "api"}, {"email": "eve"}, {"email": "a b@c"}, {"password": "short"}]
)
def test_a_user_with_invalid_values_is_not_created(world: World, values: dict[str, Any]) -> None:
    with pytest.raises(InvalidName):
        accounts.create_user(world.hub, **({"name": "eve"} | values))
    assert "eve" not in [user.name for user, _ in hub_work.list_users(world.hub)]


def test_an_organisation_needs_an_administrator(world: World) -> None:
    for name in ("absent", "acme"):
        with pytest.raises(AccountNotFound):
            accounts.create_org(world.hub, "fresh", admin=name)
    accounts.create_org(world.hub, "fresh", admin="alice")
    assert [org.name for org in administration.list_orgs(world.hub, CONSOLE)] == ["acme", "fresh"]


def test_members_are_added_and_change_roles(world: World) -> None:
    accounts.set_member(world.hub, "acme", "bob", Role.WRITE)
    accounts.set_member(world.hub, "acme", "bob", Role.READ)
    [membership] = world.bob.memberships
    assert (membership.org.name, membership.role) == ("acme", "read")
    for org, user in (("absent", "bob"), ("alice", "bob"), ("acme", "absent"), ("acme", "acme")):
        with pytest.raises(AccountNotFound):
            accounts.set_member(world.hub, org, user, Role.READ)


def test_the_last_administrator_stays_one(world: World) -> None:
    with pytest.raises(Refused, match="only administrator of acme"):
        accounts.set_member(world.hub, "acme", "olga", Role.READ)
    with pytest.raises(Refused, match="only administrator of acme"):
        hub_work.delete_user(world.hub, "olga")
    accounts.set_member(world.hub, "acme", "olga", Role.ADMIN)
    accounts.set_member(world.hub, "acme", "bob", Role.ADMIN)
    accounts.set_member(world.hub, "acme", "olga", Role.READ)
    hub_work.delete_user(world.hub, "olga")


def test_a_token_works_until_it_expires_or_is_revoked(world: World) -> None:
    end = world.clock() + 1000
    made = accounts.create_token(world.hub, "alice", role="read", expires_ms=end)
    assert made.secret.startswith("hf_")
    assert made.secret not in repr(made)
    assert world.hub.identify(made.secret).account.name == "alice"
    world.clock.now_ms = end
    with pytest.raises(InvalidCredentials):
        world.hub.identify(made.secret)
    other = accounts.create_token(world.hub, "alice", role="write")
    assert accounts.revoke_token(world.hub, "alice", other.token.name) == other.token
    with pytest.raises(InvalidCredentials):
        world.hub.identify(other.secret)


def test_tokens_are_revoked_by_id_or_unique_name(world: World) -> None:
    first, second = (accounts.create_token(world.hub, "alice", role="read", name="same") for _ in range(2))
    with pytest.raises(Refused):
        accounts.revoke_token(world.hub, "alice", "same")
    with pytest.raises(ThingNotFound):
        accounts.revoke_token(world.hub, "bob", first.token.uid)
    accounts.revoke_token(world.hub, "alice", first.token.uid)
    accounts.revoke_token(world.hub, "alice", "same")
    with pytest.raises(InvalidCredentials):
        world.hub.identify(second.secret)


def test_a_secret_can_be_imported_once(world: World) -> None:
    accounts.create_token(world.hub, "alice", role="write", secret="hf_known-elsewhere")
    assert world.hub.identify("hf_known-elsewhere").account.name == "alice"
    with pytest.raises(AlreadyExists):
        accounts.create_token(world.hub, "bob", role="write", secret="hf_known-elsewhere")


@pytest.mark.parametrize(
    "values",
    [{"role": "admin"}, {"secret": "plain"}, {"secret": "hf_"}, {"secret": "hf_abcde\n"}, {"secret": "hf_é" * 9}],
)
def test_invalid_tokens_are_not_created(world: World, values: dict[str, Any]) -> None:
    before = {user.name: len(tokens) for user, tokens in hub_work.list_users(world.hub)}
    with pytest.raises(InvalidName) as caught:
        accounts.create_token(world.hub, "alice", **({"role": "read"} | values))
    assert "elsewhere" not in str(caught.value)
    assert before == {user.name: len(tokens) for user, tokens in hub_work.list_users(world.hub)}


def test_a_user_who_owns_repositories_cannot_be_deleted(world: World) -> None:
    secret = world.secrets["bob:write"]
    ref = world.repo("bob/m")
    with pytest.raises(Refused, match="bob/m"):
        hub_work.delete_user(world.hub, "bob")
    world.add_large(ref, "w.bin", b"large")
    repositories.delete(world.hub, world.bob, ref)
    hub_work.delete_user(world.hub, "bob")
    with pytest.raises(InvalidCredentials):
        world.hub.identify(secret)
    with pytest.raises(AccountNotFound):
        hub_work.delete_user(world.hub, "bob")
    world.clock.advance(22 * 86_400_000)
    assert [item.kind for item in maintenance.gc(world.hub)] == ["file"]


def test_a_password_is_set_or_generated(world: World) -> None:
    from entrepot.catalog.accounts import accounts as rows

    def is_now(password: str) -> bool:
        with world.hub.read() as tx:
            return is_right(rows.find(tx, "alice").password_hash, password)

    assert not is_now("correct horse")
    assert accounts.reset_password(world.hub, "alice", "correct horse") == "correct horse"
    assert is_now("correct horse")
    made = accounts.reset_password(world.hub, "alice", None)
    assert len(made) == 20
    assert is_now(made)
    assert not is_now("correct horse")
    with pytest.raises(AccountNotFound):
        accounts.reset_password(world.hub, "acme", None)


def test_has_accounts(world: World) -> None:
    assert accounts.has_accounts(world.hub)


def test_commands_on_the_machine_are_in_the_audit_log(world: World) -> None:
    hub = world.hub
    accounts.create_user(hub, "dora")
    token = accounts.create_token(hub, "dora", role="read", name="ci").token
    accounts.set_member(hub, "acme", "dora", Role.READ)
    accounts.revoke_token(hub, "dora", token.uid)
    accounts.reset_password(hub, "dora", None)
    hub_work.delete_user(hub, "dora")
    rows = audit.search(hub, AuditFilter(actor=audit.CONSOLE), limit=6)
    assert [(row.action, row.subject) for row in reversed(rows)] == [
        ("user.create", "user dora"),
        ("token.create", "token ci of dora"),
        ("member.role", "organisation acme"),
        ("token.revoke", "token ci of dora"),
        ("user.password", "user dora"),
        ("user.delete", "user dora"),
    ]
    assert not [row for row in rows if "hf_" in row.details]

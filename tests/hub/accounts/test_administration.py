from __future__ import annotations

from typing import Any

import pytest

from entrepot.errors import AccountSuspended, InvalidCredentials, LoginRequired, NotAllowed, Refused, ThingNotFound
from entrepot.hub import audit
from entrepot.hub.accounts import accounts, administration
from entrepot.hub.accounts.administration import require_admin, require_reader
from entrepot.hub.callers import Caller, Role
from entrepot.hub.context import HubContext
from entrepot.hub.repos import repositories
from entrepot.hub.repos.repositories import NewRepo
from entrepot.names import RepoType
from entrepot.wire.accounts.administration import NewOrgByAdmin, UserChanges
from tests.support import hub_work

CONSOLE = audit.CONSOLE


@pytest.fixture
def staff(hub: HubContext) -> HubContext:
    """A hub with the administrators root and boss, the user bob, and the organisation acme of bob."""
    for name in ("root", "boss"):
        accounts.create_user(hub, name, is_admin=True)
    accounts.create_user(hub, "bob")
    accounts.create_org(hub, "acme", admin="bob")
    return hub


def caller(hub: HubContext, name: str, role: str = "write") -> Caller:
    found = hub.identify(accounts.create_token(hub, name, role=role).secret)
    assert found is not None
    return found


def actions(hub: HubContext) -> list[tuple[str, str, str]]:
    rows = audit.search(hub, audit.AuditFilter(None, None, None, None, None), limit=100)
    return [(row.actor, row.action, row.subject) for row in rows]


def test_only_administrators_of_the_hub_have_access(staff: HubContext) -> None:
    assert require_admin(CONSOLE) == CONSOLE
    root = caller(staff, "root")
    assert require_admin(root) is root
    with pytest.raises(LoginRequired):
        require_reader(None)
    for act in (require_reader, require_admin):
        with pytest.raises(NotAllowed):
            act(caller(staff, "bob"))
    reading = caller(staff, "root", "read")
    assert require_reader(reading) is reading
    with pytest.raises(NotAllowed):
        require_admin(reading)


def test_a_suspended_account_is_refused_until_that_ends(staff: HubContext) -> None:
    secret = accounts.create_token(staff, "bob", role="write").secret
    changed = administration.change_user(staff, caller(staff, "root"), "BOB", UserChanges(is_suspended=True))
    assert changed.is_suspended
    with pytest.raises(AccountSuspended):
        staff.identify(secret)
    administration.change_user(staff, CONSOLE, "bob", UserChanges(is_suspended=False))
    assert staff.identify(secret) is not None
    told = actions(staff)
    assert ("root", "user.suspend", "user bob") in told
    assert (CONSOLE, "user.unsuspend", "user bob") in told


@pytest.mark.parametrize("changes", [UserChanges(is_admin=False), UserChanges(is_suspended=True)])
def test_the_last_administrator_stays(staff: HubContext, changes: UserChanges) -> None:
    administration.change_user(staff, CONSOLE, "boss", changes)
    with pytest.raises(Refused, match="only administrator of the hub"):
        administration.change_user(staff, CONSOLE, "root", changes)
    with pytest.raises(Refused, match="only administrator of the hub"):
        hub_work.delete_user(staff, "root")
    hub_work.delete_user(staff, "boss")


def test_a_change_that_changes_nothing_leaves_no_trace(staff: HubContext) -> None:
    before = actions(staff)
    administration.change_user(staff, CONSOLE, "root", UserChanges(is_admin=True, is_suspended=False))
    administration.change_user(staff, CONSOLE, "root", UserChanges())
    assert actions(staff) == before


def test_members_are_listed_and_changed(staff: HubContext) -> None:
    administration.set_member(staff, CONSOLE, "acme", "root", "write")
    listed = administration.list_members(staff, CONSOLE, "acme")
    assert [(member.user, member.role) for member in listed] == [("bob", "admin"), ("root", "write")]
    with pytest.raises(Refused, match="only administrator of acme"):
        administration.remove_member(staff, CONSOLE, "acme", "bob")
    administration.remove_member(staff, CONSOLE, "acme", "root")
    with pytest.raises(ThingNotFound):
        administration.remove_member(staff, CONSOLE, "acme", "root")
    assert (CONSOLE, "member.remove", "organisation acme") in actions(staff)


def test_organisations_are_created_and_listed(staff: HubContext) -> None:
    new = NewOrgByAdmin(name="beta", admin="bob", default_visibility="private")
    made = administration.create_org(staff, caller(staff, "root"), new)
    assert made.default_visibility == "private"
    assert [org.name for org in administration.list_orgs(staff, CONSOLE)] == ["acme", "beta"]


def test_repositories_are_listed_with_private_ones(staff: HubContext, monkeypatch: pytest.MonkeyPatch) -> None:
    bob = caller(staff, "bob")
    for namespace, name in (("bob", "one"), ("acme", "two"), ("bob", "three")):
        repositories.create(staff, bob, NewRepo(RepoType.MODEL, name, namespace=namespace, visibility="private"))
    monkeypatch.setattr(administration, "PAGE", 2)
    first = administration.list_repos(staff, CONSOLE)
    assert first.after is not None
    second = administration.list_repos(staff, CONSOLE, None, first.after)
    assert [row.repo for row in (*first.repos, *second.repos)] == ["bob/one", "acme/two", "bob/three"]
    assert all(row.private for row in first.repos)
    assert [row.repo for row in administration.list_repos(staff, CONSOLE, "acme").repos] == ["acme/two"]


def test_users_are_listed_with_tokens_and_without_secrets(staff: HubContext) -> None:
    secret = accounts.create_token(staff, "bob", role="read").secret
    users = {user.name: user for user in administration.list_users(staff, CONSOLE)}
    assert [token.role for token in users["bob"].tokens] == ["read"]
    assert secret not in repr(users)


def test_no_use_case_serves_others(staff: HubContext) -> None:
    attempts: list[Any] = [
        lambda by: administration.list_users(staff, by),
        lambda by: administration.change_user(staff, by, "bob", UserChanges(is_admin=True)),
        lambda by: administration.list_orgs(staff, by),
        lambda by: administration.create_org(staff, by, NewOrgByAdmin(name="mine", admin="bob")),
        lambda by: administration.list_members(staff, by, "acme"),
        lambda by: administration.set_member(staff, by, "acme", "bob", "admin"),
        lambda by: administration.remove_member(staff, by, "acme", "bob"),
        lambda by: administration.list_repos(staff, by),
    ]
    bob = caller(staff, "bob")
    assert bob.own_role(bob.account.id) is Role.ADMIN
    for attempt in attempts:
        with pytest.raises(NotAllowed):
            attempt(bob)
        with pytest.raises(LoginRequired):
            attempt(None)
    with pytest.raises(InvalidCredentials):
        staff.identify("hf_unknown")

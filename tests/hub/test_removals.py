from __future__ import annotations

import pytest

from entrepot.errors import Malformed, NotAllowed, Refused, RepoMoved, RepoNotFound
from entrepot.hub import access, accounts, administration, audit, removals, repositories
from entrepot.hub.callers import Caller
from entrepot.hub.house import Hub
from entrepot.hub.repositories import NewRepo
from entrepot.names import RepoRef, RepoType, parse_repo_id
from entrepot.wire.administration import Removal

CONSOLE = audit.CONSOLE
NOTHING = Removal()


@pytest.fixture
def team(hub: Hub) -> Hub:
    """A hub with bob, who owns two models and is the only administrator of acme, and with carol."""
    for name in ("bob", "carol"):
        accounts.create_user(hub, name)
    accounts.create_org(hub, "acme", admin="bob")
    for name in ("one", "two"):
        repositories.create(hub, caller(hub, "bob"), NewRepo(RepoType.MODEL, name, visibility="private"))
    return hub


def caller(hub: Hub, name: str) -> Caller:
    found = hub.identify(accounts.create_token(hub, name, role="write").secret)
    assert found is not None
    return found


def model(name: str) -> RepoRef:
    return RepoRef(RepoType.MODEL, parse_repo_id(name))


def names(hub: Hub, namespace: str) -> list[str]:
    return sorted(row.repo for row in administration.list_repos(hub, CONSOLE, namespace).repos)


def test_all_repositories_are_transferred_and_the_old_names_redirect(team: Hub) -> None:
    moved = removals.transfer_all(team, CONSOLE, "bob", "carol")
    assert sorted(moved.moved) == ["carol/one", "carol/two"]
    assert names(team, "bob") == []
    with team.read() as tx, pytest.raises(RepoMoved):
        access.visible(tx, caller(team, "carol"), model("bob/one"))


def test_a_taken_name_stops_the_whole_transfer(team: Hub) -> None:
    repositories.create(team, caller(team, "carol"), NewRepo(RepoType.MODEL, "TWO"))
    with pytest.raises(Refused, match="bob/two"):
        removals.transfer_all(team, CONSOLE, "bob", "carol")
    assert names(team, "bob") == ["bob/one", "bob/two"]
    with pytest.raises(Refused, match="the same account"):
        removals.transfer_all(team, CONSOLE, "bob", "BOB")


def test_an_account_with_repositories_is_deleted_only_on_purpose(team: Hub) -> None:
    with pytest.raises(Refused, match="still owns"):
        removals.delete_user(team, CONSOLE, "bob", NOTHING)
    with pytest.raises(Malformed):
        removals.delete_user(team, CONSOLE, "bob", Removal(transfer_to="carol", purge=True))
    assert names(team, "bob") == ["bob/one", "bob/two"]


def test_a_successor_gets_repositories_and_organisations(team: Hub) -> None:
    done = removals.delete_user(team, CONSOLE, "bob", Removal(transfer_to="carol"))
    assert (done.deleted, sorted(done.moved), list(done.purged)) == ("bob", ["carol/one", "carol/two"], [])
    members = administration.list_members(team, CONSOLE, "acme")
    assert [(member.user, member.role) for member in members] == [("carol", "admin")]
    told = [row.action for row in audit.search(team, audit.AuditFilter(None, None, None, None, None), limit=9)]
    assert {"user.delete", "repo.move", "member.role"} <= set(told)
    assert audit.verify(team).is_whole


def test_purging_deletes_repositories_but_no_organisation(team: Hub) -> None:
    with pytest.raises(Refused, match="only administrator of acme"):
        removals.delete_user(team, CONSOLE, "bob", Removal(purge=True))
    assert names(team, "bob") == ["bob/one", "bob/two"]
    removals.delete_org(team, CONSOLE, "acme", NOTHING)
    done = removals.delete_user(team, CONSOLE, "bob", Removal(purge=True))
    assert sorted(done.purged) == ["bob/one", "bob/two"]
    accounts.create_user(team, "bob")
    with team.read() as tx, pytest.raises(RepoNotFound):
        access.visible(tx, caller(team, "bob"), model("bob/one"))


def test_an_organisation_goes_with_or_without_its_repositories(team: Hub) -> None:
    repositories.create(team, caller(team, "bob"), NewRepo(RepoType.MODEL, "three", namespace="acme"))
    with pytest.raises(Refused, match="still owns"):
        removals.delete_org(team, CONSOLE, "acme", NOTHING)
    assert removals.delete_org(team, CONSOLE, "acme", Removal(transfer_to="carol")).moved == ["carol/three"]


def test_others_delete_and_transfer_nothing(team: Hub) -> None:
    bob = caller(team, "bob")
    with pytest.raises(NotAllowed):
        removals.transfer_all(team, bob, "carol", "bob")
    with pytest.raises(NotAllowed):
        removals.delete_user(team, bob, "carol", NOTHING)
    with pytest.raises(NotAllowed):
        removals.delete_org(team, bob, "acme", NOTHING)

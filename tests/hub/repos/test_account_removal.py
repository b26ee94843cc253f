from __future__ import annotations

import pytest

from entrepot.errors import Malformed, NotAllowed, QuotaExceeded, Refused, RepoMoved, RepoNotFound
from entrepot.hub import access, audit
from entrepot.hub.accounts import accounts, administration, quotas
from entrepot.hub.callers import Caller
from entrepot.hub.context import HubContext
from entrepot.hub.repos import account_removal, repositories
from entrepot.hub.repos.repositories import NewRepo
from entrepot.names import RepoRef, RepoType, parse_repo_id
from entrepot.wire.accounts.administration import Removal

CONSOLE = audit.CONSOLE
NOTHING = Removal()


@pytest.fixture
def team(hub: HubContext) -> HubContext:
    """A hub with bob, who owns two models and is the only administrator of acme, and with carol."""
    for name in ("bob", "carol"):
        accounts.create_user(hub, name)
    accounts.create_org(hub, "acme", admin="bob")
    for name in ("one", "two"):
        repositories.create(hub, caller(hub, "bob"), NewRepo(RepoType.MODEL, name, visibility="private"))
    return hub


def caller(hub: HubContext, name: str) -> Caller:
    found = hub.identify(accounts.create_token(hub, name, role="write").secret)
    assert found is not None
    return found


def model(name: str) -> RepoRef:
    return RepoRef(RepoType.MODEL, parse_repo_id(name))


def names(hub: HubContext, namespace: str) -> list[str]:
    return sorted(row.repo for row in administration.list_repos(hub, CONSOLE, namespace).repos)


def test_all_repositories_are_transferred_and_the_old_names_redirect(team: HubContext) -> None:
    moved = account_removal.transfer_all(team, CONSOLE, "bob", "carol")
    assert sorted(moved.moved) == ["carol/one", "carol/two"]
    assert names(team, "bob") == []
    with team.read() as tx, pytest.raises(RepoMoved):
        access.visible(tx, caller(team, "carol"), model("bob/one"))


def test_a_taken_name_stops_the_whole_transfer(team: HubContext) -> None:
    repositories.create(team, caller(team, "carol"), NewRepo(RepoType.MODEL, "TWO"))
    with pytest.raises(Refused, match="bob/two"):
        account_removal.transfer_all(team, CONSOLE, "bob", "carol")
    assert names(team, "bob") == ["bob/one", "bob/two"]
    with pytest.raises(Refused, match="the same account"):
        account_removal.transfer_all(team, CONSOLE, "bob", "BOB")


def test_a_folder_that_is_too_large_for_its_new_owner_stays(team: HubContext) -> None:
    accounts.create_user(team, "dave")
    repositories.create(team, caller(team, "dave"), NewRepo(RepoType.MODEL, "x", "dave.llm"))
    size = quotas.show(team, "dave").used
    assert size > 0
    quotas.change(team, "carol", {"max_bytes": size - 1})
    with pytest.raises(QuotaExceeded, match="carol"):
        account_removal.transfer_all(team, CONSOLE, "dave", "carol")
    assert names(team, "dave") == ["dave.llm/x"]
    quotas.change(team, "carol", {"max_bytes": size})
    assert account_removal.transfer_all(team, CONSOLE, "dave", "carol").moved == ["carol.llm/x"]
    assert quotas.show(team, "carol").used == size


def test_an_account_with_repositories_is_deleted_only_on_purpose(team: HubContext) -> None:
    with pytest.raises(Refused, match="still owns"):
        account_removal.delete_user(team, CONSOLE, "bob", NOTHING)
    with pytest.raises(Malformed):
        account_removal.delete_user(team, CONSOLE, "bob", Removal(transfer_to="carol", purge=True))
    assert names(team, "bob") == ["bob/one", "bob/two"]


def test_a_successor_gets_repositories_and_organisations(team: HubContext) -> None:
    done = account_removal.delete_user(team, CONSOLE, "bob", Removal(transfer_to="carol"))
    assert (done.deleted, sorted(done.moved), list(done.purged)) == ("bob", ["carol/one", "carol/two"], [])
    members = administration.list_members(team, CONSOLE, "acme")
    assert [(member.user, member.role) for member in members] == [("carol", "admin")]
    told = [row.action for row in audit.search(team, audit.AuditFilter(None, None, None, None, None), limit=9)]
    assert {"user.delete", "repo.move", "member.role"} <= set(told)
    assert audit.verify(team).is_intact


def test_purging_deletes_repositories_but_no_organisation(team: HubContext) -> None:
    with pytest.raises(Refused, match="only administrator of acme"):
        account_removal.delete_user(team, CONSOLE, "bob", Removal(purge=True))
    assert names(team, "bob") == ["bob/one", "bob/two"]
    account_removal.delete_org(team, CONSOLE, "acme", NOTHING)
    done = account_removal.delete_user(team, CONSOLE, "bob", Removal(purge=True))
    assert sorted(done.purged) == ["bob/one", "bob/two"]
    accounts.create_user(team, "bob")
    with team.read() as tx, pytest.raises(RepoNotFound):
        access.visible(tx, caller(team, "bob"), model("bob/one"))


def test_an_organisation_goes_with_or_without_its_repositories(team: HubContext) -> None:
    repositories.create(team, caller(team, "bob"), NewRepo(RepoType.MODEL, "three", namespace="acme"))
    with pytest.raises(Refused, match="still owns"):
        account_removal.delete_org(team, CONSOLE, "acme", NOTHING)
    assert account_removal.delete_org(team, CONSOLE, "acme", Removal(transfer_to="carol")).moved == ["carol/three"]


def test_only_administrators_delete_and_transfer(team: HubContext) -> None:
    bob = caller(team, "bob")
    with pytest.raises(NotAllowed):
        account_removal.transfer_all(team, bob, "carol", "bob")
    with pytest.raises(NotAllowed):
        account_removal.delete_user(team, bob, "carol", NOTHING)
    with pytest.raises(NotAllowed):
        account_removal.delete_org(team, bob, "acme", NOTHING)

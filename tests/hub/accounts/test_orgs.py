from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from entrepot.catalog.accounts import accounts
from entrepot.catalog.audit import AuditFilter
from entrepot.errors import (
    AccountNotFound,
    AlreadyExists,
    InvalidName,
    LimitExceeded,
    LoginRequired,
    Malformed,
    NotAllowed,
    Refused,
)
from entrepot.hub import audit
from entrepot.hub.accounts import follows, orgs, tokens
from entrepot.hub.accounts.orgs import NewOrg, OrgChanges
from entrepot.hub.accounts.tokens import TokenDraft
from entrepot.hub.callers import FINE_GRAINED
from entrepot.hub.repos import repositories
from entrepot.hub.scopes import RequestedScope
from tests.support.worlds import World


def limited(world: World, user: str, *permissions: str) -> Any:
    wish = TokenDraft(FINE_GRAINED, places=[RequestedScope("org", "acme", permissions)])
    return world.hub.identify(tokens.create_for(world.hub, user, wish)[0].secret)


def actions(world: World, subject: str) -> list[str]:
    return [row.action for row in audit.search(world.hub, AuditFilter(subject=subject))]


def test_every_user_may_make_an_organisation_and_administers_it(world: World) -> None:
    made = orgs.create(world.hub, world.bob, NewOrg("Labs", "The Labs", "private"))
    assert (made.name, made.fullname, made.default_visibility) == ("Labs", "The Labs", "private")
    assert orgs.configure(world.hub, world.bob, "labs", OrgChanges(fullname="Labs")).fullname == "Labs"
    assert actions(world, "organisation Labs") == ["org.settings", "org.create"]
    ref = world.repo("Labs/m", by=world.bob)
    with pytest.raises(Refused, match="still owns Labs/m"):
        orgs.delete(world.hub, world.bob, "Labs")
    repositories.delete(world.hub, world.bob, ref)
    follows.follow(world.hub, world.alice, "Labs", is_user=False)
    orgs.delete(world.hub, world.bob, "Labs")
    with world.hub.read() as tx:
        assert accounts.find(tx, "labs") is None


def test_a_hub_may_leave_organisations_to_its_administrators(make_world: Callable[..., World]) -> None:
    world = make_world(users_create_orgs=False)
    with pytest.raises(NotAllowed, match="administrators"):
        orgs.create(world.hub, world.bob, NewOrg("labs"))
    assert orgs.create(world.hub, world.root, NewOrg("labs")).name == "labs"


@pytest.mark.parametrize("name", ["alice", "ACME"])
def test_a_taken_name_is_refused(world: World, name: str) -> None:
    with pytest.raises(AlreadyExists):
        orgs.create(world.hub, world.bob, NewOrg(name))


@pytest.mark.parametrize("new", [NewOrg("a/b"), NewOrg("labs", "\n"), NewOrg("labs", None, "secret")])
def test_an_invalid_organisation_is_refused(world: World, new: NewOrg) -> None:
    with pytest.raises(InvalidName):
        orgs.create(world.hub, world.bob, new)


def test_settings_are_changed_one_by_one(world: World) -> None:
    for changes in (OrgChanges(default_visibility="private"), OrgChanges(details=" We make things.\n"), OrgChanges()):
        orgs.configure(world.hub, world.olga, "acme", changes)
    found = orgs.settings(world.hub, world.rita, "acme")
    assert (found.fullname, found.details, found.default_visibility) == ("acme", "We make things.", "private")
    orgs.configure(world.hub, world.olga, "acme", OrgChanges(details="", default_visibility="default"))
    found = orgs.settings(world.hub, world.rita, "acme")
    assert (found.details, found.default_visibility) == (None, None)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        (OrgChanges(default_visibility="secret"), InvalidName),
        (OrgChanges(fullname=" "), InvalidName),
        (OrgChanges(details="x" * 1001), LimitExceeded),
        (OrgChanges(details="\x1b[31m"), Malformed),
    ],
)
def test_settings_that_cannot_be_used_are_refused(world: World, changes: OrgChanges, error: type[Exception]) -> None:
    with pytest.raises(error):
        orgs.configure(world.hub, world.olga, "acme", changes)


def test_only_administrators_change_and_only_members_see_settings(world: World) -> None:
    for caller in (world.wendy, world.bob, world.caller("olga", "read")):
        with pytest.raises(NotAllowed):
            orgs.configure(world.hub, caller, "acme", OrgChanges(fullname="Mine"))
        with pytest.raises(NotAllowed):
            orgs.delete(world.hub, caller, "acme")
    with pytest.raises(NotAllowed, match="not a member"):
        orgs.settings(world.hub, world.bob, "acme")
    for use_case in (orgs.settings, orgs.delete):
        with pytest.raises(LoginRequired):
            use_case(world.hub, None, "acme")
    with pytest.raises(AccountNotFound, match="organisation"):
        orgs.settings(world.hub, world.alice, "alice")


def test_a_fine_grained_token_changes_an_organisation_only_if_it_says_so(world: World) -> None:
    with pytest.raises(NotAllowed):
        orgs.configure(world.hub, limited(world, "olga", "repo.write"), "acme", OrgChanges(fullname="A"))
    allowed = limited(world, "olga", "org.write")
    assert orgs.configure(world.hub, allowed, "acme", OrgChanges(fullname="A")).fullname == "A"
    with pytest.raises(NotAllowed):
        orgs.create(world.hub, allowed, NewOrg("labs"))

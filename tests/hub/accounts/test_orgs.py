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
from entrepot.hub.accounts import follows, members, orgs, tokens
from entrepot.hub.accounts.orgs import NewOrg, OrgChanges
from entrepot.hub.accounts.tokens import TokenDraft
from entrepot.hub.callers import FINE_GRAINED
from entrepot.hub.folders import folders
from entrepot.hub.folders.folders import FolderDraft, FolderId
from entrepot.hub.repos import repositories
from entrepot.hub.scopes import RequestedScope
from entrepot.names import RepoId, RepoRef, RepoType
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


def log_of(world: World, org: str = "acme", by: str = "olga", **wanted: Any) -> list[tuple[str, str]]:
    rows = orgs.list_audit(world.hub, world.caller(by), org, AuditFilter(**wanted))
    return [(row.action, row.subject) for row in reversed(rows)]


def test_administrators_read_what_was_recorded_about_their_organisation_only(world: World) -> None:
    before = len(log_of(world))
    ours = world.repo("acme/m", world.wendy, visibility="private")
    world.repo("alice/acme", visibility="private")
    members.change_role(world.hub, world.olga, "acme", "rita", "write")
    tokens.create_for(world.hub, "olga", TokenDraft("read"))
    assert log_of(world)[before:] == [("repo.create", "model acme/m"), ("member.role", "organisation acme")]
    assert log_of(world, subject="model acme/m") == [("repo.create", "model acme/m")]
    assert log_of(world, actor="wendy", action="repo.create") == [("repo.create", "model acme/m")]
    assert log_of(world, subject="model alice/acme") == []
    newest = orgs.list_audit(world.hub, world.olga, "acme", AuditFilter(), limit=1)
    [older] = orgs.list_audit(world.hub, world.olga, "acme", AuditFilter(), before=newest[0].id, limit=1)
    assert older.subject == str(f"{ours.type.value} {ours.id}")
    for name in ("wendy", "rita", "bob"):
        with pytest.raises(NotAllowed):
            log_of(world, by=name)
    with pytest.raises(NotAllowed):
        orgs.list_audit(world.hub, world.caller("olga", "read"), "acme", AuditFilter())
    with pytest.raises(AccountNotFound):
        log_of(world, "nobody")
    # Another filter cannot name another organisation.
    assert log_of(world, namespace=world.alice.account.uid) == log_of(world)


def test_the_log_of_a_repository_stays_where_it_was_and_begins_anew_after_a_transfer(world: World) -> None:
    orgs.create(world.hub, world.olga, NewOrg("other"))
    ref = world.repo("acme/m", world.olga)
    begun = len(log_of(world))
    renamed, there = (RepoRef(ref.type, RepoId(owner, name)) for owner, name in (("acme", "renamed"), ("other", "m")))
    repositories.move(world.hub, world.olga, ref, renamed)
    repositories.move(world.hub, world.olga, renamed, there)
    repositories.delete(world.hub, world.olga, there)
    assert log_of(world)[begun:] == [("repo.move", "model acme/m"), ("repo.move", "model acme/renamed")]
    assert log_of(world, "other")[-2:] == [("repo.receive", "model other/m"), ("repo.delete", "model other/m")]


def test_folders_and_collections_belong_to_their_owner(world: World) -> None:
    folders_before = len(log_of(world))
    folders.create(world.hub, world.olga, FolderDraft(RepoType.MODEL, "llm", "acme"))
    world.repo("acme.llm/m", world.olga)
    folders.delete(world.hub, world.olga, FolderId(RepoType.MODEL, "acme", "llm"))
    assert {action for action, _ in log_of(world)[folders_before:]} == {
        "folder.create", "repo.create", "repo.delete", "folder.delete"
    }  # fmt: skip


def test_an_organisation_with_the_name_of_a_deleted_one_sees_nothing_of_its_past(world: World) -> None:
    orgs.create(world.hub, world.olga, NewOrg("fleeting"))
    orgs.delete(world.hub, world.olga, "fleeting")
    orgs.create(world.hub, world.olga, NewOrg("fleeting"))
    assert [action for action, _ in log_of(world, "fleeting")] == ["org.create"]

"""Grants: what a folder that is shared gives to whom, and what it does not give."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from entrepot.catalog.search.listings import Search
from entrepot.errors import (
    AccountNotFound,
    EntrepotError,
    GatedRepo,
    GrantNotFound,
    InvalidName,
    LimitExceeded,
    Malformed,
    NotAllowed,
    Refused,
    RepoNotFound,
    ThingNotFound,
)
from entrepot.hub import access, audit, notifications
from entrepot.hub.accounts import accounts, members
from entrepot.hub.callers import MaybeCaller, Role
from entrepot.hub.community import access_requests, notification_lists
from entrepot.hub.folders import folders, grants
from entrepot.hub.folders.folders import FolderChanges, FolderDraft, FolderId
from entrepot.hub.folders.grants import Subject
from entrepot.hub.repos import infos, repo_rights, repositories
from entrepot.hub.repos.repositories import RepoChanges
from entrepot.names import RepoId, RepoRef, RepoType
from tests.support import hub_work
from tests.support.worlds import PEOPLE, World

MODEL, DATASET = RepoType.MODEL, RepoType.DATASET
LLM = FolderId(MODEL, "alice", "llm")
REPO = RepoRef(MODEL, RepoId("alice.llm", "x"))
SIBLING = RepoRef(DATASET, RepoId("alice.llm", "x"))
EVERYONE = Subject(is_public=True)


@pytest.fixture
def shared(world: World) -> World:
    """A hub with a repository in each of alice's folders called llm."""
    world.repo("alice.llm/x")
    world.repo("alice.llm/x", kind=DATASET)
    return world


def share(world: World, subject: Subject, role: str = "view", by: MaybeCaller = None) -> None:
    grants.grant(world.hub, by or world.alice, LLM, subject, role)


def sees(world: World, caller: MaybeCaller, ref: RepoRef = REPO) -> bool:
    """Return whether a caller sees a repository: alone, and in lists, which must agree."""
    try:
        with world.hub.read() as tx:
            access.visible(tx, caller, ref)
        alone = True
    except RepoNotFound:
        alone = False
    page = infos.search(world.hub, caller, Search(ref.type, author=ref.id.namespace))
    assert (ref in [full.info.row.ref for full in page.infos]) is alone
    return alone


def writes(world: World, caller: MaybeCaller, ref: RepoRef = REPO) -> bool:
    with world.hub.read() as tx:
        try:
            access.writable(tx, caller, ref)
        except (NotAllowed, RepoNotFound):
            return False
    return True


def test_without_a_grant_only_the_owner_sees_a_folder(shared: World) -> None:
    assert [sees(shared, it) for it in (shared.alice, shared.root, shared.bob, None)] == [True, True, False, False]


def test_who_may_view_reads_and_does_not_write(shared: World) -> None:
    share(shared, Subject(user="bob"))
    assert sees(shared, shared.bob)
    assert not writes(shared, shared.bob)
    with shared.hub.read() as tx, pytest.raises(NotAllowed, match="you may view this folder; 'edit' is needed"):
        access.writable(tx, shared.bob, REPO)
    with pytest.raises(NotAllowed, match="'edit' is needed"):
        shared.repo("alice.llm/new", by=shared.bob)
    assert not sees(shared, shared.zed)
    assert not sees(shared, shared.bob, SIBLING)


def test_who_may_edit_makes_changes_and_deletes_repositories(shared: World) -> None:
    share(shared, Subject(user="bob"), "edit")
    shared.add(REPO, "a", by=shared.bob)
    fresh = shared.repo("alice.llm/new", by=shared.bob)
    repositories.move(shared.hub, shared.bob, fresh, RepoRef(MODEL, RepoId("alice.llm", "newer")))
    repositories.delete(shared.hub, shared.bob, RepoRef(MODEL, RepoId("alice.llm", "newer")))
    for refused in (lambda: shared.repo("alice.llm/y", by=shared.bob, kind=DATASET), lambda: sees_all(shared)):
        with pytest.raises(NotAllowed):
            refused()


def sees_all(world: World) -> None:
    grants.list_grants(world.hub, world.bob, LLM)


def test_a_grant_to_an_organisation_is_for_its_members(shared: World) -> None:
    share(shared, Subject(org="acme"), "edit")
    for member in (shared.rita, shared.carl, shared.wendy, shared.olga):
        assert writes(shared, member)
    assert not sees(shared, shared.bob)
    assert not sees(shared, shared.rita, SIBLING)


def test_a_member_of_an_organisation_may_get_more_by_name(world: World) -> None:
    folders.create(world.hub, world.olga, FolderDraft(MODEL, "llm", "acme"))
    ref = world.repo("acme.llm/x", by=world.wendy)
    assert not writes(world, world.rita, ref)
    grants.grant(world.hub, world.olga, FolderId(MODEL, "acme", "llm"), Subject(user="rita"), "edit")
    assert writes(world, world.rita, ref)


def test_a_folder_that_everyone_may_view_is_public(shared: World) -> None:
    share(shared, EVERYONE)
    assert [sees(shared, it) for it in (shared.bob, None)] == [True, True]
    assert not writes(shared, shared.bob)
    assert not sees(shared, None, SIBLING)
    grants.revoke(shared.hub, shared.alice, LLM, EVERYONE)
    assert not sees(shared, None)


def test_a_folder_that_everyone_may_edit_is_changed_only_with_an_account(shared: World) -> None:
    share(shared, EVERYONE, "edit")
    assert writes(shared, shared.bob)
    shared.repo("alice.llm/new", by=shared.zed)
    share(shared, EVERYONE, "view")
    assert not writes(shared, shared.bob)


def test_a_repository_that_is_private_by_itself_is_for_people_by_name(shared: World) -> None:
    share(shared, EVERYONE, "edit")
    share(shared, Subject(user="bob"))
    repositories.configure(shared.hub, shared.alice, REPO, RepoChanges("private"))
    assert sees(shared, shared.bob)
    assert not sees(shared, shared.zed)
    assert not sees(shared, None)
    with pytest.raises(RepoNotFound):
        shared.add(REPO, "a", by=shared.zed)


def test_a_repository_that_is_public_by_itself_stays_so(shared: World) -> None:
    repositories.configure(shared.hub, shared.alice, REPO, RepoChanges("public"))
    assert sees(shared, None)
    with pytest.raises(ThingNotFound):
        folders.show(shared.hub, None, LLM)
    share(shared, EVERYONE)
    grants.revoke(shared.hub, shared.alice, LLM, EVERYONE)
    assert sees(shared, None)


def test_an_editor_does_not_publish(shared: World) -> None:
    share(shared, Subject(user="bob"), "edit")
    with pytest.raises(NotAllowed, match="may publish"):
        repositories.configure(shared.hub, shared.bob, REPO, RepoChanges("public"))
    with pytest.raises(NotAllowed, match="may not share"):
        shared.repo("alice.llm/new", by=shared.bob, visibility="public")
    repositories.configure(shared.hub, shared.bob, REPO, RepoChanges("private"))
    share(shared, EVERYONE)
    assert not sees(shared, None)
    fresh = shared.repo("alice.llm/new", by=shared.bob, visibility="public")
    grants.revoke(shared.hub, shared.alice, LLM, EVERYONE)
    assert not sees(shared, None, fresh)


def test_a_repository_takes_the_grants_of_the_folder_it_moves_into(shared: World) -> None:
    share(shared, Subject(user="bob"))
    ref = shared.repo("alice/loose", visibility="public")
    inside, outside = RepoRef(MODEL, RepoId("alice.llm", "loose")), RepoRef(MODEL, RepoId("alice", "again"))
    repositories.move(shared.hub, shared.alice, ref, inside)
    assert [sees(shared, it, inside) for it in (shared.bob, None)] == [True, False]
    share(shared, EVERYONE)
    repositories.move(shared.hub, shared.alice, inside, outside)
    grants.revoke(shared.hub, shared.alice, LLM, EVERYONE)
    assert sees(shared, None, outside)


def test_a_private_repository_stays_private_when_it_is_copied_into_a_public_folder(shared: World) -> None:
    share(shared, EVERYONE)
    shared.repo("alice/secret", visibility="private")
    copies = [
        repositories.duplicate(shared.hub, shared.alice, RepoRef(MODEL, RepoId("alice", "secret")), target, None)
        for target in (RepoId("alice.llm", "secret"),)
    ]
    assert [copy.is_private for copy in copies] == [True]
    assert not repositories.duplicate(shared.hub, shared.alice, REPO, RepoId("alice.llm", "open"), None).is_private


def test_gates_are_open_for_people_by_name_and_not_for_the_public(shared: World) -> None:
    share(shared, EVERYONE)
    share(shared, Subject(user="bob"))
    repositories.configure(shared.hub, shared.alice, REPO, RepoChanges(gated="manual"))
    repo_rights.check_read(shared.hub, shared.bob, REPO)
    with pytest.raises(GatedRepo):
        repo_rights.check_read(shared.hub, shared.zed, REPO)
    with pytest.raises(EntrepotError, match="bob"):
        access_requests.grant(shared.hub, shared.alice, REPO, "bob")
    access_requests.grant(shared.hub, shared.alice, REPO, "zed")
    repo_rights.check_read(shared.hub, shared.zed, REPO)


def test_a_grant_replaces_the_earlier_one_and_ends(shared: World) -> None:
    share(shared, Subject(user="bob"), "edit")
    share(shared, Subject(user="bob"))
    assert not writes(shared, shared.bob)
    grants.revoke(shared.hub, shared.alice, LLM, Subject(user="BOB"))
    assert not sees(shared, shared.bob)
    with pytest.raises(GrantNotFound, match="grant"):
        grants.revoke(shared.hub, shared.alice, LLM, Subject(user="bob"))


def test_grants_are_listed_with_those_who_gave_them(shared: World) -> None:
    share(shared, Subject(user="bob"), "edit")
    share(shared, Subject(org="acme"), by=shared.root)
    share(shared, EVERYONE)
    found = grants.list_grants(shared.hub, shared.alice, LLM).items
    assert sorted((row.kind, row.subject, row.role, row.granter) for row in found) == [
        ("org", "acme", "view", "root"),
        ("public", None, "view", "alice"),
        ("user", "bob", "edit", "alice"),
    ]
    first = grants.list_grants(shared.hub, shared.alice, LLM, limit=2)
    assert first.after is not None
    rest = grants.list_grants(shared.hub, shared.alice, LLM, after=int(first.after[1]))
    assert [*first.items, *rest.items] == list(found)


@pytest.mark.parametrize(
    ("subject", "role", "error"),
    [
        (Subject(), "view", Malformed),
        (Subject("bob", "acme"), "view", Malformed),
        (Subject("bob", is_public=True), "view", Malformed),
        (Subject("alice"), "view", Refused),
        (Subject("nobody"), "view", AccountNotFound),
        (Subject("acme"), "view", AccountNotFound),
        (Subject(org="bob"), "view", AccountNotFound),
        (Subject(org="alice.llm"), "view", AccountNotFound),
        (Subject("bob"), "own", InvalidName),
    ],
)
def test_a_grant_that_means_nothing_is_refused(
    shared: World, subject: Subject, role: str, error: type[EntrepotError]
) -> None:
    with pytest.raises(error):
        share(shared, subject, role)
    assert not grants.list_grants(shared.hub, shared.alice, LLM).items


def test_a_folder_has_a_limit_of_grants(shared: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grants, "MAX_GRANTS", 1)
    share(shared, Subject(user="bob"))
    share(shared, Subject(user="bob"), "edit")
    with pytest.raises(LimitExceeded):
        share(shared, Subject(user="zed"))


@pytest.mark.parametrize("action", ["share", "revoke", "list"])
def test_only_who_owns_a_folder_shares_it(shared: World, action: str) -> None:
    share(shared, Subject(user="bob"), "edit")
    calls: dict[str, Callable[[MaybeCaller], Any]] = {
        "share": lambda by: grants.grant(shared.hub, by, LLM, Subject(user="zed"), "view"),
        "revoke": lambda by: grants.revoke(shared.hub, by, LLM, Subject(user="bob")),
        "list": lambda by: grants.list_grants(shared.hub, by, LLM),
    }
    with pytest.raises(NotAllowed, match="'own' is needed"):
        calls[action](shared.bob)
    with pytest.raises(ThingNotFound):
        calls[action](shared.zed)
    calls[action](shared.root)


def test_a_grant_ends_with_its_account(shared: World) -> None:
    share(shared, Subject(user="zed"), "edit")
    share(shared, Subject(user="bob"))
    hub_work.delete_user(shared.hub, "zed")
    accounts.create_user(shared.hub, "other")
    assert [row.subject for row in grants.list_grants(shared.hub, shared.alice, LLM).items] == ["bob"]
    with pytest.raises(AccountNotFound):
        share(shared, Subject(user="zed"))


def test_a_grant_to_an_organisation_ends_with_the_membership(shared: World) -> None:
    share(shared, Subject(org="acme"))
    before = shared.rita
    assert sees(shared, before)
    with shared.hub.write() as tx:
        from entrepot.catalog.accounts import accounts as rows

        rows.leave_org(tx, before.memberships[0].org.id, before.account.id)
    assert not sees(shared, shared.rita)
    accounts.set_member(shared.hub, "acme", "rita", Role.READ)
    assert sees(shared, shared.rita)


def test_sharing_is_in_the_audit_log(shared: World) -> None:
    share(shared, Subject(user="bob"))
    grants.revoke(shared.hub, shared.alice, LLM, Subject(user="bob"))
    found = [(row.action, row.details) for row in audit.search(shared.hub, audit.AuditFilter(), limit=2)]
    assert found == [("folder.revoke", '{"user":"bob"}'), ("folder.grant", '{"role":"view","user":"bob"}')]


def told(world: World, caller: MaybeCaller) -> list[tuple[str, str | None]]:
    """Return the roles and folders of a user's notifications of grants."""
    page = notification_lists.list_page(world.hub, caller, is_unread=True)
    return [
        (item.row.data["role"], None if item.folder is None else item.folder.namespace)
        for item in page.items
        if item.row.kind == notifications.FOLDER_GRANT
    ]


def test_a_user_is_notified_of_a_grant_until_it_is_revoked(shared: World) -> None:
    share(shared, Subject(user="bob"))
    assert told(shared, shared.bob) == [("view", "alice.llm")]
    assert told(shared, shared.alice) == []
    notification_lists.mark(shared.hub, shared.bob, None)
    share(shared, Subject(user="bob"))
    assert told(shared, shared.bob) == [], "nothing has changed"
    share(shared, Subject(user="bob"), "edit")
    assert told(shared, shared.bob) == [("edit", "alice.llm")]
    grants.revoke(shared.hub, shared.alice, LLM, Subject(user="bob"))
    assert told(shared, shared.bob) == []


def test_the_members_of_an_organisation_are_notified_and_nobody_of_a_grant_to_everyone(
    shared: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    share(shared, EVERYONE)
    assert told(shared, shared.bob) == []
    share(shared, Subject(org="acme"))
    acme = [name for name, role in PEOPLE.items() if role is not None]
    assert [told(shared, shared.caller(name)) for name in acme] == [[("view", "alice.llm")]] * len(acme)
    assert told(shared, shared.bob) == []
    grants.revoke(shared.hub, shared.alice, LLM, Subject(org="acme"))
    assert not any(told(shared, shared.caller(name)) for name in acme)
    monkeypatch.setattr(notifications, "MAX_SHARED_WITH", 1)
    share(shared, Subject(org="acme"))
    assert sum(len(told(shared, shared.caller(name))) for name in acme) == 1


def test_a_notification_names_its_folder_by_its_name_now_and_only_to_those_who_see_it(shared: World) -> None:
    share(shared, Subject(org="acme"))
    folders.change(shared.hub, shared.alice, LLM, FolderChanges(name="renamed"))
    assert told(shared, shared.caller("wendy")) == [("view", "alice.renamed")]
    members.remove(shared.hub, shared.olga, "acme", "wendy")
    assert told(shared, shared.caller("wendy")) == [("view", None)]
    folders.delete(shared.hub, shared.alice, FolderId(MODEL, "alice", "renamed"))
    assert told(shared, shared.caller("olga")) == [("view", None)]

from __future__ import annotations

import pytest

from entrepot.catalog.repos import repositories as repos
from entrepot.hub import notifications
from entrepot.hub.accounts import accounts, administration, invitations, members
from entrepot.hub.callers import Caller
from entrepot.hub.community import access_requests, notification_lists
from entrepot.hub.community.access_requests import RequesterId
from entrepot.hub.folders import folders
from entrepot.hub.folders.folders import FolderDraft
from entrepot.hub.repos import repositories
from entrepot.hub.repos.repositories import RepoChanges
from entrepot.names import RepoRef, RepoType
from tests.support.worlds import World


def told(world: World, who: Caller) -> list[tuple[str, dict[str, object]]]:
    """Return what is new for a user since the last call, newest first."""
    items = notification_lists.list_page(world.hub, who).items
    notification_lists.mark(world.hub, who, None)
    return [(item.row.kind, dict(item.row.data)) for item in items]


@pytest.fixture
def gated(world: World) -> RepoRef:
    ref = world.repo("acme/m", world.wendy)
    repositories.configure(world.hub, world.wendy, ref, RepoChanges(gated="manual"))
    for name in ("bob", "olga", "wendy", "carl", "rita", "alice", "zed"):
        notification_lists.mark(world.hub, world.caller(name), None)
    return ref


def test_those_who_decide_are_told_of_requests_and_requesters_of_decisions(world: World, gated: RepoRef) -> None:
    access_requests.request_access(world.hub, world.bob, gated, {})
    assert told(world, world.wendy) == told(world, world.olga) == [("access-request", {})]
    for name in ("bob", "carl", "rita", "alice"):
        assert told(world, world.caller(name)) == [], name
    access_requests.decide(world.hub, world.wendy, gated, RequesterId("bob"), "rejected", "no")
    assert told(world, world.bob) == [("access-decision", {"status": "rejected"})]
    access_requests.decide(world.hub, world.wendy, gated, RequesterId("bob"), "pending")
    assert told(world, world.bob) == []
    access_requests.decide_many(world.hub, world.wendy, gated, [RequesterId("bob")], "accepted")
    assert told(world, world.bob) == [("access-decision", {"status": "accepted"})]
    access_requests.grant(world.hub, world.wendy, gated, "zed")
    assert told(world, world.zed) == [("access-decision", {"status": "accepted"})]


def test_requests_that_are_all_decided_are_no_news_any_more(world: World, gated: RepoRef) -> None:
    def waiting() -> list[str]:
        return [item.row.kind for item in notification_lists.list_page(world.hub, world.olga).items]

    access_requests.request_access(world.hub, world.bob, gated, {})
    access_requests.request_access(world.hub, world.zed, gated, {})
    access_requests.decide(world.hub, world.wendy, gated, RequesterId("bob"), "rejected", "no")
    assert waiting() == ["access-request"]
    access_requests.cancel(world.hub, world.zed, gated)
    assert waiting() == []


def test_only_the_newest_of_a_user_are_kept(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notifications, "MAX_KEPT", 2)
    for number in range(4):
        with world.hub.write() as tx:
            notifications.notify(world.hub, tx, [world.bob.account.id], notifications.WEBHOOK, f"webhook:{number}")
        world.clock.advance(1)
    found = notification_lists.list_page(world.hub, world.bob).items
    assert [item.row.topic for item in found] == ["webhook:3", "webhook:2"]


def test_many_requests_for_a_repository_are_one_notification(world: World, gated: RepoRef) -> None:
    for name in ("bob", "zed", "alice"):
        access_requests.request_access(world.hub, world.caller(name), gated, {})
    [item] = notification_lists.list_page(world.hub, world.wendy).items
    assert item.actor is not None
    assert item.actor.name == "alice"


def test_an_open_gate_tells_no_one(world: World, gated: RepoRef) -> None:
    repositories.configure(world.hub, world.wendy, gated, RepoChanges(gated="auto"))
    access_requests.request_access(world.hub, world.bob, gated, {})
    assert told(world, world.wendy) == []


def test_invitations_are_told_answered_and_vanish(world: World) -> None:
    told(world, world.olga)
    made = invitations.invite(world.hub, world.olga, "acme", "bob", "write")
    assert told(world, world.bob) == [("invitation", {"role": "write"})]
    invitations.accept(world.hub, world.bob, made.invitation.uid)
    assert notification_lists.list_page(world.hub, world.bob, is_unread=False).items == []
    assert told(world, world.olga) == [("invitation-answer", {"answer": "accepted"})]
    for end in (invitations.decline, lambda hub, _who, uid: invitations.cancel(hub, world.olga, "acme", uid)):
        made = invitations.invite(world.hub, world.olga, "acme", "zed", "read")
        end(world.hub, world.zed, made.invitation.uid)
        assert notification_lists.list_page(world.hub, world.zed, is_unread=False).items == []
    assert told(world, world.olga) == [("invitation-answer", {"answer": "declined"})]


def test_members_are_told_of_roles_that_others_give_and_take(world: World) -> None:
    for name in ("rita", "carl", "olga"):
        told(world, world.caller(name))
    members.change_role(world.hub, world.olga, "acme", "rita", "write")
    members.change_role(world.hub, world.olga, "acme", "rita", "write")
    assert told(world, world.rita) == [("membership", {"role": "write"})]
    members.remove(world.hub, world.olga, "acme", "rita")
    assert told(world, world.rita) == [("membership", {"role": None})]
    members.remove(world.hub, world.carl, "acme", "carl")
    assert told(world, world.carl) == []
    administration.set_member(world.hub, world.root, "acme", "bob", "admin")
    administration.remove_member(world.hub, world.root, "acme", "bob")
    assert told(world, world.bob) == [("membership", {"role": None})]
    accounts.set_member(world.hub, "acme", "zed", members.parse_role("read"))
    assert told(world, world.zed) == [("membership", {"role": "read"})]
    assert told(world, world.olga) == []


def test_the_owner_of_a_folder_decides(world: World) -> None:
    folders.create(world.hub, world.alice, FolderDraft(RepoType.MODEL, "llm"))
    ref = world.repo("alice.llm/m", world.alice)
    with world.hub.read() as tx:
        row = repos.find(tx, ref)
        assert row is not None
        assert notifications.deciders(tx, row) == [world.alice.account.id]


def test_who_loses_the_right_to_decide_no_longer_sees_who_asks(world: World, gated: RepoRef) -> None:
    access_requests.request_access(world.hub, world.bob, gated, {})
    assert notification_lists.count_unread(world.hub, world.wendy) == 1
    members.remove(world.hub, world.olga, "acme", "wendy")
    wendy = world.caller("wendy")
    assert [item.row.kind for item in notification_lists.list_page(world.hub, wendy).items] == ["membership"]
    assert notification_lists.count_unread(world.hub, wendy) == 1


def test_only_the_newest_are_kept_of_every_kind(world: World, gated: RepoRef, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notifications, "MAX_KEPT", 1)
    invitations.invite(world.hub, world.olga, "acme", "bob", "write")
    world.clock.now_ms += 1
    access_requests.grant(world.hub, world.wendy, gated, "bob")
    assert [kind for kind, _ in told(world, world.bob)] == ["access-decision"]

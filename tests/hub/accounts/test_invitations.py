from __future__ import annotations

import pytest

from entrepot.errors import AccountNotFound, InvalidName, LimitExceeded, NotAllowed, Refused, ThingNotFound
from entrepot.hub import audit
from entrepot.hub.accounts import accounts, invitations, members, tokens
from entrepot.hub.accounts.tokens import TokenDraft
from entrepot.hub.callers import FINE_GRAINED, Role
from entrepot.hub.scopes import RequestedScope
from tests.support import hub_work
from tests.support.worlds import World


def roles(world: World) -> dict[str, str]:
    return {item.user.name: item.role for item in members.list_members(world.hub, world.olga, "acme").members}


def test_an_invitation_is_accepted(world: World) -> None:
    sent = invitations.invite(world.hub, world.olga, "acme", "Bob", "write")
    assert "bob" not in roles(world)
    [received] = invitations.list_own(world.hub, world.bob).items
    assert received == sent
    assert (received.org.name, received.user.name, received.inviter.name) == ("acme", "bob", "olga")
    invitations.accept(world.hub, world.bob, received.invitation.uid)
    assert roles(world)["bob"] == "write"
    assert (
        invitations.list_own(world.hub, world.bob).items
        == invitations.of_org(world.hub, world.olga, "acme").items
        == []
    )
    rows = audit.search(world.hub, audit.AuditFilter(subject="organisation acme"), limit=2)
    assert [(row.actor, row.action) for row in rows] == [("bob", "member.join"), ("olga", "invitation.create")]


def test_an_invitation_is_declined_or_withdrawn(world: World) -> None:
    first = invitations.invite(world.hub, world.olga, "acme", "bob", "read").invitation
    invitations.decline(world.hub, world.bob, first.uid)
    second = invitations.invite(world.hub, world.olga, "acme", "bob", "read").invitation
    invitations.cancel(world.hub, world.olga, "acme", second.uid)
    for uid in (first.uid, second.uid):
        with pytest.raises(ThingNotFound):
            invitations.accept(world.hub, world.bob, uid)
        with pytest.raises(ThingNotFound):
            invitations.cancel(world.hub, world.olga, "acme", uid)
    assert "bob" not in roles(world)


def test_an_invitation_expires_after_14_days(world: World) -> None:
    sent = invitations.invite(world.hub, world.olga, "acme", "bob", "read").invitation
    world.clock.advance(invitations.LIFETIME_MS - 1)
    assert len(invitations.list_own(world.hub, world.bob).items) == 1
    world.clock.advance(1)
    assert (
        invitations.list_own(world.hub, world.bob).items
        == invitations.of_org(world.hub, world.olga, "acme").items
        == []
    )
    with pytest.raises(ThingNotFound):
        invitations.accept(world.hub, world.bob, sent.uid)


def test_a_second_invitation_replaces_the_first(world: World) -> None:
    old = invitations.invite(world.hub, world.olga, "acme", "bob", "admin").invitation
    invitations.invite(world.hub, world.olga, "acme", "bob", "read")
    with pytest.raises(ThingNotFound):
        invitations.accept(world.hub, world.bob, old.uid)
    [offer] = invitations.list_own(world.hub, world.bob).items
    assert offer.invitation.role == "read"


def test_accepting_does_not_lower_a_role_that_was_given_meanwhile(world: World) -> None:
    sent = invitations.invite(world.hub, world.olga, "acme", "bob", "read").invitation
    accounts.set_member(world.hub, "acme", "bob", Role.WRITE)
    invitations.accept(world.hub, world.bob, sent.uid)
    assert roles(world)["bob"] == "write"


def test_only_administrators_invite_and_only_the_invited_answer(world: World) -> None:
    for caller in (world.wendy, world.bob):
        with pytest.raises(NotAllowed):
            invitations.invite(world.hub, caller, "acme", "bob", "admin")
        with pytest.raises(NotAllowed):
            invitations.of_org(world.hub, caller, "acme")
    sent = invitations.invite(world.hub, world.olga, "acme", "bob", "read").invitation
    for use_case in (invitations.accept, invitations.decline):
        with pytest.raises(ThingNotFound):
            use_case(world.hub, world.alice, sent.uid)
        with pytest.raises(NotAllowed):
            use_case(world.hub, world.caller("bob", "read"), sent.uid)
    with pytest.raises(NotAllowed):
        invitations.cancel(world.hub, world.bob, "acme", sent.uid)
    wish = TokenDraft(FINE_GRAINED, places=[RequestedScope("user", "bob", ["repo.write"])])
    with pytest.raises(NotAllowed, match="fine-grained"):
        invitations.list_own(world.hub, world.hub.identify(tokens.create_for(world.hub, "bob", wish)[0].secret))


def test_invalid_invitations_are_refused(world: World) -> None:
    with pytest.raises(Refused, match="change the role"):
        invitations.invite(world.hub, world.olga, "acme", "rita", "write")
    with pytest.raises(AccountNotFound):
        invitations.invite(world.hub, world.olga, "acme", "nobody", "write")
    with pytest.raises(InvalidName):
        invitations.invite(world.hub, world.olga, "acme", "bob", "owner")


def test_there_is_a_limit_to_unanswered_invitations(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(invitations, "MAX_WAITING", 1)
    invitations.invite(world.hub, world.olga, "acme", "bob", "read")
    with pytest.raises(LimitExceeded):
        invitations.invite(world.hub, world.olga, "acme", "alice", "read")
    world.clock.advance(invitations.LIFETIME_MS)
    invitations.invite(world.hub, world.olga, "acme", "alice", "read")


def test_void_invitations_block_nobody_and_can_be_cancelled(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(invitations, "MAX_WAITING", 1)
    accounts.set_member(world.hub, "acme", "wendy", Role.ADMIN)
    void = invitations.invite(world.hub, world.caller("wendy"), "acme", "bob", "read").invitation
    with pytest.raises(LimitExceeded):
        invitations.invite(world.hub, world.olga, "acme", "alice", "read")
    accounts.set_member(world.hub, "acme", "wendy", Role.WRITE)
    invitations.cancel(world.hub, world.olga, "acme", void.uid)
    with pytest.raises(ThingNotFound):
        invitations.cancel(world.hub, world.olga, "acme", void.uid)
    accounts.set_member(world.hub, "acme", "wendy", Role.ADMIN)
    void = invitations.invite(world.hub, world.caller("wendy"), "acme", "bob", "read").invitation
    accounts.set_member(world.hub, "acme", "wendy", Role.WRITE)
    sent = invitations.invite(world.hub, world.olga, "acme", "alice", "read").invitation
    assert [item.invitation for item in invitations.of_org(world.hub, world.olga, "acme").items] == [sent]
    with pytest.raises(ThingNotFound):
        invitations.cancel(world.hub, world.olga, "acme", void.uid)  # deleted by the next invitation


def test_an_invitation_ends_with_the_rights_of_its_inviter(world: World) -> None:
    def invite() -> str:
        accounts.set_member(world.hub, "acme", "wendy", Role.ADMIN)
        return invitations.invite(world.hub, world.caller("wendy"), "acme", "bob", "admin").invitation.uid

    def demote() -> None:
        accounts.set_member(world.hub, "acme", "wendy", Role.WRITE)

    def remove() -> None:
        members.remove(world.hub, world.olga, "acme", "wendy")

    def delete() -> None:
        hub_work.delete_user(world.hub, "wendy")

    for act in (demote, remove, delete):
        uid = invite()
        assert len(invitations.list_own(world.hub, world.bob).items) == 1
        act()
        assert not invitations.list_own(world.hub, world.bob).items
        assert not invitations.of_org(world.hub, world.olga, "acme").items
        for answer in (invitations.accept, invitations.decline):
            with pytest.raises(ThingNotFound):
                answer(world.hub, world.bob, uid)
    assert "bob" not in roles(world)

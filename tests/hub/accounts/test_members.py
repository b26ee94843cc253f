from __future__ import annotations

import pytest

from entrepot.catalog.accounts import accounts
from entrepot.catalog.audit import AuditFilter
from entrepot.errors import AccountNotFound, InvalidName, LoginRequired, NotAllowed, Refused, ThingNotFound
from entrepot.hub import audit
from entrepot.hub.accounts import members, tokens
from entrepot.hub.accounts.tokens import TokenDraft
from entrepot.hub.callers import FINE_GRAINED
from entrepot.hub.scopes import RequestedScope
from tests.support.worlds import World


def roles(world: World) -> dict[str, str]:
    return {item.user.name: item.role for item in members.list_members(world.hub, world.olga, "acme").members}


def test_members_are_listed_by_name_in_pages(world: World) -> None:
    first = members.list_members(world.hub, None, "acme", limit=3)
    assert [item.user.name for item in first.members] == ["carl", "olga", "rita"]
    assert first.after == "rita"
    rest = members.list_members(world.hub, None, "acme", after=first.after, limit=3)
    assert ([item.user.name for item in rest.members], rest.after) == (["wendy"], None)


def test_roles_are_visible_to_members_only(world: World) -> None:
    for caller, expected in ((world.rita, True), (world.root, True), (world.bob, False), (None, False)):
        assert members.list_members(world.hub, caller, "acme").with_roles == expected


def test_an_administrator_changes_roles_and_removes_members(world: World) -> None:
    members.change_role(world.hub, world.olga, "acme", "Rita", "write")
    assert roles(world)["rita"] == "write"
    members.remove(world.hub, world.olga, "acme", "rita")
    assert "rita" not in roles(world)
    with pytest.raises(ThingNotFound, match="member of acme"):
        members.remove(world.hub, world.olga, "acme", "rita")
    rows = audit.search(world.hub, AuditFilter(subject="organisation acme", actor="olga"))
    assert [(row.action, row.details) for row in rows] == [
        ("member.remove", '{"user":"rita"}'),
        ("member.role", '{"from":"read","role":"write","user":"rita"}'),
    ]


def test_a_removed_member_loses_access(world: World) -> None:
    ref = world.repo("acme/m", by=world.olga, visibility="private")
    assert world.paths(ref)
    members.remove(world.hub, world.olga, "acme", "rita")
    assert world.rita.own_role(world.olga.memberships[0].org.id) is None


def test_members_leave_but_the_last_administrator_stays(world: World) -> None:
    members.remove(world.hub, world.rita, "acme", "rita")
    assert "rita" not in roles(world)
    for change in (
        lambda: members.remove(world.hub, world.olga, "acme", "olga"),
        lambda: members.change_role(world.hub, world.olga, "acme", "olga", "read"),
    ):
        with pytest.raises(Refused, match="only administrator"):
            change()
    members.change_role(world.hub, world.olga, "acme", "wendy", "admin")
    members.remove(world.hub, world.olga, "acme", "olga")
    with world.hub.read() as tx:
        assert accounts.sole_admin_of(tx, world.wendy.account.id) == ["acme"]


def test_others_change_nothing(world: World) -> None:
    for caller in (world.wendy, world.bob, world.caller("olga", "read")):
        with pytest.raises(NotAllowed):
            members.change_role(world.hub, caller, "acme", "carl", "read")
        with pytest.raises(NotAllowed):
            members.remove(world.hub, caller, "acme", "carl")
    with pytest.raises(LoginRequired):
        members.remove(world.hub, None, "acme", "carl")
    wish = TokenDraft(FINE_GRAINED, places=[RequestedScope("org", "acme", ["repo.write"])])
    limited = world.hub.identify(tokens.create_for(world.hub, "rita", wish)[0].secret)
    with pytest.raises(NotAllowed, match=r"org\.write"):
        members.remove(world.hub, limited, "acme", "rita")
    assert roles(world) == {"carl": "contributor", "olga": "admin", "rita": "read", "wendy": "write"}


def test_errors_state_unknown_names(world: World) -> None:
    with pytest.raises(InvalidName, match="contributor"):
        members.change_role(world.hub, world.olga, "acme", "rita", "god")
    with pytest.raises(AccountNotFound):
        members.change_role(world.hub, world.olga, "acme", "nobody", "read")
    with pytest.raises(ThingNotFound):
        members.change_role(world.hub, world.olga, "acme", "bob", "read")
    with pytest.raises(AccountNotFound):
        members.list_members(world.hub, None, "alice")

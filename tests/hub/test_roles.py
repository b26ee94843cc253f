from __future__ import annotations

import pytest

from entrepot.hub import access, roles
from entrepot.hub.callers import Role
from entrepot.hub.folders import folders, grants
from entrepot.hub.folders.folders import FolderDraft, FolderId
from entrepot.hub.folders.grants import Subject
from entrepot.names import RepoRef, RepoType
from tests.support.database_statements import counted
from tests.support.worlds import World


@pytest.fixture
def shared(world: World) -> RepoRef:
    """A repository in a folder of an organisation, which bob may edit and zed may view."""
    folders.create(world.hub, world.olga, FolderDraft(RepoType.MODEL, "llm", "acme"))
    for name, role in (("bob", "edit"), ("zed", "view")):
        grants.grant(world.hub, world.olga, FolderId(RepoType.MODEL, "acme", "llm"), Subject(user=name), role)
    return world.repo("acme.llm/m", by=world.olga)


@pytest.mark.parametrize(
    ("who", "role", "may_change"),
    [
        ("olga", Role.ADMIN, True),
        ("wendy", Role.WRITE, True),
        ("rita", Role.READ, False),
        ("bob", Role.WRITE, True),
        ("zed", Role.READ, False),
        ("alice", None, False),
    ],
)
def test_roles_come_from_memberships_and_from_grants(
    world: World, shared: RepoRef, who: str, role: Role | None, may_change: bool
) -> None:
    with world.hub.read() as tx:
        row, caller = access.visible(tx, world.olga, shared), world.caller(who)
        assert roles.member_role(tx, caller, row) is role
        assert roles.has_write_role(tx, caller, row) is may_change
        assert roles.is_member(tx, caller.account, row) is (role is not None)
        assert roles.is_admin(caller, row) is (role is Role.ADMIN)


def test_roles_say_nothing_of_tokens(world: World, shared: RepoRef) -> None:
    with world.hub.read() as tx:
        row, caller = access.visible(tx, world.olga, shared), world.caller("bob", "read")
        assert roles.has_write_role(tx, caller, row)
        assert not access.may_write(tx, caller, row)


def test_grants_of_several_folders_are_looked_up_with_one_query(world: World, shared: RepoRef) -> None:
    folders.create(world.hub, world.olga, FolderDraft(RepoType.MODEL, "vision", "acme"))
    other, bob = world.repo("acme.vision/m", by=world.olga), world.caller("bob")
    with world.hub.read() as tx:
        rows = [access.visible(tx, world.olga, ref) for ref in (shared, other)]
        with counted(world.hub) as statements:
            roles.load_grants(tx, bob, rows)
            assert [roles.member_role(tx, bob, row) for row in rows] == [Role.WRITE, None]
    assert len(statements) == 1
    assert roles.grant_lookups(bob) == 2

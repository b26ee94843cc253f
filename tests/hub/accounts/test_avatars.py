from __future__ import annotations

import pytest

from entrepot.errors import AccountNotFound, LoginRequired, Malformed, NotAllowed
from entrepot.hub.accounts import accounts, avatars, orgs
from entrepot.hub.callers import Role
from tests.previews.test_avatar_images import jpeg, png
from tests.support.worlds import World


def shown(world: World, name: str) -> bytes | None:
    found = avatars.find(world.hub, None, name)
    return None if found is None else found.data


def test_users_change_their_own_picture(world: World) -> None:
    assert shown(world, "alice") is None
    avatars.change(world.hub, world.alice, None, png())
    assert shown(world, "ALICE") == png()
    avatars.change(world.hub, world.alice, None, jpeg())
    found = avatars.find(world.hub, None, "alice")
    assert found is not None
    assert (found.media_type, found.data) == ("image/jpeg", jpeg())
    assert shown(world, "wendy") is None
    avatars.remove(world.hub, world.alice, None)
    avatars.remove(world.hub, world.alice, None)
    assert shown(world, "alice") is None


def test_administrators_change_that_of_an_organisation(world: World) -> None:
    accounts.set_member(world.hub, "acme", "wendy", Role.WRITE)
    avatars.change(world.hub, world.olga, "acme", png())
    with pytest.raises(NotAllowed):
        avatars.change(world.hub, world.wendy, "acme", jpeg())
    with pytest.raises(NotAllowed):
        avatars.remove(world.hub, world.wendy, "acme")
    with pytest.raises(AccountNotFound):
        avatars.change(world.hub, world.olga, "nobody", png())
    assert shown(world, "acme") == png()
    avatars.remove(world.hub, world.olga, "acme")
    assert shown(world, "acme") is None


def test_others_change_nothing(world: World) -> None:
    with pytest.raises(LoginRequired):
        avatars.change(world.hub, None, None, png())
    with pytest.raises(NotAllowed):
        avatars.change(world.hub, world.caller("alice", "read"), None, png())
    with pytest.raises(Malformed):
        avatars.change(world.hub, world.alice, None, b"<svg/>")
    assert shown(world, "alice") is None


def test_a_picture_goes_with_its_account(world: World) -> None:
    accounts.create_org(world.hub, "brief", admin="olga")
    avatars.change(world.hub, world.olga, "brief", png())
    assert shown(world, "brief") == png()
    orgs.delete(world.hub, world.olga, "brief")
    accounts.create_org(world.hub, "brief", admin="olga")
    assert shown(world, "brief") is None

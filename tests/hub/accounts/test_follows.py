from __future__ import annotations

from typing import Any

import pytest

from entrepot.errors import AccountNotFound, LoginRequired, NotAllowed, Refused
from entrepot.hub.accounts import follows
from tests.support import hub_work
from tests.support.worlds import World


def names(page: Any) -> list[str]:
    return [account.name for account in page.items]


def test_followers_and_followed_are_listed_newest_first_in_pages(world: World) -> None:
    for name in ("bob", "zed", "rita"):
        follows.follow(world.hub, world.caller(name), "Alice", is_user=True)
        follows.follow(world.hub, world.alice, name, is_user=True)
        world.clock.advance(1)
    for show in (follows.following, lambda *args, **more: follows.followers(*args, is_user=True, **more)):
        first = show(world.hub, None, "alice", limit=2)
        rest = show(world.hub, None, "alice", limit=2, after=first.after)
        assert (names(first), names(rest), rest.after) == (["rita", "zed"], ["bob"], None)


def test_organisations_are_followed_too(world: World) -> None:
    follows.follow(world.hub, world.bob, "acme", is_user=False)
    follows.follow(world.hub, world.bob, "acme", is_user=False)
    assert names(follows.followers(world.hub, None, "acme", is_user=False)) == ["bob"]
    follows.unfollow(world.hub, world.bob, "acme", is_user=False)
    follows.unfollow(world.hub, world.bob, "acme", is_user=False)
    assert names(follows.followers(world.hub, None, "acme", is_user=False)) == []


def test_a_deleted_user_follows_no_one(world: World) -> None:
    follows.follow(world.hub, world.zed, "alice", is_user=True)
    hub_work.delete_user(world.hub, "zed")
    assert names(follows.followers(world.hub, None, "alice", is_user=True)) == []


def test_errors_name_accounts_that_cannot_be_followed(world: World) -> None:
    with pytest.raises(Refused):
        follows.follow(world.hub, world.bob, "bob", is_user=True)
    with pytest.raises(LoginRequired):
        follows.follow(world.hub, None, "alice", is_user=True)
    with pytest.raises(NotAllowed):
        follows.follow(world.hub, world.caller("bob", "read"), "alice", is_user=True)
    for name, is_user in (("acme", True), ("alice", False), ("nobody", True)):
        with pytest.raises(AccountNotFound):
            follows.follow(world.hub, world.bob, name, is_user=is_user)
        with pytest.raises(AccountNotFound):
            follows.followers(world.hub, None, name, is_user=is_user)

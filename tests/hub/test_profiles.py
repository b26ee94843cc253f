from __future__ import annotations

from typing import Any

import pytest

from entrepot.errors import AccountNotFound, LoginRequired, NotAllowed
from entrepot.hub import profiles, repositories
from entrepot.names import RepoType


def test_repositories_are_counted_as_far_as_the_caller_sees_them(world: Any) -> None:
    world.repo("alice/open")
    world.repo("alice/closed", visibility="private")
    world.repo("alice/data", kind=RepoType.DATASET, visibility="private")
    gone = world.repo("alice/gone")
    repositories.delete(world.hub, world.alice, gone)
    everything = {RepoType.MODEL: 2, RepoType.DATASET: 1}
    for caller, expected in (
        (world.alice, everything),
        (world.root, everything),
        (world.bob, {RepoType.MODEL: 1}),
        (None, {RepoType.MODEL: 1}),
    ):
        assert profiles.user(world.hub, caller, "Alice").counts == expected


def test_a_user_is_shown_with_organisations_and_an_organisation_with_members(world: Any) -> None:
    assert [org.name for org in profiles.user(world.hub, None, "rita").related] == ["acme"]
    assert profiles.user(world.hub, None, "bob").related == []
    found = profiles.org(world.hub, None, "ACME")
    assert found.account.name == "acme"
    assert [member.name for member in found.related] == ["carl", "olga", "rita", "wendy"]


def test_a_user_is_no_organisation_nor_the_other_way_round(world: Any) -> None:
    for show, name in ((profiles.user, "acme"), (profiles.org, "alice"), (profiles.user, "no"), (profiles.org, "no")):
        with pytest.raises(AccountNotFound):
            show(world.hub, world.root, name)


def test_stored_bytes_are_for_those_who_belong_there(world: Any) -> None:
    mine = world.repo("alice/m", visibility="private")
    world.add_large(mine, "w.bin", b"\0" * 500)
    theirs = world.repo("acme/m", by=world.olga, visibility="private")
    assert [(full.info.row.ref, full.used_bytes) for full in profiles.stored(world.hub, world.alice, None)] == [
        (mine, 500)
    ]
    assert [full.info.row.ref for full in profiles.stored(world.hub, world.rita, "acme")] == [theirs]
    with pytest.raises(NotAllowed, match="not a member of acme"):
        profiles.stored(world.hub, world.bob, "acme")
    with pytest.raises(LoginRequired):
        profiles.stored(world.hub, None, "acme")
    with pytest.raises(AccountNotFound):
        profiles.stored(world.hub, world.alice, "bob")

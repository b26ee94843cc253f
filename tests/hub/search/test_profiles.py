from __future__ import annotations

import pytest

from entrepot.errors import AccountNotFound, InvalidName, LoginRequired, NotAllowed
from entrepot.hub.accounts import follows
from entrepot.hub.community import collection_views, collections, discussions, likes
from entrepot.hub.community.collections import CollectionDraft
from entrepot.hub.repos import repositories
from entrepot.hub.search import profiles
from entrepot.names import RepoType
from tests.support.worlds import World


def test_repositories_are_counted_as_far_as_the_caller_sees_them(world: World) -> None:
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


def test_a_user_is_shown_with_organisations_and_an_organisation_with_the_number_of_members(world: World) -> None:
    assert [org.name for org in profiles.user(world.hub, None, "rita").orgs] == ["acme"]
    assert profiles.user(world.hub, None, "bob").orgs == []
    found = profiles.org(world.hub, None, "ACME")
    assert found.account.name == "acme"
    assert found.members == 4


def test_a_user_is_no_organisation_nor_the_other_way_round(world: World) -> None:
    for show, name in ((profiles.user, "acme"), (profiles.org, "alice"), (profiles.user, "no"), (profiles.org, "no")):
        with pytest.raises(AccountNotFound):
            show(world.hub, world.root, name)


def test_stored_bytes_are_for_those_who_belong_there(world: World) -> None:
    mine = world.repo("alice/m", visibility="private")
    world.add_large(mine, "w.bin", b"\0" * 500)
    theirs = world.repo("acme/m", by=world.olga, visibility="private")
    assert [(full.info.row.ref, full.used_bytes) for full in profiles.stored(world.hub, world.alice, None).items] == [
        (mine, 500)
    ]
    assert [full.info.row.ref for full in profiles.stored(world.hub, world.rita, "acme").items] == [theirs]
    with pytest.raises(NotAllowed, match="not a member of acme"):
        profiles.stored(world.hub, world.bob, "acme")
    with pytest.raises(LoginRequired):
        profiles.stored(world.hub, None, "acme")
    with pytest.raises(AccountNotFound):
        profiles.stored(world.hub, world.alice, "bob")


def test_counts_include_only_public_things(world: World) -> None:
    hub = world.hub
    seen, hidden = world.repo("alice/seen"), world.repo("alice/hidden", visibility="private")
    for ref in (seen, hidden):
        likes.like(hub, world.alice, ref)
        discussions.create(hub, world.alice, ref, "Title", "Text")
    for title, is_private in (("open", False), ("closed", True)):
        made = collections.create(hub, world.alice, CollectionDraft(title, "alice", is_private=is_private))
        collections.vote(hub, world.alice, collection_views.slug_of(made.row), is_for=True)
    follows.follow(hub, world.bob, "alice", is_user=True)
    follows.follow(hub, world.alice, "acme", is_user=False)
    found = profiles.user(hub, world.bob, "alice")
    assert (found.likes, found.discussions, found.upvotes) == (1, 1, 1)
    assert (found.followers, found.following, found.is_followed) == (1, 0, True)
    assert not profiles.user(hub, None, "alice").is_followed
    acme = profiles.org(hub, world.alice, "acme")
    assert (acme.followers, acme.is_followed) == (1, True)


def test_users_introduce_themselves(world: World) -> None:
    profiles.change_profile(world.hub, world.bob, fullname="Bob B.", details="I train\nmodels.")
    profiles.change_profile(world.hub, world.bob)
    account = profiles.user(world.hub, None, "bob").account
    assert (account.fullname, account.details) == ("Bob B.", "I train\nmodels.")
    with pytest.raises(NotAllowed):
        profiles.change_profile(world.hub, world.caller("bob", "read"), fullname="X")
    with pytest.raises(InvalidName):
        profiles.change_profile(world.hub, world.bob, fullname="\u202e")

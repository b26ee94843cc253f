from __future__ import annotations

import pytest

from entrepot.errors import LoginRequired, Malformed, NotAllowed, RepoNotFound, ThingNotFound
from entrepot.hub.community import discussions, subscriptions
from entrepot.hub.community.subscriptions import Subscription
from entrepot.hub.repos import repositories
from entrepot.hub.repos.repositories import RepoChanges
from tests.support.worlds import World


def test_owners_and_creators_watch_unless_they_choose_otherwise(world: World) -> None:
    own, shared = world.repo("alice/m"), world.repo("acme/m", world.carl)
    assert subscriptions.of_repo(world.hub, world.alice, own) == Subscription("all", is_chosen=False)
    assert subscriptions.of_repo(world.hub, world.carl, shared).level == "all"
    assert subscriptions.of_repo(world.hub, world.olga, shared).level == "participating"
    assert subscriptions.choose(world.hub, world.alice, own, "none") == Subscription("none", is_chosen=True)
    assert subscriptions.of_repo(world.hub, world.alice, own).level == "none"
    assert subscriptions.choose(world.hub, world.alice, own, "all") == Subscription("all", is_chosen=False)
    with pytest.raises(Malformed, match="expected one of"):
        subscriptions.choose(world.hub, world.alice, own, "loud")


def test_the_choice_needs_a_token_that_may_write(world: World) -> None:
    ref = world.repo("alice/m")
    discussions.create(world.hub, world.bob, ref, "A question", "Why?")
    reads = world.caller("bob", "read")
    assert subscriptions.of_repo(world.hub, reads, ref).level == "participating"
    assert not subscriptions.is_muted(world.hub, reads, ref, 1)
    with pytest.raises(NotAllowed):
        subscriptions.choose(world.hub, reads, ref, "all")
    with pytest.raises(NotAllowed):
        subscriptions.mute(world.hub, reads, ref, 1, is_muted=True)
    with pytest.raises(LoginRequired):
        subscriptions.choose(world.hub, None, ref, "all")
    with pytest.raises(LoginRequired):
        subscriptions.of_repo(world.hub, None, ref)


def test_a_hidden_repository_has_no_choices_for_strangers(world: World) -> None:
    ref = world.repo("alice/m", visibility="private")
    with pytest.raises(RepoNotFound):
        subscriptions.of_repo(world.hub, world.bob, ref)
    with pytest.raises(RepoNotFound):
        subscriptions.choose(world.hub, world.bob, ref, "all")
    with pytest.raises(RepoNotFound):
        subscriptions.mute(world.hub, world.bob, ref, 1, is_muted=True)


def test_only_discussions_that_exist_are_muted(world: World) -> None:
    ref = world.repo("alice/m")
    with pytest.raises(ThingNotFound):
        subscriptions.mute(world.hub, world.bob, ref, 1, is_muted=True)
    discussions.create(world.hub, world.bob, ref, "A question", "Why?")
    subscriptions.mute(world.hub, world.bob, ref, 1, is_muted=True)
    assert subscriptions.is_muted(world.hub, world.bob, ref, 1)
    assert not subscriptions.is_muted(world.hub, world.alice, ref, 1)
    repositories.configure(world.hub, world.alice, ref, RepoChanges(options={"discussionsDisabled": True}))
    with pytest.raises(NotAllowed, match="disabled"):
        subscriptions.mute(world.hub, world.bob, ref, 1, is_muted=False)

from __future__ import annotations

import pytest

from entrepot.catalog.repos import repositories as repos
from entrepot.errors import AccountNotFound, LoginRequired, NotAllowed, RepoNotFound
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.community import likes
from entrepot.hub.repos import repositories
from entrepot.hub.repos.repositories import RepoChanges
from entrepot.names import RepoRef
from tests.support.worlds import World


def count(world: World, ref: RepoRef) -> int:
    with world.hub.read() as tx:
        row = repos.find(tx, ref)
    assert row is not None
    return row.likes


def liked(world: World, user: str, caller: MaybeCaller = None) -> list[str]:
    return [str(item.repo.id) for item in likes.liked_by(world.hub, caller, user).items]


def test_a_like_counts_once_however_often_it_is_given(world: World) -> None:
    ref = world.repo("alice/m")
    for caller in (world.alice, world.bob, world.bob):
        likes.like(world.hub, caller, ref)
    assert count(world, ref) == 2
    likes.unlike(world.hub, world.bob, ref)
    likes.unlike(world.hub, world.bob, ref)
    assert count(world, ref) == 1
    assert [user.name for user in likes.likers(world.hub, None, ref).items] == ["alice"]


def test_likes_are_listed_newest_first_in_pages(world: World) -> None:
    for name in "abc":
        likes.like(world.hub, world.bob, world.repo(f"alice/{name}"))
        world.clock.advance(1)
    assert liked(world, "bob") == ["alice/c", "alice/b", "alice/a"]
    first = likes.liked_by(world.hub, None, "bob", limit=2)
    rest = likes.liked_by(world.hub, None, "bob", limit=2, after=first.after)
    assert [len(first.items), len(rest.items), rest.after] == [2, 1, None]


def test_likers_come_in_pages(world: World) -> None:
    ref = world.repo("alice/m")
    for name in ("alice", "bob", "zed"):
        likes.like(world.hub, world.caller(name), ref)
    first = likes.likers(world.hub, None, ref, limit=2)
    rest = likes.likers(world.hub, None, ref, limit=2, after=first.after)
    assert {user.name for user in (*first.items, *rest.items)} == {"alice", "bob", "zed"}
    assert rest.after is None


def test_liked_private_repositories_are_not_listed_not_even_for_their_owner(world: World) -> None:
    ref = world.repo("alice/m")
    likes.like(world.hub, world.alice, ref)
    repositories.configure(world.hub, world.alice, ref, RepoChanges(visibility="private"))
    assert liked(world, "alice", world.alice) == []


def test_liking_needs_a_token_that_may_write(world: World) -> None:
    ref = world.repo("alice/m")
    with pytest.raises(LoginRequired):
        likes.like(world.hub, None, ref)
    with pytest.raises(NotAllowed):
        likes.like(world.hub, world.caller("bob", "read"), ref)
    assert count(world, ref) == 0


def test_a_hidden_repository_cannot_be_liked(world: World) -> None:
    ref = world.repo("alice/secret", visibility="private")
    for use_case in (likes.like, likes.unlike, likes.likers):
        with pytest.raises(RepoNotFound):
            use_case(world.hub, world.bob, ref)


def test_an_unknown_user_likes_nothing(world: World) -> None:
    with pytest.raises(AccountNotFound):
        likes.liked_by(world.hub, None, "nobody")

"""Buckets as repositories without commits: names, rights, lists, moves and deletion."""

import pytest

from entrepot.errors import (
    AccountNotFound,
    AlreadyExists,
    InvalidName,
    LoginRequired,
    NotAllowed,
    RepoDisabled,
    RepoNotFound,
)
from entrepot.hub.accounts import quotas
from entrepot.hub.buckets import buckets
from entrepot.hub.community import likes
from entrepot.hub.jobs import maintenance
from entrepot.hub.repos import repositories, restrictions
from entrepot.hub.repos.repositories import RepoChanges
from entrepot.hub.search import searches
from entrepot.names import RepoId, RepoRef, RepoType
from tests.support.worlds import World


def bucket(world: World, name: str = "alice/b", visibility: str | None = None) -> RepoRef:
    namespace, _, short = name.partition("/")
    by = world.caller(namespace) if namespace != "acme" else world.olga
    return buckets.create(world.hub, by, namespace, short, visibility).ref


def test_a_new_bucket_is_empty_and_in_the_callers_namespace(world: World) -> None:
    row = buckets.create(world.hub, world.alice, None, "b")
    info = buckets.describe(world.hub, None, row.ref)
    assert str(row.ref) == "bucket alice/b"
    assert (info.totals.files, info.totals.size, info.row.is_private) == (0, 0, False)
    assert row.ref.path == "buckets/alice/b"


def test_a_bucket_may_have_the_name_of_a_model_and_not_of_another_bucket(world: World) -> None:
    world.repo("alice/same")
    bucket(world, "alice/same")
    with pytest.raises(AlreadyExists) as error:
        bucket(world, "alice/Same")
    assert error.value.url == "buckets/alice/Same"


def test_names_visibilities_and_namespaces_are_checked(world: World) -> None:
    with pytest.raises(InvalidName):
        buckets.create(world.hub, world.alice, None, "a..b")
    with pytest.raises(InvalidName):
        buckets.create(world.hub, world.alice, None, "b", "secret")
    with pytest.raises(NotAllowed):
        buckets.create(world.hub, world.bob, "alice", "b")
    with pytest.raises(NotAllowed):
        buckets.create(world.hub, world.alice, "alice.folder", "b")
    with pytest.raises(LoginRequired):
        buckets.create(world.hub, None, "alice", "b")


def test_a_private_bucket_is_absent_for_others(world: World) -> None:
    ref = bucket(world, "acme/b", "private")
    for caller in (None, world.alice):
        with pytest.raises(RepoNotFound):
            buckets.describe(world.hub, caller, ref)
    assert buckets.describe(world.hub, world.rita, ref).row.is_private
    repositories.configure(world.hub, world.olga, ref, RepoChanges(visibility="public"))
    assert not buckets.describe(world.hub, None, ref).row.is_private


def test_lists_show_what_the_caller_may_see_by_name_and_in_pages(world: World) -> None:
    for name in ("acme/c", "acme/a", "acme/data"):
        bucket(world, name)
    bucket(world, "acme/b", "private")
    first = buckets.list_all(world.hub, world.rita, "acme", limit=3)
    rest = buckets.list_all(world.hub, world.rita, "acme", limit=3, after=first.after or "")
    assert [info.row.name for info in (*first.buckets, *rest.buckets)] == ["a", "b", "c", "data"]
    assert rest.after is None
    assert [info.row.name for info in buckets.list_all(world.hub, None, "acme").buckets] == ["a", "c", "data"]
    assert [info.row.name for info in buckets.list_all(world.hub, None, "acme", part="DAT").buckets] == ["data"]
    assert buckets.list_all(world.hub, world.alice, None).buckets == []
    with pytest.raises(AccountNotFound):
        buckets.list_all(world.hub, None, "nobody")
    with pytest.raises(LoginRequired):
        buckets.list_all(world.hub, None, None)


def test_a_moved_bucket_keeps_its_redirect_and_a_deleted_one_is_erased(world: World) -> None:
    ref = bucket(world)
    target = RepoRef(RepoType.BUCKET, RepoId("alice", "new"))
    assert repositories.move(world.hub, world.alice, ref, target).ref == target
    repositories.delete(world.hub, world.alice, target)
    with pytest.raises(RepoNotFound):
        buckets.describe(world.hub, world.alice, target)
    world.clock.advance(10**11)
    assert [item.kind for item in maintenance.gc(world.hub)] == ["repository"]


def test_buckets_count_as_repositories_of_the_namespace(world: World) -> None:
    bucket(world)
    assert quotas.show(world.hub, "alice").repos == 1


def found(world: World, text: str, by: str | None = None) -> list[str]:
    caller = None if by is None else world.caller(by)
    results = searches.full_text(world.hub, caller, text, [RepoType.BUCKET], skip=0, limit=9)
    return [item.hit.row.ref.path for item in results.items]


def test_a_bucket_is_found_by_its_name_by_those_who_may_see_it(world: World) -> None:
    ref = bucket(world, "alice/whales")
    bucket(world, "alice/whales-private", "private")
    assert found(world, "whales") == ["buckets/alice/whales"]
    assert len(found(world, "whales", "alice")) == 2
    assert found(world, "whales", "bob") == ["buckets/alice/whales"]
    repositories.move(world.hub, world.alice, ref, RepoRef(RepoType.BUCKET, RepoId("alice", "sharks")))
    assert (found(world, "whales"), found(world, "shark")) == ([], ["buckets/alice/sharks"])
    repositories.delete(world.hub, world.alice, RepoRef(RepoType.BUCKET, RepoId("alice", "sharks")))
    assert found(world, "sharks") == []


def test_a_bucket_can_be_liked_and_disabled(world: World) -> None:
    ref = bucket(world)
    likes.like(world.hub, world.bob, ref)
    assert buckets.describe(world.hub, None, ref).row.likes == 1
    assert [person.name for person in likes.likers(world.hub, None, ref).items] == ["bob"]
    likes.unlike(world.hub, world.bob, ref)
    assert buckets.describe(world.hub, None, ref).row.likes == 0
    restrictions.disable(world.hub, world.root, ref, "reported")
    with pytest.raises(RepoDisabled):
        buckets.describe(world.hub, world.bob, ref)
    hidden = bucket(world, "alice/hidden", "private")
    with pytest.raises(RepoNotFound):
        likes.like(world.hub, world.bob, hidden)

from __future__ import annotations

from entrepot.hub.accounts import accounts
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.community import likes
from entrepot.hub.repos import repositories
from entrepot.hub.repos.repositories import RepoChanges
from entrepot.hub.search import searches
from entrepot.names import VERSIONED_TYPES, RepoId, RepoRef, RepoType
from tests.support.worlds import World

ALL = VERSIONED_TYPES


def found(world: World, text: str, caller: MaybeCaller = None) -> list[str]:
    hits = searches.full_text(world.hub, caller, text, ALL, skip=0, limit=20)
    assert hits.total == len(hits.items)
    return [item.hit.row.name for item in hits.items]


def test_the_words_of_a_card_are_found_as_soon_as_it_is_committed(world: World) -> None:
    ref = world.repo("alice/m")
    world.add(ref, "README.md", b"---\ntags: [marine]\n---\n# Whale songs\n")
    assert found(world, "whale") == ["m"]
    assert found(world, "marine songs") == ["m"]
    world.add(ref, "README.md", b"# Shark songs\n")
    assert found(world, "whale") == []
    [item] = searches.full_text(world.hub, None, "shark", ALL, skip=0, limit=1).items
    assert item.hit.snippet == f"# {searches.BEGIN}Shark{searches.END} songs\n"


def test_metadata_are_not_part_of_the_text(world: World) -> None:
    ref = world.repo("alice/m")
    world.add(ref, "README.md", b"---\nunusual_key: hidden_word\n---\ntext\n")
    assert found(world, "unusual_key") == []


def test_a_repository_is_found_by_its_new_name_and_not_by_the_old(world: World) -> None:
    ref = world.repo("alice/caterpillar")
    moved = repositories.move(world.hub, world.alice, ref, RepoRef(RepoType.MODEL, RepoId("alice", "butterfly")))
    assert moved.name == "butterfly"
    assert found(world, "butterfly") == ["butterfly"]
    assert found(world, "caterpillar") == []


def test_private_and_deleted_repositories_are_not_found(world: World) -> None:
    ref = world.repo("alice/secret-whale", visibility="private")
    assert found(world, "whale") == found(world, "whale", world.bob) == []
    assert found(world, "whale", world.alice) == ["secret-whale"]
    repositories.configure(world.hub, world.alice, ref, RepoChanges(visibility="public"))
    assert found(world, "whale") == ["secret-whale"]
    repositories.delete(world.hub, world.alice, ref)
    assert found(world, "whale", world.alice) == []


def test_a_search_box_gets_the_most_noticed_of_each_kind_and_people(world: World) -> None:
    accounts.create_org(world.hub, "bobcats", admin="bob")
    for name in ("bob-a", "bob-b", "bob-secret"):
        world.repo(f"alice/{name}", visibility="private" if name == "bob-secret" else "public")
    world.repo("alice/bob-data", kind=RepoType.DATASET)
    likes.like(world.hub, world.zed, RepoRef(RepoType.MODEL, RepoId("alice", "bob-a")))
    quick = searches.quick(world.hub, None, "bob", ALL, limit=5)
    assert [row.name for row in quick.repos[RepoType.MODEL]] == ["bob-a", "bob-b"]
    assert quick.counts == {RepoType.MODEL: 2, RepoType.DATASET: 1, RepoType.SPACE: 0}
    assert [user.name for user in quick.users] == ["bob"]
    assert [org.name for org in quick.orgs] == ["bobcats"]


def test_trending_mixes_all_types(world: World) -> None:
    quiet, loud = world.repo("alice/quiet"), world.repo("alice/loud", kind=RepoType.DATASET)
    for name in ("bob", "zed"):
        likes.like(world.hub, world.caller(name), loud)
    likes.like(world.hub, world.bob, quiet)
    best = searches.trending(world.hub, None, ALL, limit=2)
    assert [full.info.row.name for full in best] == ["loud", "quiet"]


def test_a_search_box_is_served_whatever_is_typed_into_it(world: World) -> None:
    world.repo("alice/m")
    for text in ("a" * 60_000, "q " * 30_000, "%_\\" * 10_000):
        found = searches.quick(world.hub, None, text, ALL, limit=3)
        assert not any(found.counts.values())

from __future__ import annotations

import pytest

from entrepot.catalog.git import objects
from entrepot.catalog.git.objects import ObjectRow
from entrepot.catalog.repos import refs
from entrepot.errors import AmbiguousRevision, InvalidName, RepoNotFound, RevisionNotFound
from entrepot.git import EMPTY_TREE, Commit, Kind, Signature, encode_commit
from entrepot.hub import revisions
from entrepot.hub.repos import branches, lookups
from entrepot.hub.repos.lookups import NamedRevision
from entrepot.names import Oid, RefName, RepoRef, tag_ref
from entrepot.storage import objects as stored
from tests.support.worlds import World


def find(world: World, ref: RepoRef, text: str) -> NamedRevision:
    return lookups.find(world.hub, world.alice, ref, text)


def plant_twins(world: World, ref: RepoRef) -> list[Oid]:
    """Store commits until two of their ids begin with the same four digits; return these, ascending."""
    seen: dict[str, ObjectRow] = {}
    for number in range(10_000):
        who = Signature("alice", "alice@users.noreply.entrepot", number)
        row = stored.row_of(stored.of(Kind.COMMIT, encode_commit(Commit(EMPTY_TREE, (), who, who, "twin"))))
        twin = seen.setdefault(row.oid[:4], row)
        if twin is not row:
            with world.hub.write() as tx:
                objects.put(tx, world.row_id(ref), [twin, row], 1)
            return sorted([twin.oid, row.oid])
    raise AssertionError("ten thousand ids have no four digits in common")


def test_a_branch_comes_before_a_tag_and_both_before_the_beginning_of_an_id(world: World) -> None:
    ref = world.repo()
    first, second = world.head(ref), world.add(ref, "a")
    branches.create_tag(world.hub, world.alice, ref, first, "v1", None)
    assert (find(world, ref, "v1").ref, find(world, ref, "v1").logged.oid) == ("refs/tags/v1", first)
    branches.create_branch(world.hub, world.alice, ref, "v1", start=second, is_empty=False, overwrites=False)
    found = find(world, ref, "v1")
    assert (found.ref, found.name, found.logged.oid) == ("refs/heads/v1", "v1", second)
    digits = first[:4]
    with world.hub.write() as tx:  # older repositories have such names
        refs.swap(tx, world.row_id(ref), tag_ref(digits), None, second, 1)
    assert find(world, ref, digits).logged.oid == second


def test_a_full_id_comes_before_a_branch_of_the_same_name(world: World) -> None:
    ref = world.repo()
    first, second = world.head(ref), world.add(ref, "a")
    with world.hub.write() as tx:
        refs.swap(tx, world.row_id(ref), RefName(f"refs/heads/{first}"), None, second, 1)
    found = find(world, ref, first)
    assert (found.ref, found.logged.oid, found.logged.commit.title) == (None, first, "initial commit")


def test_an_annotated_tag_is_its_commit(world: World) -> None:
    ref = world.repo()
    branches.create_tag(world.hub, world.alice, ref, "main", "v1", "a message")
    assert find(world, ref, "v1").logged.oid == world.head(ref)


@pytest.mark.parametrize("digits", [4, 5, 8, 39])
def test_four_digits_are_enough(world: World, digits: int) -> None:
    ref = world.repo()
    oid = world.head(ref)
    assert find(world, ref, oid[:digits]).logged.oid == oid


def test_elsewhere_four_digits_are_no_revision(world: World) -> None:
    ref = world.repo()
    with world.hub.read() as tx, pytest.raises(RevisionNotFound):
        revisions.resolve(tx, world.row_id(ref), world.head(ref)[:4])


def test_an_ambiguous_beginning_names_the_candidates(world: World) -> None:
    ref = world.repo()
    twins = plant_twins(world, ref)
    with pytest.raises(AmbiguousRevision) as caught:
        find(world, ref, twins[0][:4])
    assert caught.value.candidates == tuple(twins)
    same = next(at for at in range(40) if twins[0][at] != twins[1][at])
    assert find(world, ref, twins[1][: same + 1]).logged.oid == twins[1]


@pytest.mark.parametrize("text", ["abc", "ffff", "nothing", "ABCD", "f" * 40, "refs/heads/main", "HEAD"])
def test_other_texts_name_nothing(world: World, text: str) -> None:
    with pytest.raises(RevisionNotFound):
        find(world, world.repo(), text)


def test_a_text_that_cannot_be_a_name_is_refused(world: World) -> None:
    with pytest.raises((InvalidName, RevisionNotFound)):
        find(world, world.repo(), "a..b\0")


def test_a_private_repository_does_not_exist_for_others(world: World) -> None:
    ref = world.repo(visibility="private")
    with pytest.raises(RepoNotFound):
        lookups.find(world.hub, world.bob, ref, "main")

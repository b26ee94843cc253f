"""What is read from buckets: lists, single files, and bytes."""

import contextlib

import pytest

from entrepot.catalog.files.bucket_files import BucketFile
from entrepot.errors import EntryNotFound, RepoNotFound
from entrepot.hub.buckets import batches, bucket_contents, buckets
from entrepot.hub.buckets.batches import EMPTY, AddToBucket
from entrepot.names import RepoRef
from tests.support.chunk_sender import Sender
from tests.support.worlds import World


@pytest.fixture
def filled(world: World, sender: Sender) -> RepoRef:
    """Return a private bucket with three files."""
    ref = buckets.create(world.hub, world.alice, None, "b", "private").ref
    pieces = sender.chunks(1)
    xet_hash, _ = sender.upload(ref, pieces)
    done = batches.apply(
        world.hub,
        world.alice,
        ref,
        [AddToBucket("a/x.bin", xet_hash), AddToBucket("a/empty", EMPTY), AddToBucket("z", xet_hash)],
    )
    assert done.failed == []
    return ref


def names(world: World, ref: RepoRef, prefix: str, *, is_deep: bool = True) -> list[str]:
    page = bucket_contents.list_tree(world.hub, world.alice, ref, prefix, is_deep=is_deep, limit=10)
    return [item.path for item in page.entries]


def test_lists_have_files_and_folders_and_nothing_for_unknown_or_impossible_paths(
    world: World, filled: RepoRef
) -> None:
    assert names(world, filled, "") == ["a/empty", "a/x.bin", "z"]
    assert names(world, filled, "", is_deep=False) == ["a", "z"]
    assert names(world, filled, "a/") == names(world, filled, "a") == ["a/empty", "a/x.bin"]
    assert names(world, filled, "missing") == names(world, filled, "../x") == names(world, filled, "x\0") == []


def test_single_files_are_described_in_the_order_of_the_request(world: World, filled: RepoRef) -> None:
    wanted = ["z", "a", "missing", "/etc", "a/x.bin"]
    found = bucket_contents.paths_info(world.hub, world.alice, filled, wanted)
    assert [item.path for item in found] == ["z", "a/x.bin"]
    assert all(isinstance(item, BucketFile) and item.size == 4000 for item in found)


def test_bytes_are_those_that_were_uploaded(world: World, sender: Sender, filled: RepoRef) -> None:
    data = b"".join(sender.chunks(1))
    located = bucket_contents.locate(world.hub, world.alice, filled, "a/x.bin")
    with contextlib.closing(located.open(world.hub)) as content:
        assert content.read_at(0, len(data) + 1) == data
    empty = bucket_contents.locate(world.hub, world.alice, filled, "a/empty")
    with contextlib.closing(empty.open(world.hub)) as content:
        assert (content.size, content.read_at(0, 10)) == (0, b"")
    for path in ("a", "nothing", "../z", ""):
        with pytest.raises(EntryNotFound):
            bucket_contents.locate(world.hub, world.alice, filled, path)


def test_others_cannot_read_a_private_bucket(world: World, filled: RepoRef) -> None:
    for caller in (None, world.bob):
        with pytest.raises(RepoNotFound):
            bucket_contents.locate(world.hub, caller, filled, "z")
        with pytest.raises(RepoNotFound):
            bucket_contents.list_tree(world.hub, caller, filled, "", is_deep=True, limit=1)
        with pytest.raises(RepoNotFound):
            bucket_contents.paths_info(world.hub, caller, filled, ["z"])

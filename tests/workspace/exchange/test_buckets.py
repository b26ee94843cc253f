from pathlib import Path

import pytest
from obstore.store import MemoryStore

from entrepot.errors import StorageUnreachable
from entrepot.workspace.exchange.buckets import PlainBucket, open_plain_bucket
from entrepot.workspace.stores.buckets import Bucket, LargeObjects
from entrepot.workspace.stores.buckets.folders import FolderBucket
from entrepot.workspace.stores.buckets.remote import RemoteBucket
from tests.support.machines import Machine, Team


@pytest.fixture(params=["memory", "folder"])
def bucket(request: pytest.FixtureRequest, tmp_path: Path) -> PlainBucket:
    opened: Bucket = RemoteBucket(MemoryStore(), "s3h://b", "nobody")
    if request.param == "folder":
        (tmp_path / "b").mkdir()
        opened = FolderBucket(tmp_path / "b", "file://b")
    return PlainBucket(opened, "b")


def test_a_file_is_stored_once_and_replaced_on_demand(bucket: PlainBucket, tmp_path: Path) -> None:
    file = tmp_path / "f"
    for content in (b"", b"a" * 100_000):
        file.write_bytes(content)
        assert bucket.put_file("x/y", file, is_forced=True)
        assert b"".join(bucket.slices("x/y", len(content))) == content
        assert not bucket.put_file("x/y", file, is_forced=False)
    assert bucket.put_file("new", file, is_forced=False)


def test_an_object_that_changes_while_it_is_read_is_no_content(bucket: PlainBucket) -> None:
    bucket.bucket.put_new("k", b"12345")
    for key, size in (("k", 9), ("none", 1)):
        with pytest.raises(StorageUnreachable, match="changed while it was read"):
            bucket.digest(key, size)


def test_objects_are_stored_in_parts_where_that_is_possible() -> None:
    assert isinstance(RemoteBucket(MemoryStore(), "s3h://b", "nobody"), LargeObjects)


def test_settings_of_a_storage_are_the_defaults_without_its_prefix(team: Team, machine: Machine) -> None:
    (team.place / "plain").mkdir()
    machine.ok("repository", "storage", "add", str(team.place / "plain"), "--type=file", "--prefix=tenant")
    opened = open_plain_bucket(machine.project(), "file", str(team.place / "plain"))
    assert opened.bucket.put_new("k", b"v")
    assert (team.place / "plain/k").read_bytes() == b"v"

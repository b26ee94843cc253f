"""What every kind of bucket must do: the same tests in memory, in a folder, and on a real S3 server."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from entrepot.errors import BucketMissing, LimitExceeded
from entrepot.workspace.stores import StorageConfig
from entrepot.workspace.stores.buckets import Bucket, PrefixedBucket
from entrepot.workspace.stores.buckets.opening import open_bucket
from entrepot.workspace.stores.buckets.sftp import SftpBucket
from tests.support.chunk_stores import memory_bucket, noise
from tests.support.drive_server import running_drive
from tests.support.sftp_server import running_ssh_host

KINDS = ["memory", "folder", "prefixed", "sftp", "drive", "azure", "s3"]


@pytest.fixture(params=KINDS)
def bucket(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bucket]:
    if request.param == "memory":
        yield memory_bucket()
    elif request.param == "prefixed":
        yield PrefixedBucket(memory_bucket(), "team/a/")
    elif request.param == "folder":
        yield open_bucket(StorageConfig("file", str(tmp_path)), environ={}, home=tmp_path, retries=0)
    elif request.param == "sftp":
        with running_ssh_host(tmp_path) as host:
            sftp = SftpBucket(host.config(), {}, tmp_path, 1)
            yield sftp
            sftp.close()
    elif request.param == "drive":
        with running_drive(tmp_path) as drive:
            yield drive.bucket()
    elif request.param == "azure":
        azure = request.getfixturevalue("azure_server")
        azure.make_container(name := f"conformance{abs(hash(tmp_path)) % 10**9}")
        yield open_bucket(StorageConfig("azureblobh", name), environ=azure.environ(), home=tmp_path, retries=1)
    else:
        server = request.getfixturevalue("s3_server")
        config = server.make_bucket(f"conformance{abs(hash(tmp_path)) % 10**9}")
        yield open_bucket(config, environ=server.environ(), home=tmp_path, retries=1)


def test_an_object_is_what_was_put(bucket: Bucket) -> None:
    assert bucket.put_new("ws1/a/b.json", b"content")
    found = bucket.get("ws1/a/b.json", 100)
    assert found is not None
    assert bytes(found.data) == b"content"


def test_views_and_empty_objects_can_be_put(bucket: Bucket) -> None:
    assert bucket.put_new("ws1/view", memory_view := memoryview(noise(5000))[1:4001])
    assert bucket.put_new("ws1/empty", b"")
    found, empty = bucket.get("ws1/view", 5000), bucket.get("ws1/empty", 5000)
    assert found is not None
    assert bytes(found.data) == bytes(memory_view)
    assert empty is not None
    assert bytes(empty.data) == b""


def test_an_object_that_is_there_stays(bucket: Bucket) -> None:
    bucket.put_new("ws1/a", b"first")
    assert not bucket.put_new("ws1/a", b"second")
    found = bucket.get("ws1/a", 100)
    assert found is not None
    assert bytes(found.data) == b"first"


def test_of_many_writers_at_the_same_time_one_wins(bucket: Bucket) -> None:
    start, wins, lock = threading.Barrier(12), list[int](), threading.Lock()

    def write(number: int) -> None:
        start.wait()
        if bucket.put_new("ws1/race", b"%d" % number):
            with lock:
                wins.append(number)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = bucket.get("ws1/race", 100)
    assert found is not None
    assert [int(bytes(found.data))] == wins


def test_an_object_is_replaced_only_in_the_version_that_was_read(bucket: Bucket) -> None:
    bucket.put_new("ws1/a", b"1")
    first = bucket.get("ws1/a", 100)
    assert first is not None
    assert bucket.replace("ws1/a", b"22", first.version)
    assert not bucket.replace("ws1/a", b"333", first.version)
    found = bucket.get("ws1/a", 100)
    assert found is not None
    assert bytes(found.data) == b"22"


def test_an_absent_object_is_not_replaced(bucket: Bucket) -> None:
    bucket.put_new("ws1/other", b"1")
    other = bucket.get("ws1/other", 100)
    assert other is not None
    assert not bucket.replace("ws1/none", b"2", other.version)
    assert bucket.get("ws1/none", 100) is None


def test_ranges_end_with_the_object(bucket: Bucket) -> None:
    bucket.put_new("ws1/a", b"0123456789")
    for start, end, expected in ((0, 10, b"0123456789"), (3, 5, b"34"), (8, 20, b"89"), (4, 4, b""), (20, 30, b"")):
        found = bucket.read("ws1/a", start, end)
        assert found is not None
        assert bytes(found) == expected


def test_an_absent_object_is_none(bucket: Bucket) -> None:
    assert bucket.get("ws1/none", 10) is None
    assert bucket.read("ws1/none", 0, 10) is None
    assert bucket.stat("ws1/none") is None
    bucket.delete("ws1/none")


def test_an_object_beyond_the_limit_is_not_read(bucket: Bucket) -> None:
    bucket.put_new("ws1/a", b"x" * 100)
    with pytest.raises(LimitExceeded):
        bucket.get("ws1/a", 99)


def test_the_metadata_of_an_object(bucket: Bucket) -> None:
    bucket.put_new("ws1/a", b"12345")
    found = bucket.stat("ws1/a")
    assert found is not None
    assert (found.key, found.size) == ("ws1/a", 5)
    assert found.modified > 1_600_000_000


def test_a_list_has_every_key_with_the_prefix_and_no_other(bucket: Bucket) -> None:
    for key in ("ws1/x/ab12", "ws1/x/ab34", "ws1/x/cd", "ws1/xy", "ws2/x/ab"):
        bucket.put_new(key, key.encode())
    assert sorted(found.key for found in bucket.list("ws1/x/ab")) == ["ws1/x/ab12", "ws1/x/ab34"]
    assert sorted(found.key for found in bucket.list("ws1/x/")) == ["ws1/x/ab12", "ws1/x/ab34", "ws1/x/cd"]
    assert sorted(found.key for found in bucket.list("ws1/")) == ["ws1/x/ab12", "ws1/x/ab34", "ws1/x/cd", "ws1/xy"]
    assert {found.key: found.size for found in bucket.list("")}["ws2/x/ab"] == 8
    assert list(bucket.list("ws3/")) == []


def test_keys_at_the_root_are_listed(bucket: Bucket) -> None:
    bucket.put_new("zdj7WaBc", b"1")
    bucket.put_new("ws1/a", b"1")
    assert [found.key for found in bucket.list("zdj7W")] == ["zdj7WaBc"]


def test_a_deleted_object_is_gone(bucket: Bucket) -> None:
    bucket.put_new("ws1/a", b"1")
    bucket.delete("ws1/a")
    assert bucket.stat("ws1/a") is None
    assert bucket.put_new("ws1/a", b"2")


@pytest.mark.parametrize("kind", ["folder", "s3"])
def test_a_bucket_that_does_not_exist_is_named(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    if kind == "folder":
        absent = open_bucket(StorageConfig("file", str(tmp_path / "no")), environ={}, home=tmp_path, retries=0)
    else:
        server = request.getfixturevalue("s3_server")
        absent = open_bucket(server.config("absent"), environ=server.environ(), home=tmp_path, retries=0)
    with pytest.raises(BucketMissing, match="does not exist"):
        absent.put_new("ws1/a", b"1")
    with pytest.raises(BucketMissing):
        absent.get("ws1/a", 10)
    with pytest.raises(BucketMissing):
        list(absent.list("ws1/"))

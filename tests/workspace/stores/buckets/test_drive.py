"""Buckets in Google Drive, against a fake that answers as the API reference says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from entrepot.errors import BucketMissing, InvalidArgument, StorageRefused, StorageUnreachable
from entrepot.workspace.stores import StorageConfig
from entrepot.workspace.stores.buckets import Bucket
from entrepot.workspace.stores.buckets.opening import open_bucket
from tests.support.chunk_stores import Desk, noise
from tests.support.drive_server import FakeDrive, running_drive


@pytest.fixture
def drive(tmp_path: Path) -> Iterator[FakeDrive]:
    with running_drive(tmp_path) as running:
        yield running


def test_a_version_is_published_and_fetched(drive: FakeDrive, tmp_path: Path) -> None:
    files = {"a": noise(300_000, 1), "b": b""}
    desk = Desk.create(tmp_path, drive.bucket())
    version = desk.publish(files)
    desk.fetch(version)
    assert desk.fetched(version) == files


def test_odd_names_are_quoted(drive: FakeDrive) -> None:
    drive.add("it's a \\ bucket", b"", mimeType="application/vnd.google-apps.folder")
    bucket = drive.bucket("it's a \\ bucket")
    assert bucket.put_new("it's", b"1")
    assert not bucket.put_new("it's", b"2")


def test_the_oldest_of_several_files_counts_and_all_are_deleted(drive: FakeDrive) -> None:
    folder = drive.search("name = 'data'")[0]["id"]
    drive.add("a", b"first", parents=[folder])
    drive.add("a", b"second", parents=[folder])
    bucket = drive.bucket()
    found = bucket.get("a", 10)
    assert found is not None
    assert bytes(found.data) == b"first"
    assert [each.key for each in bucket.list("")] == ["a"]
    bucket.delete("a")
    assert bucket.stat("a") is None


def test_a_list_has_several_pages(drive: FakeDrive) -> None:
    bucket = drive.bucket()
    for number in range(5):
        bucket.put_new(f"k{number}", b"")
    assert len(list(bucket.list("k"))) == 5


@pytest.mark.parametrize("failure", [(429, "x"), (500, "backendError"), (403, "userRateLimitExceeded")])
def test_a_busy_drive_is_asked_again(drive: FakeDrive, failure: tuple[int, str]) -> None:
    drive.failures.append(failure)
    assert drive.bucket().put_new("a", b"1")
    drive.failures += [failure] * 2
    with pytest.raises(StorageUnreachable, match="gdriveh://data"):
        drive.bucket().stat("a")


def test_a_refusal_names_the_file_with_the_credentials(drive: FakeDrive) -> None:
    drive.failures.append((403, "insufficientFilePermissions"))
    with pytest.raises(StorageRefused, match=r"account\.json: insufficientFilePermissions"):
        drive.bucket().stat("a")


def test_other_failures_are_said(drive: FakeDrive) -> None:
    drive.failures.append((400, "invalid"))
    with pytest.raises(StorageUnreachable, match="status 400: invalid"):
        drive.bucket().stat("a")


def test_a_folder_that_does_not_exist_is_named(drive: FakeDrive) -> None:
    with pytest.raises(BucketMissing, match="gdriveh://absent"):
        drive.bucket("absent").stat("a")


def opened(path: Path) -> Bucket:
    return open_bucket(StorageConfig("gdriveh", "data", profile=str(path)), environ={}, home=path.parent, retries=0)


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (None, StorageRefused),
        ("secret no json", StorageRefused),
        (json.dumps({"type": "service_account", "private_key": "secret"}), StorageRefused),
        (json.dumps({"type": "authorized_user"}), StorageRefused),
        (json.dumps({"type": "other"}), InvalidArgument),
        (json.dumps([]), InvalidArgument),
    ],
)
def test_credentials_that_cannot_be_used(tmp_path: Path, content: str | None, error: type[Exception]) -> None:
    path = tmp_path / "file.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(error, match=r"file\.json") as caught:
        opened(path)
    assert "secret" not in str(caught.value)


def test_a_token_that_is_refused_is_a_refusal(drive: FakeDrive, tmp_path: Path) -> None:
    account = json.loads(drive.credentials.read_text())
    account["token_uri"] = f"{drive.url}/nothing-here"
    drive.credentials.write_text(json.dumps(account))
    with pytest.raises(StorageRefused, match=r"account\.json"):
        drive.bucket().stat("a")


def test_a_user_is_accepted(tmp_path: Path) -> None:
    user = {"type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "r"}
    (tmp_path / "user.json").write_text(json.dumps(user))
    assert opened(tmp_path / "user.json") is not None

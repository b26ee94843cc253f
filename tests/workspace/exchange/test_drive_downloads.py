from collections.abc import Iterator
from pathlib import Path

import pytest

from entrepot.client.progress import Silent
from entrepot.errors import Malformed, ObjectsMissing
from entrepot.workspace.exchange.drive_downloads import download_drive
from entrepot.workspace.stores.buckets.drive_calls import DriveClient
from tests.support.drive_server import FOLDER, FakeDrive, running_drive


@pytest.fixture
def drive(tmp_path: Path) -> Iterator[FakeDrive]:
    with running_drive(tmp_path) as running:
        yield running


def calls(drive: FakeDrive) -> DriveClient:
    return DriveClient(drive.config(), Path("/"), 0, api=drive.url)


def test_a_folder_and_a_file_are_fetched(drive: FakeDrive, tmp_path: Path) -> None:
    top = drive.add("top", b"", mimeType=FOLDER)["id"]
    inner = drive.add("inner", b"", mimeType=FOLDER, parents=[top])["id"]
    file = drive.add("a", b"1", parents=[top])["id"]
    drive.add("b", b"22", parents=[inner])
    drive.add("empty", b"", parents=[inner])
    target = tmp_path / "target"
    assert download_drive(calls(drive), top, target, Silent()) == 3
    assert (target / "inner/b").read_bytes() == b"22"
    assert (target / "inner/empty").read_bytes() == b""
    assert download_drive(calls(drive), file, tmp_path / "one", Silent()) == 1
    for missing in ("none", drive.add("x", b"", mimeType=FOLDER)["id"]):
        with pytest.raises(ObjectsMissing):
            download_drive(calls(drive), missing, target, Silent())


@pytest.mark.parametrize("names", [("../x",), ("a/b", "a"), (".git",), ("a", "a"), ("A", "a")])
def test_hostile_names_are_refused(drive: FakeDrive, tmp_path: Path, names: tuple[str, ...]) -> None:
    top = drive.add("top", b"", mimeType=FOLDER)["id"]
    for name in names:
        drive.add(name, b"x", parents=[top])
    with pytest.raises(Malformed, match="Drive"):
        download_drive(calls(drive), top, tmp_path / "target", Silent())
    assert not (tmp_path / "target").exists()

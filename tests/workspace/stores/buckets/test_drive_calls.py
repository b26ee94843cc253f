from pathlib import Path

import pytest

from entrepot.errors import StorageRefused, StorageUnreachable
from entrepot.workspace.stores.buckets.drive_calls import DriveClient
from tests.support.drive_server import FakeDrive, running_drive


def client(drive: FakeDrive, waits: list[float]) -> DriveClient:
    return DriveClient(drive.config(), Path("/"), 2, api=drive.url, wait=waits.append)


def test_requests_are_repeated_while_drive_is_busy(tmp_path: Path) -> None:
    waits: list[float] = []
    with running_drive(tmp_path) as drive:
        calls = client(drive, waits)
        drive.failures += [(403, "rateLimitExceeded"), (500, "x")]
        assert [file["name"] for file in calls.search("name = 'data'", "id,name")] == ["data"]
        drive.failures += [(503, "x")] * 3
        with pytest.raises(StorageUnreachable):
            calls.send("GET", "/drive/v3/files/x")
        drive.failures += [(403, "forbidden")]
        with pytest.raises(StorageRefused, match="forbidden"):
            calls.send("GET", "/drive/v3/files/x")
        assert calls.send("GET", "/drive/v3/files/none").status_code == 404
        calls.close()
    assert waits == [0.4, 0.8, 0.4, 0.8]

from __future__ import annotations

import fcntl
from pathlib import Path

import pytest

from entrepot.errors import DataFolderError, Refused
from entrepot.hub.jobs import backup_folders


def test_a_folder_without_a_marker_is_no_backup_folder(tmp_path: Path) -> None:
    with pytest.raises(DataFolderError, match="not a backup folder"):
        backup_folders.snapshots(tmp_path)


def test_a_newer_format_is_refused_with_its_number(tmp_path: Path) -> None:
    (tmp_path / "backup.json").write_text('{"entrepot-backup": 9}')
    with pytest.raises(DataFolderError, match="its format is 9"):
        backup_folders.check_marker(tmp_path)


def test_a_folder_has_one_writer_or_any_number_of_readers(tmp_path: Path) -> None:
    (tmp_path / "backup.json").write_text("{}")
    with (
        backup_folders.locked(tmp_path, fcntl.LOCK_SH),
        backup_folders.locked(tmp_path, fcntl.LOCK_SH),
        pytest.raises(Refused, match="another process"),
        backup_folders.locked(tmp_path, fcntl.LOCK_EX),
    ):
        pass

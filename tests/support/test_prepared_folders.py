from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.prepared_folders import PreparedFolders


def test_a_folder_is_filled_once_and_the_same_for_everyone(tmp_path: Path) -> None:
    filled: list[Path] = []

    def fill(place: Path) -> Path:
        filled.append(place)
        (place / "a").write_text(str(place))
        (place / "b").hardlink_to(place / "a")
        (place / "a").chmod(0o444)
        os.utime(place / "a", (1, 1))
        return place / "a"

    folders = PreparedFolders(tmp_path)
    for _ in range(3):
        file = folders.lay_out(fill)
        assert sorted(path.name for path in file.parent.iterdir()) == ["a", "b"]
        status = file.stat()
        assert (status.st_mode & 0o777, status.st_mtime, status.st_nlink) == (0o444, 1, 2)
        assert file.read_text() == str(file.parent)
        file.unlink()
        (file.parent / "new").touch()
    assert filled == [file.parent]


def test_a_folder_that_could_not_be_filled_is_filled_anew(tmp_path: Path) -> None:
    reasons = ["no", ""]

    def fill(place: Path) -> list[str]:
        (place / "half").touch()
        if reasons.pop(0):
            raise ZeroDivisionError
        return [path.name for path in place.iterdir()]

    folders = PreparedFolders(tmp_path)
    with pytest.raises(ZeroDivisionError):
        folders.lay_out(fill)
    assert folders.lay_out(fill) == ["half"]
